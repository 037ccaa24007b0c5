#include "task/program.h"

#include <cstdio>
#include <exception>
#include <new>
#include <vector>

#include "base/log.h"
#include "base/text.h"

namespace braid::task {
namespace {

constexpr int kPeerLost = 75;
constexpr char kOutOfMemory[] = "OUT_OF_MEMORY";
constexpr char kDeviceUnusable[] = "DEVICE_UNUSABLE";

Category CategoryOf(const Status& status) {
  if (status.reason() == kOutOfMemory) return Category::kUser;
  switch (status.code()) {
    case StatusCode::kInvalidArgument:
    case StatusCode::kNotFound:
    case StatusCode::kAlreadyExists:
    case StatusCode::kFailedPrecondition:
    case StatusCode::kOutOfRange:
    case StatusCode::kUnimplemented:
    case StatusCode::kDataLoss:
    case StatusCode::kPermissionDenied:
      return Category::kUser;
    case StatusCode::kCancelled:
      return Category::kPreempted;
    case StatusCode::kResourceExhausted:
    case StatusCode::kUnavailable:
    case StatusCode::kDeadlineExceeded:
    case StatusCode::kAborted:
      return Category::kInfra;
    default:
      return Category::kSystem;
  }
}

// Trying again cannot help: a user's mistake stays one, and what is wrong with a machine stays
// wrong there. Memory may have been taken by others.
bool Deterministic(Category category, const Status& status) {
  if (status.reason() == kOutOfMemory) return false;
  return category == Category::kUser || status.reason() == kDeviceUnusable;
}

// Programs sort what their libraries throw themselves; what else is thrown while a job runs is its
// failure too: one that is said, and not tried again without end. Memory may end in any of them.
Status Guarded(const Job& job, const Task& task, Channel& channel) {
  try {
    return job(task, channel);
  } catch (const std::bad_alloc&) {
    return Status(StatusCode::kResourceExhausted, kOutOfMemory,
                  "out of memory in a job of kind " + task.kind);
  } catch (const std::exception& error) {
    return Internal(std::string("unexpected error: ") + error.what());
  }
}

}  // namespace

std::string HintFor(const Status& status) {
  if (status.reason() == "STORAGE_FULL") return "make room on that disk; the job is tried again";
  if (status.reason() == kOutOfMemory)
    return "other programs may have taken the memory, so a job is tried again; if that does not "
           "help, give it less to hold";
  if (status.reason() == kDeviceUnusable)
    return "look at the GPUs of that machine (nvidia-smi); a job goes to another worker";
  if (status.code() == StatusCode::kDataLoss)
    return "fetch or make the file again; it is not what was written";
  if (status.code() == StatusCode::kPermissionDenied)
    return "let the user that runs the worker read and write there";
  return "";
}

int RunTaskProgram(const std::string& program, const std::string& task_file,
                   const std::map<std::string, Job>& kinds) {
  const Result<Task> task = ReadTaskFile(task_file);
  if (!task.ok()) {
    Log(LogLevel::kError, program, task.status().message());
    return 2;
  }
  Result<std::unique_ptr<Channel>> opened = Channel::Open(*task);
  if (!opened.ok()) {
    Log(LogLevel::kError, program, opened.status().message());
    return 2;
  }
  // Its reader thread lives until the program ends, so the channel is never destroyed.
  static auto* const living = new std::vector<Channel*>;
  living->push_back(opened->release());
  Channel& channel = *living->back();
  channel.Started();
  const auto kind = kinds.find(task->kind);
  if (kind == kinds.end()) {
    std::vector<std::string> names;
    for (const auto& [name, job] : kinds) names.push_back(name);
    channel.Fail(Category::kUser,
                 InvalidArgument(program + " does not do jobs of kind \"" + task->kind +
                                 "\", only " + Join(names, ", ")),
                 "", true);
    return 1;
  }
  const Status status = Guarded(kind->second, *task, channel);
  if (status.ok()) return 0;
  const Category category = CategoryOf(status);
  channel.Fail(category, status, HintFor(status), Deterministic(category, status));
  if (category == Category::kPreempted) return 0;
  return status.code() == StatusCode::kAborted ? kPeerLost : 1;
}

}  // namespace braid::task
