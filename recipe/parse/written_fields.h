// The fields of a recipe as its text has them, without knowing what they mean.
#pragma once

#include <map>
#include <string>

namespace braid::recipe {

// The fields with their values as text, by path: "corpora.tales.files": "[tales.jsonl]". Items of a
// list that all have a name stand under it, "baselines.dense.d"; other lists are one value. At most
// 2,000 fields, and 2,000 characters of a value. Empty if the text is no YAML.
std::map<std::string, std::string> WrittenFields(const std::string& text);

}  // namespace braid::recipe
