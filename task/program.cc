#include "task/program.h"

#include <cstdio>
#include <exception>
#include <new>
#include <vector>

#include "base/log.h"
#include "base/text.h"
#include "trace/context.h"

namespace braid::task {
namespace {

// Exit code EX_TEMPFAIL of sysexits.h.
constexpr int kPeerLost = 75;

FailureCategory CategoryOf(const Status& status) {
  if (status.Is(ErrorReason::kOutOfMemory)) return FailureCategory::kUser;
  switch (status.code()) {
    case StatusCode::kInvalidArgument:
    case StatusCode::kNotFound:
    case StatusCode::kAlreadyExists:
    case StatusCode::kFailedPrecondition:
    case StatusCode::kOutOfRange:
    case StatusCode::kUnimplemented:
      return FailureCategory::kUser;
    case StatusCode::kCancelled:
      return FailureCategory::kPreempted;
    case StatusCode::kResourceExhausted:
    case StatusCode::kUnavailable:
    case StatusCode::kDeadlineExceeded:
    case StatusCode::kAborted:
      return FailureCategory::kInfra;
    default:
      return FailureCategory::kSystem;
  }
}

// Whether another attempt would fail in the same way. A mistake of the user's does; so does a
// broken device or an incomplete installation on the same machine. Memory may have been taken by
// other programs that end meanwhile.
bool Deterministic(FailureCategory category, const Status& status) {
  if (status.Is(ErrorReason::kOutOfMemory)) return false;
  return category == FailureCategory::kUser || status.Is(ErrorReason::kDeviceUnusable) ||
         status.Is(ErrorReason::kPluginMissing);
}

// Jobs convert the exceptions of their libraries themselves. Any other exception is an error of the
// job too: uncaught, it would end the program as a crash, which has no message and is tried again.
// Memory can run out in any library.
Status Guarded(const Job& job, const Task& task, Channel& channel) {
  try {
    return job(task, channel);
  } catch (const std::bad_alloc&) {
    return Status(StatusCode::kResourceExhausted, ErrorReason::kOutOfMemory,
                  "out of memory in a job of kind " + task.kind);
  } catch (const std::exception& error) {
    return Internal(std::string("unexpected error: ") + error.what());
  }
}

// The lines of a program are about its rank, and belong to its span.
void LogInTheFormOf(const Task& task) {
  LogSubject subject;
  subject.run = task.attempt.substr(0, task.attempt.find('/'));
  subject.job = task.job;
  subject.attempt = task.generation;
  subject.rank = task.rank;
  if (const auto span = trace::ParseTraceparent(task.traceparent)) {
    subject.trace_id = span->trace_id;
    subject.span_id = span->span_id;
  }
  SetLogFormat(LogFormatOfEnvironment(), subject);
}

}  // namespace

std::string HintFor(const Status& status) {
  if (status.Is(ErrorReason::kStorageFull)) return "make room on that disk; the job is tried again";
  if (status.Is(ErrorReason::kOutOfMemory))
    return "other programs may have taken the memory, so a job is tried again; if that does not "
           "help, give it less to hold";
  if (status.Is(ErrorReason::kDeviceUnusable))
    return "look at the GPUs of that machine (nvidia-smi); a job goes to another worker";
  if (status.Is(ErrorReason::kPluginMissing))
    return "install what is missing there; a job goes to another worker";
  if (status.code() == StatusCode::kDataLoss)
    return "fetch or make the file again; it is not what was written";
  if (status.code() == StatusCode::kPermissionDenied)
    return "let the user that runs the worker read and write there";
  return "";
}

int RunTaskProgram(const std::string& program, const std::string& task_file,
                   const std::map<JobKind, Job>& kinds) {
  const Result<Task> task = ReadTaskFile(task_file);
  if (!task.ok()) {
    Log(LogLevel::kError, program, task.status().message());
    return 2;
  }
  LogInTheFormOf(*task);
  Result<std::unique_ptr<Channel>> opened = Channel::Open(*task);
  if (!opened.ok()) {
    Log(LogLevel::kError, program, opened.status().message());
    return 2;
  }
  // The channel's reader thread uses it until the process ends, so it is never destroyed. The list
  // keeps it reachable, as a leak checker would report it otherwise.
  static auto* const living = new std::vector<Channel*>;
  living->push_back(opened->release());
  Channel& channel = *living->back();
  channel.Started();
  const std::optional<JobKind> named = JobKindOf(task->kind);
  const auto kind = named ? kinds.find(*named) : kinds.end();
  if (kind == kinds.end()) {
    std::vector<std::string> names;
    for (const auto& [of, job] : kinds) names.push_back(NameOf(of));
    channel.Fail(FailureCategory::kUser,
                 InvalidArgument(program + " does not do jobs of kind \"" + task->kind +
                                 "\", only " + Join(names, ", ")),
                 "", true);
    return 1;
  }
  const Status status = Guarded(kind->second, *task, channel);
  if (status.ok()) return 0;
  const FailureCategory category = CategoryOf(status);
  channel.Fail(category, status, HintFor(status), Deterministic(category, status));
  if (category == FailureCategory::kPreempted) return 0;
  return status.code() == StatusCode::kAborted ? kPeerLost : 1;
}

}  // namespace braid::task
