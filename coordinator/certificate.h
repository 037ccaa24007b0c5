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
// near its end or lacks a name.
Result<ServersTls> TlsOf(const Flags& flags, const std::optional<rpc::Authority>& authority);

// What a Host header may call this machine: the names of --http-host and, of HTTPS, those of the
// certificate.
std::vector<std::string> HttpHosts(const Flags& flags, const ServersTls& tls);

}  // namespace braid::coordinator
