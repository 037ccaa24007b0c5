#include "coordinator/http/http_status.h"

namespace braid::coordinator {

int HttpStatusOf(const Status& status) {
  if (status.Is(ErrorReason::kUnauthenticated)) return 401;
  switch (status.code()) {
    case StatusCode::kOk:
      return 200;
    case StatusCode::kInvalidArgument:
    case StatusCode::kFailedPrecondition:
    case StatusCode::kOutOfRange:
      return 400;
    case StatusCode::kPermissionDenied:
      return 403;
    case StatusCode::kNotFound:
      return 404;
    case StatusCode::kAlreadyExists:
    case StatusCode::kAborted:
      return 409;
    case StatusCode::kResourceExhausted:
      return 429;
    case StatusCode::kCancelled:
      return 499;
    case StatusCode::kUnimplemented:
      return 501;
    case StatusCode::kUnavailable:
      return 503;
    case StatusCode::kDeadlineExceeded:
      return 504;
    default:
      return 500;
  }
}

Json ErrorJson(const Status& status) {
  const bool unknown = status.Is(ErrorReason::kUnauthenticated);
  return {{"code", unknown ? "UNAUTHENTICATED" : StatusCodeName(status.code())},
          {"reason", unknown ? "" : status.reason()},
          {"message", status.message()},
          {"error", status.message()}};
}

void SetJson(const Json& json, httplib::Response* response) {
  response->set_content(json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n",
                        "application/json");
}

void SetError(const Status& status, httplib::Response* response) {
  SetError(HttpStatusOf(status), status, response);
}

void SetError(int number, const Status& status, httplib::Response* response) {
  response->status = number;
  if (number == 401) response->set_header("WWW-Authenticate", "Bearer realm=\"braid\"");
  SetJson(ErrorJson(status), response);
}

}  // namespace braid::coordinator
