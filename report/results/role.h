// What a model is in a comparison.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace braid::report {

enum class Role {
  kPath,              // trained alone on its own text, to be merged
  kComposite,         // merged from paths, after the joint training
  kCompositeStart,    // the same before its first joint step
  kDense,             // one stack, trained from scratch on all text: the baseline
  kCompositeScratch,  // built like a merge, but trained from scratch
};

// The word of task files and of report.json: "composite_start".
std::string ToWord(Role role);
// Nothing if no role has the word.
std::optional<Role> RoleOfWord(std::string_view word);
std::vector<std::string> RoleWords();

// For people: "composite, merged".
std::string TitleOf(Role role);

}  // namespace braid::report
