// The findings of a recipe's check, as values. All who check recipes (braid check, plan and submit,
// and the coordinator) show the same findings in the same words.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"

namespace braid::submit {

// The severity of a finding.
enum class Severity {
  // A run of this recipe is refused.
  kError,
  // Allowed, but most likely not intended.
  kWarning,
};

// Something that is wrong with a recipe or with a file that it names.
struct Finding {
  Severity severity = Severity::kError;
  // The name of the recipe's file, as the caller of the check gave it.
  std::string recipe;
  // The line of the recipe, from 1; 0: the finding is not about one line.
  int line = 0;
  // The column in that line, from 1; 0: unknown.
  int column = 0;
  // "corpora.tales.files", "paths.0.heads"; may be empty.
  std::string field;
  // The file, folder or job that the finding is about, if that is not the recipe itself.
  std::string subject;
  // What is wrong and what to do, without the place in the recipe.
  std::string message;
  // The recipe names a file that does not exist on this machine.
  bool missing = false;

  bool operator==(const Finding&) const = default;
};

// The finding as one line, in the form of compilers: "recipe.yaml:12:5: paths.0.heads: 3 heads do
// not divide width 64". Without a line number it begins with the subject or, if that is empty, with
// the recipe's name.
std::string TextOf(const Finding& finding);

// Converts an error whose message has one finding on each line, as ParseRecipe and
// merge::CheckRequirements write them: with or without "RECIPE:LINE: " or "RECIPE:LINE:COLUMN: " in
// front. If the message itself begins with the name of a field, the finding gets that field.
std::vector<Finding> FindingsOf(const Status& status, const std::string& recipe);

// True iff one of the findings is an error.
bool HasErrors(const std::vector<Finding>& findings);

// OK if there are no errors; otherwise kInvalidArgument (INVALID_RECIPE) with all errors, one on
// each line.
Status StatusOf(const std::vector<Finding>& findings);

// Sorts by line and column. Findings without a line come last; otherwise equal places keep their
// order.
void SortByPlace(std::vector<Finding>* findings);

}  // namespace braid::submit
