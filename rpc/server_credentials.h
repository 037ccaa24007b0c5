// Authentication of callers: a caller has to present the coordinator's token with each call of
// every method, health and reflection included.
#pragma once

#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <string>

namespace braid::rpc {

// Credentials for a server on the loopback interface, without TLS. A call without the metadata
// "authorization: Bearer TOKEN" fails with UNAUTHENTICATED; the message says that the token is in
// `token_file`. REQUIRES: `token` is not empty.
std::shared_ptr<grpc::ServerCredentials> MakeServerCredentials(std::string token,
                                                               std::string token_file);

}  // namespace braid::rpc
