// Authentication of callers: every call of every method, health and reflection included, is shown
// to a check before its handler sees it.
#pragma once

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_context.h>

#include <memory>
#include <optional>

#include "rpc/caller.h"
#include "rpc/tls/authority.h"

namespace braid::rpc {

// Credentials for a server: with `tls`, it speaks TLS with these files, which are read again within
// seconds after they change, and asks clients for a certificate, which may have none. Without, it
// listens on loopback. A certificate that is shown and is not from tls->clients ends the handshake.
std::shared_ptr<grpc::ServerCredentials> MakeServerCredentials(CallerCheck check,
                                                               const std::optional<ServerTls>& tls);

// The tokens and the certificate of a call within its handler, as its check saw them; without the
// method. The views live as long as the call.
Caller CallerOf(const grpc::ServerContextBase& context);

}  // namespace braid::rpc
