// Who may call: whoever knows the coordinator's token, of every method, health and reflection too.
#pragma once

#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <string>

namespace braid::rpc {

// For a server on the loopback interface, without TLS: of all credentials of that kind these alone
// let a token be asked for, and they demand that the other end is on this machine. A call without
// the metadata "authorization: Bearer TOKEN" gets UNAUTHENTICATED, which says that the token is in
// `token_file`. REQUIRES: !token.empty().
std::shared_ptr<grpc::ServerCredentials> MakeServerCredentials(std::string token,
                                                               std::string token_file);

}  // namespace braid::rpc
