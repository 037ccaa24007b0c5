#include "base/status.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/excerpt.h"

namespace braid {

std::string_view StatusCodeName(StatusCode code) {
  switch (code) {
    case StatusCode::kOk:
      return "OK";
    case StatusCode::kCancelled:
      return "CANCELLED";
    case StatusCode::kUnknown:
      return "UNKNOWN";
    case StatusCode::kInvalidArgument:
      return "INVALID_ARGUMENT";
    case StatusCode::kDeadlineExceeded:
      return "DEADLINE_EXCEEDED";
    case StatusCode::kNotFound:
      return "NOT_FOUND";
    case StatusCode::kAlreadyExists:
      return "ALREADY_EXISTS";
    case StatusCode::kPermissionDenied:
      return "PERMISSION_DENIED";
    case StatusCode::kResourceExhausted:
      return "RESOURCE_EXHAUSTED";
    case StatusCode::kFailedPrecondition:
      return "FAILED_PRECONDITION";
    case StatusCode::kAborted:
      return "ABORTED";
    case StatusCode::kOutOfRange:
      return "OUT_OF_RANGE";
    case StatusCode::kUnimplemented:
      return "UNIMPLEMENTED";
    case StatusCode::kInternal:
      return "INTERNAL";
    case StatusCode::kUnavailable:
      return "UNAVAILABLE";
    case StatusCode::kDataLoss:
      return "DATA_LOSS";
  }
  return "UNKNOWN";
}

Status Status::Wrap(std::string_view doing) const {
  if (ok()) return *this;
  return Status(code_, reason_, std::string(doing) + ": " + message_);
}

std::string Status::ToString() const {
  if (ok()) return "OK";
  std::string text(StatusCodeName(code_));
  if (!reason_.empty()) text += " (" + reason_ + ")";
  return text + ": " + message_;
}

namespace {

// Messages quote text from outside. The bound keeps them readable, and small enough for the
// trailers of gRPC and the columns of the catalog.
std::string Bounded(std::string message) {
  return message.size() <= kMessageBytes ? message : Excerpt(message, kMessageBytes);
}

}  // namespace

Status InvalidArgument(std::string message) {
  return {StatusCode::kInvalidArgument, Bounded(std::move(message))};
}
Status NotFound(std::string message) {
  return {StatusCode::kNotFound, Bounded(std::move(message))};
}
Status AlreadyExists(std::string message) {
  return {StatusCode::kAlreadyExists, Bounded(std::move(message))};
}
Status FailedPrecondition(std::string message) {
  return {StatusCode::kFailedPrecondition, Bounded(std::move(message))};
}
Status Aborted(std::string message) {
  return {StatusCode::kAborted, Bounded(std::move(message))};
}
Status OutOfRange(std::string message) {
  return {StatusCode::kOutOfRange, Bounded(std::move(message))};
}
Status Unimplemented(std::string message) {
  return {StatusCode::kUnimplemented, Bounded(std::move(message))};
}
Status Internal(std::string message) {
  return {StatusCode::kInternal, Bounded(std::move(message))};
}
Status Unavailable(std::string message) {
  return {StatusCode::kUnavailable, Bounded(std::move(message))};
}
Status DataLoss(std::string message) {
  return {StatusCode::kDataLoss, Bounded(std::move(message))};
}
Status Cancelled(std::string message) {
  return {StatusCode::kCancelled, Bounded(std::move(message))};
}
Status DeadlineExceeded(std::string message) {
  return {StatusCode::kDeadlineExceeded, Bounded(std::move(message))};
}
Status ResourceExhausted(std::string message) {
  return {StatusCode::kResourceExhausted, Bounded(std::move(message))};
}
Status PermissionDenied(std::string message) {
  return {StatusCode::kPermissionDenied, Bounded(std::move(message))};
}

Status ErrnoStatus(int error, std::string_view doing) {
  std::string message = std::string(doing) + ": " + std::strerror(error);
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return NotFound(std::move(message));
    case EEXIST:
      return AlreadyExists(std::move(message));
    case EACCES:
    case EPERM:
    case EROFS:
      return PermissionDenied(std::move(message));
    case ENOSPC:
    case EDQUOT:
    // The reason STORAGE_FULL lets callers wait for space and try again instead of giving up.
    case EFBIG:
      return {StatusCode::kResourceExhausted, ErrorReason::kStorageFull,
              message + " (free space on that disk, then try again)"};
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return ResourceExhausted(std::move(message));
    case EINVAL:
    case EISDIR:
      return InvalidArgument(std::move(message));
    default:
      return Internal(std::move(message));
  }
}

void CheckFailed(const char* file, int line, const char* condition) {
  // Not through the log: an invariant is broken, so as little code as possible runs before abort().
  std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, condition);
  std::abort();
}

}  // namespace braid
