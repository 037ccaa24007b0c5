// Which file of a folder holds which split of which task.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/status.h"

namespace braid::trainer {

// (task, split) -> path, for all .tsv and .jsonl files below a folder, which may be compressed. Two
// forms are known:
//   <task>/<split>.{tsv,jsonl}         as the official archives unpack: CoLA/train.tsv,
//                                      MNLI/dev_matched.tsv, BoolQ/val.jsonl
//   <task>.<split>[.<anything>].jsonl  flat: boolq.valid.jsonl, mnli-mm.valid.jsonl
// Case, '-' and '_' of a task's name do not matter; val, valid and validation are dev; of MNLI, dev
// is dev_matched, and dev of mnli-mm is dev_mismatched.
class TaskFiles {
 public:
  static Result<TaskFiles> Find(const std::string& folder);
  // True iff there is a file of some split of the task.
  bool Has(const std::string& task) const;
  // kInvalidArgument names the task, the split and the forms if there is none, and the files if
  // there are several.
  Result<std::string> At(const std::string& task, const std::string& split) const;

 private:
  std::string folder_;
  std::map<std::string, std::vector<std::string>> paths_;  // "cola.train" -> paths
};

// Where the tasks of each suite are. The published archives of both have an RTE, in two formats;
// one folder may be both if it holds one of them.
struct GlueFolders {
  std::string glue;
  std::string superglue;  // COPA too
};

}  // namespace braid::trainer
