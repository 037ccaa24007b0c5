#include "rpc/status.h"

#include "base/excerpt.h"
#include "google/rpc/status.pb.h"

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
  details.set_code(static_cast<int>(status.code()));
  details.set_message(message);
  details.add_details()->PackFrom(info);
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), message,
                      details.SerializeAsString());
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
  return Status(static_cast<StatusCode>(status.error_code()), reason, status.error_message());
}

}  // namespace braid::rpc
