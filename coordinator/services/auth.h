// Who may call: whoever knows the coordinator's token, of every method, health and reflection too.
#pragma once

#include <grpcpp/security/auth_metadata_processor.h>

#include <memory>
#include <string>

namespace braid::coordinator {

// Demands the metadata "authorization: Bearer TOKEN"; UNAUTHENTICATED otherwise, which says where
// the token is. `token_file` is for that message. REQUIRES: !token.empty().
std::shared_ptr<grpc::AuthMetadataProcessor> MakeTokenCheck(std::string token,
                                                            std::string token_file);

// What an unknown caller is told. `given`: it sent a token, and not ours.
std::string TokenAdvice(bool given, const std::string& token_file);

}  // namespace braid::coordinator
