#include "cli/shared/exit_code.h"

namespace braid::cli {

int ExitCodeOf(const Status& status) {
  if (status.Is(ErrorReason::kUnschedulable)) return kUnschedulableExit;
  switch (status.code()) {
    case StatusCode::kOk:
      return kOkExit;
    case StatusCode::kNotFound:
      return kNotFoundExit;
    case StatusCode::kPermissionDenied:
      return kDeniedExit;
    case StatusCode::kAlreadyExists:
    case StatusCode::kFailedPrecondition:
    case StatusCode::kAborted:
      return kConflictExit;
    case StatusCode::kUnavailable:
    case StatusCode::kDeadlineExceeded:
      return kUnavailableExit;
    default:
      return kErrorExit;
  }
}

int ExitCodeOf(const v1::Run& run) {
  switch (run.state()) {
    case v1::RUN_SUCCEEDED:
      return kOkExit;
    case v1::RUN_FAILED:
      return kRunFailedExit;
    case v1::RUN_CANCELLED:
      return kRunCancelledExit;
    default:
      return kUnfinishedExit;
  }
}

}  // namespace braid::cli
