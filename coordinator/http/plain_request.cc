#include "coordinator/http/plain_request.h"

#include <string>

#include "base/endpoint.h"
#include "base/text.h"
#include "coordinator/http/http_status.h"

namespace braid::coordinator {

void AnswerPlain(const httplib::Request& request, httplib::Response* response) {
  const std::string address = "https://" + std::string(Trim(request.get_header_value("Host")));
  const bool reads = request.method == "GET" || request.method == "HEAD";
  // Cookies are not looked at: those of this server are never sent without TLS.
  if (reads && !request.has_header("Authorization") && request.target.starts_with('/')) {
    response->status = 307;  // not for good: another server may have this port one day
    response->set_header("Location", address + request.target);
    return;
  }
  std::string message = "this address speaks HTTPS, and plain HTTP is not answered: use " + address;
  if (request.has_header("Authorization") || !reads)
    message +=
        "; what this request carried crossed the network in clear text, so replace its token, if "
        "it had one, where others may have read it (docs/security.md, Rotation)";
  SetError(400, FailedPrecondition(message), response);
}

void SetStrictTransport(const httplib::Request& request, int days, httplib::Response* response) {
  if (IsLoopbackHost(HostOf(Trim(request.get_header_value("Host"))))) return;
  response->set_header("Strict-Transport-Security",
                       "max-age=" + std::to_string(int64_t{days} * 86'400));
}

}  // namespace braid::coordinator
