#include "task/program.h"

#include <cstdio>
#include <exception>
#include <new>

#include "base/log.h"
#include "base/text.h"

namespace braid::task {
namespace {

constexpr int kPeerLost = 75;

Category CategoryOf(const Status& status) {
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

// What libraries throw while a job runs is its failure too: one that is said, and not tried again without end.
Status Run(const Job& job, const Task& task, Channel& channel) {
  try {
    return job(task, channel);
  } catch (const std::bad_alloc&) {
    return ResourceExhausted("out of memory");
  } catch (const std::exception& error) {
    return Internal(std::string("unexpected error: ") + error.what());
  }
}

}  // namespace

std::string HintFor(const Status& status) {
  if (status.reason() == "STORAGE_FULL") return "make room on that disk; the job is tried again";
  if (status.code() == StatusCode::kDataLoss) return "fetch or make the file again; it is not what was written";
  if (status.code() == StatusCode::kPermissionDenied) return "let the user that runs the worker read and write there";
  return "";
}

int RunTaskProgram(const std::string& program, const std::string& task_file, const std::map<std::string, Job>& kinds) {
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
  Channel& channel = *opened->release();  // its reader thread lives until the program ends
  channel.Started();
  const auto kind = kinds.find(task->kind);
  if (kind == kinds.end()) {
    std::vector<std::string> names;
    for (const auto& [name, job] : kinds) names.push_back(name);
    channel.Fail(Category::kUser, InvalidArgument(program + " does not do jobs of kind \"" + task->kind + "\", only " +
                                                  Join(names, ", ")),
                 "", true);
    return 1;
  }
  const Status status = Run(kind->second, *task, channel);
  if (status.ok()) return 0;
  const Category category = CategoryOf(status);
  channel.Fail(category, status, HintFor(status), category == Category::kUser);
  if (category == Category::kPreempted) return 0;
  return status.code() == StatusCode::kAborted ? kPeerLost : 1;
}

}  // namespace braid::task
