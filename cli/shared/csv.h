// Tables as comma-separated values (RFC 4180).
#pragma once

#include <string>

namespace braid::cli {

// The text as one field: in quotes where it has a comma, a quote or a line break.
std::string CsvField(const std::string& text);

}  // namespace braid::cli
