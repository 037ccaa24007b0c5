#include "coordinator/certificate.h"

#include "base/file.h"
#include "base/state_files.h"
#include "rpc/tls/certificates.h"

namespace braid::coordinator {
namespace {

constexpr uint64_t kMaxCertificateBytes = 1 << 20;

// By what clients call this machine, for gRPC and, where it speaks TLS, for HTTP.
std::vector<std::string> NamesOf(const Flags& flags) {
  const std::vector<std::string> names = rpc::ServerNames(flags.listen, flags.tls_names);
  return WantsHttps(flags) ? rpc::ServerNames(flags.http, names) : names;
}

}  // namespace

Result<std::optional<rpc::Authority>> AuthorityOf(const Flags& flags) {
  if (!WantsTls(flags) && !WantsHttps(flags)) return std::optional<rpc::Authority>();
  auto authority = rpc::Authority::Open(JoinPath(AbsolutePath(flags.dir), state_files::kTls));
  BRAID_RETURN_IF_ERROR(authority.status());
  return std::optional(*std::move(authority));
}

Result<ServersTls> TlsOf(const Flags& flags, const std::optional<rpc::Authority>& authority) {
  ServersTls tls;
  const bool own_http = !flags.http_certificate.empty();
  if (WantsTls(flags) || (WantsHttps(flags) && !own_http)) {
    auto files = flags.tls_certificate.empty()
                     ? authority->OwnServer(NamesOf(flags))
                     : authority->ServerOf(flags.tls_certificate, flags.tls_key);
    BRAID_RETURN_IF_ERROR(flags.tls_certificate.empty()
                              ? files.status()
                              : files.status().Wrap("--tls-cert and --tls-key"));
    if (WantsTls(flags)) tls.grpc = *files;
    if (WantsHttps(flags)) tls.http = *files;
  }
  if (own_http) {
    auto files = authority->ServerOf(flags.http_certificate, flags.http_key, "http-trust.pem");
    BRAID_RETURN_IF_ERROR(files.status().Wrap("--http-cert and --http-key"));
    tls.http = *std::move(files);
  }
  return tls;
}

std::vector<std::string> HttpHosts(const Flags& flags, const ServersTls& tls) {
  std::vector<std::string> hosts = flags.http_hosts;
  if (!tls.http.has_value()) return hosts;
  const Result<std::string> certificate = ReadFile(tls.http->certificate, kMaxCertificateBytes);
  const auto facts = rpc::FactsOf(certificate.ok() ? *certificate : "");
  if (facts.ok()) hosts.insert(hosts.end(), facts->names.begin(), facts->names.end());
  return hosts;
}

}  // namespace braid::coordinator
