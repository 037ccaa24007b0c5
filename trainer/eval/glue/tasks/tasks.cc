#include "trainer/eval/glue/tasks.h"

#include "base/text.h"

namespace braid::trainer {

const std::vector<GlueTask>& GlueTasks() {
  // Never destroyed, because other static objects may use it while the program ends.
  static const auto& tasks = *new std::vector<GlueTask>{Cola(),  Sst2(), Mrpc(),    Stsb(),
                                                        Qqp(),   Mnli(), Qnli(),    Rte(),
                                                        BoolQ(), Wsc(),  MultiRc(), Copa()};
  return tasks;
}

Result<const GlueTask*> FindGlueTask(const std::string& name) {
  std::vector<std::string> names;
  for (const GlueTask& task : GlueTasks()) {
    if (task.name == name) return &task;
    names.push_back(task.name);
  }
  return InvalidArgument("there is no task \"" + name + "\"; there are " + Join(names, ", "));
}

Status ReadPair(const Row& row, const std::vector<std::string>& first,
                const std::vector<std::string>& second, const std::vector<std::string>& label,
                const std::vector<std::string>& labels, std::vector<Example>* examples) {
  Example example;
  BRAID_ASSIGN_OR_RETURN(example.first, TextOf(row, first));
  if (!second.empty()) {
    BRAID_ASSIGN_OR_RETURN(example.second, TextOf(row, second));
  }
  if (labels.empty()) {
    BRAID_ASSIGN_OR_RETURN(example.label, NumberOf(row, label));
  } else {
    BRAID_ASSIGN_OR_RETURN(example.label, ClassOf(row, label, labels));
  }
  examples->push_back(std::move(example));
  return OkStatus();
}

}  // namespace braid::trainer
