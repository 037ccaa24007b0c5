#include "rpc/server_credentials.h"

#include <grpcpp/security/auth_metadata_processor.h>

#include "base/endpoint.h"

namespace braid::rpc {
namespace {

constexpr std::string_view kKey = "authorization";
constexpr std::string_view kScheme = "Bearer ";

// The message for an unknown caller. `given` tells whether it sent a token, which was not the right
// one.
std::string TokenAdvice(bool given, const std::string& token_file) {
  return std::string(given ? "the token is not this coordinator's" : "no token was sent") +
         ": it is in " + token_file +
         " on the coordinator's machine, for the user that runs it; programs read it from the file "
         "that --token-file or "
         "BRAID_TOKEN_FILE names, others send \"authorization: Bearer TOKEN\"";
}

class TokenCheck final : public grpc::AuthMetadataProcessor {
 public:
  TokenCheck(std::string token, std::string token_file)
      : token_(std::move(token)), token_file_(std::move(token_file)) {}

  bool IsBlocking() const override { return false; }

  grpc::Status Process(const InputMetadata& metadata, grpc::AuthContext*, OutputMetadata* consumed,
                       OutputMetadata*) override {
    const auto [first, last] = metadata.equal_range(grpc::string_ref(kKey.data(), kKey.size()));
    if (first == last) return Refused(false);
    // All values have to be right: with one of several being enough, a caller could try many at
    // once.
    for (auto entry = first; entry != last; ++entry) {
      const std::string_view value(entry->second.data(), entry->second.size());
      if (!value.starts_with(kScheme) || !SameSecret(value.substr(kScheme.size()), token_))
        return Refused(true);
    }
    // Removes the token from the metadata, so that the services cannot log it.
    consumed->emplace(std::string(kKey), std::string(first->second.data(), first->second.size()));
    return grpc::Status::OK;
  }

 private:
  grpc::Status Refused(bool given) const {
    return grpc::Status(grpc::UNAUTHENTICATED, TokenAdvice(given, token_file_));
  }

  const std::string token_;
  const std::string token_file_;
};

}  // namespace

std::shared_ptr<grpc::ServerCredentials> MakeServerCredentials(std::string token,
                                                               std::string token_file) {
  // gRPC calls an AuthMetadataProcessor only for credentials that it regards as secure. Without TLS
  // these are the local ones, which verify that the peer is on this machine.
  const auto credentials = grpc::experimental::LocalServerCredentials(LOCAL_TCP);
  credentials->SetAuthMetadataProcessor(
      std::make_shared<TokenCheck>(std::move(token), std::move(token_file)));
  return credentials;
}

}  // namespace braid::rpc
