// All examples of a task, read and checked before anything is trained.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "trainer/eval/glue/files.h"
#include "trainer/eval/glue/task.h"

namespace braid::trainer {

struct TaskData {
  struct Set {
    std::string split;
    std::string path;
    std::vector<Example> examples;
  };
  Set train;
  std::vector<Set> validation;  // in the order of GlueTask::validation
};

// `documents` (0: all) caps each file to that many examples, chosen by a draw from the task's and
// the split's name, in file order. `validation` names the splits that are read. An empty file, and
// a training set with one class (or one number) only, are kInvalidArgument that names task and
// file.
Result<TaskData> ReadTaskData(const GlueTask& task, const TaskFiles& files,
                              const std::vector<std::string>& validation, int64_t documents);

}  // namespace braid::trainer
