#include "rpc/status.h"

#include "base/excerpt.h"
#include "google/rpc/status.pb.h"

namespace braid::rpc {

namespace {

// The reason with which an error is sent: its own or, without one, the usual one of its code.
std::string ReasonOf(const Status& status) {
  if (!status.reason().empty()) return status.reason();
  switch (status.code()) {
    case StatusCode::kNotFound:
      return "NOT_FOUND";
    case StatusCode::kAlreadyExists:
      return "ALREADY_EXISTS";
    case StatusCode::kInvalidArgument:
    case StatusCode::kOutOfRange:
      return "INVALID_ARGUMENT";
    case StatusCode::kFailedPrecondition:
      return "TERMINAL_STATE";
    case StatusCode::kResourceExhausted:
      return "RESOURCE_EXHAUSTED";  // a full disk says STORAGE_FULL itself
    case StatusCode::kUnavailable:
      return "RECOVERING";
    case StatusCode::kPermissionDenied:
      return "PERMISSION_DENIED";
    default:
      return "INTERNAL";
  }
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
