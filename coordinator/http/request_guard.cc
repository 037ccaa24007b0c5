#include "coordinator/http/request_guard.h"

#include <absl/strings/ascii.h>

#include <algorithm>

#include "base/endpoint.h"
#include "base/text.h"

namespace braid::coordinator {
namespace {

constexpr std::string_view kScheme = "Bearer ";

std::string LowerCase(std::string_view text) {
  return absl::AsciiStrToLower(absl::string_view(text.data(), text.size()));
}

// The host of an Origin, "https://braid.example:80" -> "braid.example:80". Empty for a page that
// came without TLS, if this server speaks it.
std::string_view HostOfOrigin(std::string_view origin, bool secure) {
  const size_t at = origin.find("://");
  if (at == std::string_view::npos || (secure && origin.substr(0, at) != "https")) return "";
  return origin.substr(at + 3);
}

// Whether `host`, in lower case, is called `name`: itself, or one level below "*.example.org".
bool IsCalled(std::string_view host, const std::string& name) {
  if (host.starts_with('[') && host.ends_with(']') && !name.starts_with('['))
    host = host.substr(1, host.size() - 2);
  const std::string own = LowerCase(name);
  if (!own.starts_with("*.")) return host == own;
  const size_t dot = host.find('.');
  return dot != 0 && dot != std::string_view::npos && host.substr(dot) == own.substr(1);
}

// Whether what follows the host in a Host header is a port, or nothing.
bool EndsInPort(std::string_view header) {
  std::string_view rest = header.substr(HostOf(header).size());
  if (rest.empty()) return true;
  if (rest.front() != ':') return false;
  rest.remove_prefix(1);
  return !rest.empty() && rest.size() <= 5 &&
         rest.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

bool RequestGuard::IsOurs(const std::string& host) const {
  if (IsLoopbackHost(host) || host == LowerCase(HostOf(address_))) return true;
  return std::any_of(hosts_.begin(), hosts_.end(),
                     [&](const std::string& name) { return IsCalled(host, name); });
}

Status RequestGuard::CheckHost(const httplib::Request& request) const {
  if (request.get_header_value_count("Host") != 1)
    return PermissionDenied("a request needs one Host header");
  const std::string header = request.get_header_value("Host");
  if (!EndsInPort(Trim(header)))
    return PermissionDenied("a Host header is HOST or HOST:PORT, not \"" + header + "\"");
  const std::string host = LowerCase(HostOf(Trim(header)));
  if (IsOurs(host)) return OkStatus();
  return PermissionDenied("this server is not called \"" + host +
                          "\"; --http-host of braid-coordinator and braid up adds a name");
}

Status RequestGuard::CheckOrigin(const httplib::Request& request, bool changes,
                                 bool by_browser) const {
  const std::string site = LowerCase(request.get_header_value("Sec-Fetch-Site"));
  const std::string origin = LowerCase(request.get_header_value("Origin"));
  // The very host and port, not only one of ours: another server of this machine is another origin.
  const bool same = !origin.empty() && HostOfOrigin(origin, secure_) ==
                                           LowerCase(Trim(request.get_header_value("Host")));
  if ((!origin.empty() && !same) || site == "cross-site" || (site == "same-site" && changes))
    return PermissionDenied("a page of another origin (" + (origin.empty() ? site : origin) +
                            ") may not use this server");
  if (changes && by_browser && !same)
    return PermissionDenied(
        "a request by cookie or certificate that changes something needs the Origin of this "
        "server's "
        "own pages; programs send \"Authorization: Bearer TOKEN\", or that Origin");
  return OkStatus();
}

Result<ShownToken> RequestGuard::TokenOf(const httplib::Request& request,
                                         Connection& connection) const {
  const size_t count = request.get_header_value_count("Authorization");
  if (count > 0) {
    const std::string value = request.get_header_value("Authorization");
    const bool bearer = count == 1 &&
                        LowerCase(value.substr(0, kScheme.size())) == LowerCase(kScheme);
    return ShownToken{
        true, bearer ? std::string(Trim(std::string_view(value).substr(kScheme.size()))) : ""};
  }
  if (const std::string session = SessionOf(request); !session.empty()) {
    if (std::string token = sign_in_->TokenOf(session); !token.empty())
      return ShownToken{true, std::move(token), /*by_browser=*/true};
  }
  const rpc::ShownCertificate shown = connection.Certificate();
  if (!shown.wrong.empty()) {
    return Status(StatusCode::kPermissionDenied, ErrorReason::kUnauthenticated,
                  "the client's certificate is not used: " + shown.wrong +
                      "; an administrator makes one with `braid token create --certificate`");
  }
  if (shown.pem.empty() || token_for_ == nullptr) return ShownToken{};
  BRAID_ASSIGN_OR_RETURN(std::string token, token_for_(shown.pem));
  return ShownToken{true, std::move(token), /*by_browser=*/true};
}

std::string RequestGuard::CookieName() const {
  return (secure_ ? "__Host-braid_session_" : "braid_session_") +
         address_.substr(address_.rfind(':') + 1);
}

std::string RequestGuard::SessionOf(const httplib::Request& request) const {
  return CookieOf(request.get_header_value("Cookie"), CookieName());
}

}  // namespace braid::coordinator
