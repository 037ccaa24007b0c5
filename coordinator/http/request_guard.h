// Who a request comes from, as far as HTTP itself and TLS show it: the name by which it calls this
// machine, the page that sends it, and its token or certificate.
#pragma once

#include <httplib.h>

#include <functional>
#include <string>
#include <vector>

#include "base/status.h"
#include "coordinator/http/connection.h"
#include "coordinator/http/sign_in.h"

namespace braid::coordinator {

// How a request shows its token.
struct ShownToken {
  bool sent = false;
  std::string token;
  // A browser adds it to each request by itself, whichever page asks: by cookie or certificate.
  bool by_browser = false;
};

// A token that stands for the certificate of a person, PEM, which a handshake has verified
// (Access::TokenFor).
using CertificateToken = std::function<Result<std::string>(const std::string& certificate)>;

class RequestGuard {
 public:
  // `address` is that of the server, `hosts` further names of it ("*.example.org": all of one
  // level); `secure`: it speaks TLS. `sign_in` outlives it. `token_for` null: certificates mean
  // nothing.
  RequestGuard(std::string address, std::vector<std::string> hosts, bool secure, SignIn* sign_in,
               CertificateToken token_for = nullptr)
      : address_(std::move(address)),
        hosts_(std::move(hosts)),
        secure_(secure),
        sign_in_(sign_in),
        token_for_(std::move(token_for)) {}

  // A browser sends the name that it was told: a page elsewhere, whose name was made to point here,
  // is refused. kPermissionDenied.
  Status CheckHost(const httplib::Request& request) const;
  // A page of another origin may neither change nor read anything. `changes`: the request does
  // something, and what is shown `by_browser` is only believed if the browser says that the page is
  // ours. kPermissionDenied.
  Status CheckOrigin(const httplib::Request& request, bool changes, bool by_browser) const;
  // "Authorization: Bearer TOKEN", or without that header the session of a cookie, or without that
  // the connection's certificate. Errors are about the certificate, with the reason
  // UNAUTHENTICATED.
  Result<ShownToken> TokenOf(const httplib::Request& request, Connection& connection) const;

  // The name of the cookie: cookies do not tell ports of a host apart, so the name has the port.
  // Under TLS its beginning makes browsers take it from this very host over https, and from no
  // other.
  std::string CookieName() const;
  std::string SessionOf(const httplib::Request& request) const;

 private:
  bool IsOurs(const std::string& host) const;

  const std::string address_;
  const std::vector<std::string> hosts_;
  const bool secure_;
  SignIn* const sign_in_;
  const CertificateToken token_for_;
};

}  // namespace braid::coordinator
