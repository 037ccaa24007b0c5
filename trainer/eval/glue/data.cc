#include "trainer/eval/glue/data.h"

#include <algorithm>
#include <set>

#include "base/random.h"
#include "base/text.h"

namespace braid::trainer {
namespace {

// Keeps `documents` examples. The choice depends on the names of task and split alone, so that all
// models are trained and scored on the same examples.
void Cap(const GlueTask& task, int64_t documents, TaskData::Set* set) {
  const auto all = static_cast<uint32_t>(set->examples.size());
  if (documents <= 0 || documents >= all) return;
  std::vector<uint32_t> chosen = Permutation(
      RandomStream(0, "glue/" + task.name + "/" + set->split), all);
  chosen.resize(static_cast<size_t>(documents));
  std::sort(chosen.begin(), chosen.end());
  std::vector<Example> kept;
  for (const uint32_t index : chosen) kept.push_back(std::move(set->examples[index]));
  set->examples = std::move(kept);
}

Result<TaskData::Set> ReadSet(const GlueTask& task, const TaskFiles& files,
                              const std::string& split, int64_t documents) {
  TaskData::Set set{split, "", {}};
  BRAID_ASSIGN_OR_RETURN(const corpus::CorpusFile file, files.At(task.name, split));
  set.file = file.name;
  const auto read = [&](const Row& row) { return task.read(row, &set.examples); };
  BRAID_RETURN_IF_ERROR(ReadRows(file, task.tsv, read).Wrap("task " + task.name));
  if (set.examples.empty())
    return InvalidArgument("task " + task.name + ": " + set.file + " has no examples");
  Cap(task, documents, &set);
  return set;
}

// With one class, training would reach a loss of 0 and the score would mean nothing.
Status CheckClasses(const GlueTask& task, const TaskData::Set& train) {
  std::set<double> labels;
  for (const Example& example : train.examples) labels.insert(example.label);
  if (labels.size() > 1) return OkStatus();
  const std::string only = task.regression() ? FormatDouble(*labels.begin())
                                             : task.labels[static_cast<size_t>(*labels.begin())];
  return InvalidArgument(
      Format("task %s: %s has one class only, %s in all %zu examples used; training a classifier "
             "needs two "
             "(with `documents`, raise it)",
             task.name.c_str(), train.file.c_str(), only.c_str(), train.examples.size()));
}

}  // namespace

Result<TaskData> ReadTaskData(const GlueTask& task, const TaskFiles& files,
                              const std::vector<std::string>& validation, int64_t documents) {
  TaskData data;
  BRAID_ASSIGN_OR_RETURN(data.train, ReadSet(task, files, "train", documents));
  BRAID_RETURN_IF_ERROR(CheckClasses(task, data.train));
  for (const std::string& split : validation) {
    BRAID_ASSIGN_OR_RETURN(data.validation.emplace_back(), ReadSet(task, files, split, documents));
  }
  return data;
}

}  // namespace braid::trainer
