// The main function of a task program: `braid-xxx TASK.json` reads the task, runs the job of its
// kind, and ends as docs/tasks.md says.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "base/status.h"
#include "task/channel.h"
#include "task/job_kind.h"
#include "task/task.h"

namespace braid::task {

// A job of one kind. Reports progress and outputs through the channel and ends with
// Channel::Succeed, or returns its error.
using Job = std::function<Status(const Task&, Channel&)>;

// Runs the task in the file with the job of its kind and returns the exit code. An error's code
// decides its category: bad input is `user` and deterministic; a full disk or a lost connection is
// `infra`; kCancelled is a clean stop (exit code 0); kAborted is a lost peer (exit code 75). Two
// reasons refine this: OUT_OF_MEMORY is `user` but may not happen again; DEVICE_UNUSABLE and
// PLUGIN_MISSING are `infra` and certain to happen again on this machine. Exceptions of a job are
// its errors too: std::bad_alloc is OUT_OF_MEMORY, any other is kInternal.
int RunTaskProgram(const std::string& program, const std::string& task_file,
                   const std::map<JobKind, Job>& kinds);

// What a user can do about an error, in one line; empty if nothing general can be said.
std::string HintFor(const Status& status);

}  // namespace braid::task
