#include "submit/submission.h"

#include <algorithm>

#include "submit/checkpoints.h"
#include "submit/content.h"
#include "submit/load.h"

namespace braid::submit {

Result<Submission> Examine(const std::string& path, const std::vector<std::string>& only,
                           const Tools& tools) {
  BRAID_ASSIGN_OR_RETURN(Loaded loaded, LoadRecipe(path, only));
  Submission submission;
  submission.file = std::move(loaded.file);
  submission.findings = std::move(loaded.findings);
  if (!loaded.planned) return submission;
  const auto append = [&](const std::vector<Finding>& more) {
    submission.findings.insert(submission.findings.end(), more.begin(), more.end());
  };
  append(CheckContent(submission.file, tools));
  for (const recipe::Source& source : submission.file.dag.sources) {
    if (FilesOf(submission.file, source).ok()) submission.sources.push_back(source);
  }
  append(ImportCheckpoints(submission.file, tools, &submission.sources));
  // If the header of a checkpoint is wrong, reading its weights would only repeat the error.
  std::vector<recipe::Source> whole = submission.sources;
  std::erase_if(whole, [&](const recipe::Source& source) {
    return std::any_of(submission.findings.begin(), submission.findings.end(),
                       [&](const Finding& finding) {
                         return finding.field == FieldOf(submission.file.recipe, source);
                       });
  });
  append(CheckWeights(submission.file, whole));
  SortByPlace(&submission.findings);
  return submission;
}

}  // namespace braid::submit
