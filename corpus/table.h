// Tables as corpora: CSV (RFC 4180) and TSV, whose first record names the columns. Internal to
// corpus/.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "corpus/corpus.h"

namespace braid::corpus {

// What stands between the fields of a file whose name says that it is a table: a comma for .csv, a
// tab for .tsv and .tab, in any case and also before .gz or .zst; '\0' for all other names.
char TableSeparator(std::string_view path);

// Calls `use` with the fields of each record of a file, gzip and zstd included, and with the number
// of the line at which it begins, from 1. A field in quotes may have separators, line ends (not in
// a table with tabs), and quotes written twice in it; a quote elsewhere is a character like others.
// Lines end with LF or CRLF; empty ones are skipped. A record that cannot be read is passed as an
// error without its place, and ends with its line. Stops at the first error of `use`, and returns
// it; a quote that the file does not close is kInvalidArgument, with `name` for the file.
using Record = std::vector<std::string>;
Status ReadRecords(const std::string& path, const std::string& name, char separator,
                   const std::function<Status(Result<Record>, int64_t line)>& use);

// Calls `use` with the document of each record: the column `text` of the spec, or those of `join`,
// or the error with file and line. A table without these columns is kInvalidArgument that lists
// what it has.
Status ReadTable(const CorpusSpec& spec, const CorpusFile& file,
                 const std::function<Status(Result<std::string>)>& use);

}  // namespace braid::corpus
