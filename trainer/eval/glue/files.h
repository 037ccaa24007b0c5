// Finds the file of each split of each GLUE task in a folder.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "corpus/file_names.h"

namespace braid::trainer {

// Maps (task, split) to a file, for all .tsv and .jsonl files below a folder, which may be
// compressed. Two layouts are known:
//
//   <task>/<split>.{tsv,jsonl}         as the official archives unpack: CoLA/train.tsv,
//                                      MNLI/dev_matched.tsv, BoolQ/val.jsonl
//   <task>.<split>[.<anything>].jsonl  flat: boolq.valid.jsonl, mnli-mm.valid.jsonl
//
// Case, '-' and '_' in the name of a task do not matter. The splits val, valid and validation are
// dev. Of MNLI, dev is dev_matched; of mnli-mm, dev is dev_mismatched.
class TaskFiles {
 public:
  // Lists the files below `folder`; errors are those of listing.
  static Result<TaskFiles> Find(const std::string& folder);

  // Whether there is a file of any split of the task.
  bool Has(const std::string& task) const;

  // The file of a split. If there is none, kInvalidArgument names the task, the split and the
  // layouts; if there are several, it names the files.
  Result<corpus::CorpusFile> At(const std::string& task, const std::string& split) const;

 private:
  // As its user names it.
  std::string folder_;
  // Of "cola.train", for example.
  std::map<std::string, std::vector<corpus::CorpusFile>> files_;
};

// The folders of the two suites. They are separate because the published archives of both have an
// RTE, in two formats; one folder may serve as both if it has only one of them.
struct GlueFolders {
  std::string glue;
  // Also has COPA.
  std::string superglue;
};

}  // namespace braid::trainer
