// JSON as YAML, for people.
#pragma once

#include <string>

namespace braid::cli {

// The JSON document `json` in block style, with its keys in their order. A text is written without
// quotes only where no reader of YAML takes it for something else. REQUIRES: `json` is JSON.
std::string YamlOf(const std::string& json);

}  // namespace braid::cli
