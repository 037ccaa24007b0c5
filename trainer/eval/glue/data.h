// The examples of a GLUE task, read and checked before anything is trained.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "trainer/eval/glue/files.h"
#include "trainer/eval/glue/task.h"

namespace braid::trainer {

// The examples of one task, as its files have them.
struct TaskData {
  // The examples of one split.
  struct Set {
    std::string split;
    // Its user's name of the file.
    std::string file;
    std::vector<Example> examples;
  };
  Set train;
  // In the order of GlueTask::validation.
  std::vector<Set> validation;
};

// Reads the training set and the splits named by `validation`. `documents` caps each file at that
// many examples (0: all); they are chosen by draws from the names of task and split, and stay in
// file order. kInvalidArgument, with task and file, for an empty file, or for a training set in
// which all labels are equal.
Result<TaskData> ReadTaskData(const GlueTask& task, const TaskFiles& files,
                              const std::vector<std::string>& validation, int64_t documents);

}  // namespace braid::trainer
