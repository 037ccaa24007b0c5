// Parquet and Arrow files as corpora: their rows have fields as rows of JSON have. Arrow files are
// those of the format IPC (Feather 2 too) and streams of it, which the cache of Hugging Face
// `datasets` has. Internal to corpus/ and submit/.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/status.h"
#include "corpus/columnar_plugin.h"
#include "corpus/corpus.h"

namespace braid::corpus {

// The format of a file that begins with `head`, by its first bytes; none for all other files, and
// for text that happens to begin with the same letters.
std::optional<ColumnarFormat> ColumnarFormatOf(std::string_view head);
// The same of a file; none if it cannot be read.
std::optional<ColumnarFormat> ColumnarFormatOfFile(const std::string& path);

// Opens a file of columns. Errors say how a file can be converted that this installation does not
// read.
Result<std::unique_ptr<ColumnarTable>> OpenColumnar(const CorpusFile& file, ColumnarFormat format);

// Calls `use` with the document of each row, or with the error that names the file and the row,
// from 1. A file without the columns that the spec names is kInvalidArgument that lists what it
// has; ids must be below `id_limit`.
Status ReadColumnar(const CorpusSpec& spec, const CorpusFile& file, ColumnarFormat format,
                    int64_t id_limit, const std::function<Status(Result<Document>)>& use);

// The rows of a file, and the bytes of text in all of them, which is estimated from the first ones;
// of ids two bytes each. An error that begins with the file's name if it cannot be read so.
struct ColumnarSize {
  int64_t rows = 0;
  double text_bytes = 0;
};
Result<ColumnarSize> SizeOfColumnar(const CorpusSpec& spec, const CorpusFile& file);

}  // namespace braid::corpus
