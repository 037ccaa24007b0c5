// The certificates that the coordinator shows, for gRPC and HTTP.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "coordinator/flags.h"
#include "rpc/tls/authority.h"

namespace braid::coordinator {

// The coordinator's authority, in its folder; made if it is missing. Empty if nothing speaks TLS.
Result<std::optional<rpc::Authority>> AuthorityOf(const Flags& flags);

// The certificates and keys with which the two servers speak TLS; empty: one speaks none.
struct ServersTls {
  std::optional<rpc::ServerTls> grpc, http;
};

// Those of the flags, or one of the authority for both, which is made anew when the old one comes
// near its end or lacks a name. What is wrong with one of them keeps nothing from the other: `tls`
// keeps what it has.
Status ReadTls(const Flags& flags, const std::optional<rpc::Authority>& authority, ServersTls* tls);

// Changes with what clients have to know: whom to trust, and under which name.
std::string TrustOf(const ServersTls& tls);

// A name by which programs of this machine verify HTTPS if the certificate is not for 127.0.0.1;
// empty if it is, and without HTTPS.
std::string HttpName(const ServersTls& tls);

// What a Host header may call this machine: the names of --http-host and, of HTTPS, those of the
// certificate.
std::vector<std::string> HttpHosts(const Flags& flags, const ServersTls& tls);

}  // namespace braid::coordinator
