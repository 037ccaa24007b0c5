#include "worker/agent/outcome.h"

#include <algorithm>
#include <iterator>

#include "base/json.h"
#include "base/text.h"

namespace braid::worker {
namespace {

// Exit codes of task programs (docs/tasks.md).
constexpr int kPeerLost = 75;
constexpr int kUnfitMachine = 69;
// Signal 9, SIGKILL, everywhere, and 15, SIGTERM.
constexpr int kKillSignal = 9;
constexpr int kTerminateSignal = 15;

// Drops bytes that are not UTF-8, such as a part of a character left by a cut: strings of Protocol
// Buffers must be UTF-8, or the whole report would be refused.
std::string Utf8(std::string text) {
  const std::string quoted =
      Json(std::move(text)).dump(-1, ' ', false, Json::error_handler_t::ignore);
  return Json::parse(quoted).get<std::string>();
}

// STORAGE_FULL comes from writing here, DISK_FULL from fetching into the cache.
bool IsDiskFull(const std::string& reason) {
  return IsNameOf(reason, ErrorReason::kStorageFull) || IsNameOf(reason, ErrorReason::kDiskFull);
}

// The reasons of programs that are kept with an attempt: what follows depends on them.
bool IsKept(const std::string& reason) {
  constexpr ErrorReason kKept[] = {ErrorReason::kOutOfMemory, ErrorReason::kDeviceUnusable,
                                   ErrorReason::kPluginMissing, ErrorReason::kDiverged};
  return std::any_of(std::begin(kKept), std::end(kKept),
                     [&](ErrorReason kept) { return IsNameOf(reason, kept); });
}

std::string LastLine(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.substr(text.rfind('\n') + 1);  // npos + 1 is 0
}

}  // namespace

Outcome Failed(const std::string& category, const Status& status, const std::string& hint,
               bool deterministic) {
  Outcome end;
  end.failure.category = category;
  if (IsDiskFull(status.reason())) end.failure.reason = NameOf(ErrorReason::kStorageFull);
  // It is not this worker that is ill (coordinator/core/health.h).
  if (status.Is(ErrorReason::kBoundToSite)) end.failure.reason = NameOf(ErrorReason::kBoundToSite);
  end.failure.error = Utf8(status.message());
  end.failure.hint = hint;
  end.failure.deterministic = deterministic;
  return end;
}

bool IsDamaged(const Status& status) {
  return !status.Is(ErrorReason::kFsyncFailed) &&
         (status.code() == StatusCode::kDataLoss || status.Is(ErrorReason::kDigestMismatch));
}

Outcome TransferFailed(const Status& status) {
  if (status.Is(ErrorReason::kFsyncFailed)) {
    return Failed(
        "infra", status,
        "a disk did not keep what was written to it; its machine's kernel log tells more");
  }
  return IsDamaged(status) ? DamagedInput(status, OkStatus()) : Failed("infra", status);
}

Outcome DamagedInput(const Status& status, const Status& stored) {
  if (stored.code() == StatusCode::kDataLoss) {
    return Failed("user", status.Wrap(stored.message()),
                  "the artifact in the store is damaged; see braid artifact verify", true);
  }
  return Failed("system", status,
                "what the store has is whole: the memory or the disk of this worker is to be "
                "looked at; another one is tried");
}

bool EndedWell(const ProgramEnded& ended) {
  return ended.signal == 0 && ended.code == 0;
}

Outcome EndOfFailure(const std::optional<ErrorMessage>& error, const ProgramEnded& ended,
                     bool stopped, bool worker_stops) {
  // The program's own error is the best description of a failure. The exit code and signal are only
  // the second source.
  if (error.has_value()) {
    Outcome end = Failed(error->category, InvalidArgument(error->message), error->hint,
                         error->deterministic);
    if (IsDiskFull(error->reason)) end.failure.reason = NameOf(ErrorReason::kStorageFull);
    if (IsKept(error->reason)) end.failure.reason = error->reason;
    return end;
  }
  // The worker itself killed the program, because it did not end in the time that it had.
  if (ended.signal == kKillSignal && stopped)
    return Failed("preempted", Cancelled("did not stop in its time and was killed"));
  // A batch system that ends its job sends this to all of its processes, and the program had not
  // begun to listen.
  if (ended.signal == kTerminateSignal && (stopped || worker_stops))
    return Failed("preempted", Cancelled("was asked to end (signal 15) before it had begun"));
  // Somebody else killed it. On Linux that is most often the kernel's out-of-memory killer.
  if (ended.signal == kKillSignal) {
    return Failed("infra",
                  Internal("the task program was killed (signal 9), perhaps for want of memory"),
                  "if the machine's log says \"out of memory\", lower train.batch or let fewer "
                  "jobs run beside it");
  }
  if (ended.code == kUnfitMachine) {
    return Failed("infra", Unavailable(LastLine(ended.log_tail)),
                  "run this worker on another machine, or braid built for this one", true);
  }
  if (ended.signal != 0) {
    return Failed("infra",
                  Internal(Format("the task program crashed with signal %d", ended.signal)),
                  "its log tells more: braid logs");
  }
  return Failed(
      "system",
      Internal(Format("the task program ended with code %d and said nothing", ended.code)),
      "its log tells more: braid logs");
}

void DescribeExit(const ProgramEnded& ended, Outcome* end) {
  end->peer_lost = ended.code == kPeerLost;
  end->exit_code = ended.code;
  end->signal = ended.signal;
  if (!end->success) end->failure.log_tail = Utf8(ended.log_tail);
}

}  // namespace braid::worker
