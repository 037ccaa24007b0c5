#include "rpc/status.h"

#include "base/excerpt.h"
#include "google/rpc/status.pb.h"
#include "rpc/rate_limited.h"

namespace braid::rpc {

namespace {

ErrorReason UsualReasonOf(StatusCode code) {
  switch (code) {
    case StatusCode::kNotFound:
      return ErrorReason::kNotFound;
    case StatusCode::kAlreadyExists:
      return ErrorReason::kAlreadyExists;
    case StatusCode::kInvalidArgument:
    case StatusCode::kOutOfRange:
      return ErrorReason::kInvalidArgument;
    case StatusCode::kFailedPrecondition:
      return ErrorReason::kTerminalState;
    case StatusCode::kResourceExhausted:
      return ErrorReason::kResourceExhausted;  // a full disk says STORAGE_FULL itself
    case StatusCode::kUnavailable:
      return ErrorReason::kRecovering;
    case StatusCode::kPermissionDenied:
      return ErrorReason::kPermissionDenied;
    default:
      return ErrorReason::kInternal;
  }
}

// The reason with which an error is sent: its own or, without one, the usual one of its code.
const std::string& ReasonOf(const Status& status) {
  return status.reason().empty() ? NameOf(UsualReasonOf(status.code())) : status.reason();
}

// gRPC has different codes for callers that are not authenticated and for callers that are not
// authorized.
grpc::StatusCode CodeOf(const Status& status) {
  if (status.Is(ErrorReason::kUnauthenticated)) return grpc::UNAUTHENTICATED;
  return static_cast<grpc::StatusCode>(status.code());
}

}  // namespace

grpc::Status ToGrpc(const Status& status) {
  if (status.ok()) return grpc::Status::OK;
  // The message travels twice in the trailing metadata, where gRPC accepts at most 8 KiB in total,
  // and must be valid UTF-8.
  const std::string message = Excerpt(status.message(), kMessageBytes);
  google::rpc::ErrorInfo info;
  info.set_reason(ReasonOf(status));
  info.set_domain("braid");
  google::rpc::Status details;
  details.set_code(static_cast<int>(CodeOf(status)));
  details.set_message(message);
  details.add_details()->PackFrom(info);
  return grpc::Status(CodeOf(status), message, details.SerializeAsString());
}

Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return OkStatus();
  std::string reason;
  google::rpc::Status details;
  if (details.ParseFromString(status.error_details())) {
    for (const auto& any : details.details()) {
      google::rpc::ErrorInfo info;
      if (any.UnpackTo(&info)) reason = info.reason();
    }
  }
  if (status.error_code() == grpc::UNAUTHENTICATED)
    return Status(StatusCode::kPermissionDenied, ErrorReason::kUnauthenticated,
                  status.error_message());
  Status said(static_cast<StatusCode>(status.error_code()), reason, status.error_message());
  if (reason.empty() && RetryAfterMs(said) > 0)
    return Status(said.code(), ErrorReason::kRateLimited, said.message());
  return said;
}

}  // namespace braid::rpc
