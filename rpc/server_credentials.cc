#include "rpc/server_credentials.h"

#include <grpcpp/security/auth_metadata_processor.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <utility>

#include "rpc/status.h"

namespace braid::rpc {
namespace {

// Names of HTTP/2 headers and of the scheme of RFC 6750. Certificate files are checked for changes
// every second.
constexpr std::string_view kKey = "authorization";
constexpr std::string_view kScheme = "Bearer ";
constexpr std::string_view kPath = ":path";
constexpr unsigned kLookAgainS = 1;

using Metadata = std::multimap<grpc::string_ref, grpc::string_ref>;

std::string_view ViewOf(grpc::string_ref text) {
  return {text.data(), text.size()};
}

grpc::string_ref RefOf(std::string_view text) {
  return {text.data(), text.size()};
}

Caller CallerWith(const Metadata& metadata, const grpc::AuthContext& peer) {
  Caller caller;
  const auto [first, last] = metadata.equal_range(RefOf(kKey));
  for (auto entry = first; entry != last; ++entry) {
    const std::string_view value = ViewOf(entry->second);
    caller.tokens.push_back(value.starts_with(kScheme) ? value.substr(kScheme.size()) : "");
  }
  const auto certificates = peer.FindPropertyValues("x509_pem_cert");
  if (!certificates.empty()) caller.certificate = ViewOf(certificates.front());
  return caller;
}

class Processor final : public grpc::AuthMetadataProcessor {
 public:
  explicit Processor(CallerCheck check) : check_(std::move(check)) {}

  bool IsBlocking() const override { return false; }

  grpc::Status Process(const InputMetadata& metadata, grpc::AuthContext* peer, OutputMetadata*,
                       OutputMetadata*) override {
    Caller caller = CallerWith(metadata, *peer);
    if (const auto path = metadata.find(RefOf(kPath)); path != metadata.end())
      caller.method = ViewOf(path->second);
    return ToGrpc(check_(caller));
  }

 private:
  const CallerCheck check_;
};

}  // namespace

Caller CallerOf(const grpc::ServerContextBase& context) {
  return CallerWith(context.client_metadata(), *context.auth_context());
}

std::shared_ptr<grpc::ServerCredentials> MakeServerCredentials(
    CallerCheck check, const std::optional<ServerTls>& tls) {
  std::shared_ptr<grpc::ServerCredentials> credentials;
  if (tls.has_value()) {
    grpc::experimental::TlsServerCredentialsOptions options(
        std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
            tls->key, tls->certificate, tls->clients, kLookAgainS));
    options.watch_root_certs();
    options.watch_identity_key_cert_pairs();
    options.set_cert_request_type(GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
    credentials = grpc::experimental::TlsServerCredentials(options);
  } else {
    // gRPC calls an AuthMetadataProcessor only for credentials that it regards as secure. Without
    // TLS these are the local ones, which verify that the peer is on this machine.
    credentials = grpc::experimental::LocalServerCredentials(LOCAL_TCP);
  }
  credentials->SetAuthMetadataProcessor(std::make_shared<Processor>(std::move(check)));
  return credentials;
}

}  // namespace braid::rpc
