// What a check of a recipe finds, as a value: whoever checks recipes (braid check, plan and submit,
// the coordinator) shows the same findings in the same words.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"

namespace braid::submit {

enum class Severity {
  kError,    // a run of this recipe is refused
  kWarning,  // nothing forbids it, and it is most likely not meant
};

struct Finding {
  Severity severity = Severity::kError;
  std::string recipe;    // the recipe's file, as whoever checks calls it
  int line = 0;          // in the recipe, from 1; 0: not of one line
  int column = 0;        // in that line, from 1; 0: not known
  std::string field;     // "corpora.tales.files", "paths.0.heads"; may be empty
  std::string subject;   // the file, folder or job that it is about, where that is not the recipe
  std::string message;   // what is wrong and what to do, without the place in the recipe
  bool missing = false;  // the recipe names a file that is not on this machine

  bool operator==(const Finding&) const = default;
};

// "recipe.yaml:12:5: paths.0.heads: 3 heads do not divide width 64": a line as compilers write
// them. What is of no line begins with its subject, or with the recipe's name.
std::string TextOf(const Finding& finding);

// Findings of an error whose message has one finding a line, each with or without "RECIPE:LINE: "
// or "RECIPE:LINE:COLUMN: " in front, as ParseRecipe and merge::CheckRequirements write them. A
// field that begins the message is taken from it, too.
std::vector<Finding> FindingsOf(const Status& status, const std::string& recipe);

bool HasErrors(const std::vector<Finding>& findings);

// All errors, a line each: kInvalidArgument with reason INVALID_RECIPE. OK if there are none.
Status StatusOf(const std::vector<Finding>& findings);

// By line and column, what is of no line last; otherwise in the order in which they were found.
void SortByPlace(std::vector<Finding>* findings);

}  // namespace braid::submit
