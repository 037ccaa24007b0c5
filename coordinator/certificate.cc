#include "coordinator/certificate.h"

#include <algorithm>

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

// What the certificate of HTTPS is for.
std::vector<std::string> HttpNames(const ServersTls& tls) {
  if (!tls.http.has_value()) return {};
  const Result<std::string> certificate = ReadFile(tls.http->certificate, kMaxCertificateBytes);
  const auto facts = rpc::FactsOf(certificate.ok() ? *certificate : "");
  return facts.ok() ? facts->names : std::vector<std::string>();
}

}  // namespace

Result<std::optional<rpc::Authority>> AuthorityOf(const Flags& flags) {
  if (!WantsTls(flags) && !WantsHttps(flags)) return std::optional<rpc::Authority>();
  auto authority = rpc::Authority::Open(JoinPath(AbsolutePath(flags.dir), state_files::kTls));
  BRAID_RETURN_IF_ERROR(authority.status());
  return std::optional(*std::move(authority));
}

Status ReadTls(const Flags& flags, const std::optional<rpc::Authority>& authority,
               ServersTls* tls) {
  if (!authority.has_value()) return OkStatus();
  const bool own_http = !flags.http_certificate.empty();
  Status wrong;
  if (WantsTls(flags) || (WantsHttps(flags) && !own_http)) {
    const bool given = !flags.tls_certificate.empty();
    const auto files = given ? authority->ServerOf(flags.tls_certificate, flags.tls_key)
                             : authority->OwnServer(NamesOf(flags));
    if (!files.ok())
      wrong = given ? files.status().Wrap("--tls-cert and --tls-key") : files.status();
    if (files.ok() && WantsTls(flags)) tls->grpc = *files;
    if (files.ok() && WantsHttps(flags) && !own_http) tls->http = *files;
  }
  if (own_http) {
    const auto files = authority->ServerOf(flags.http_certificate, flags.http_key,
                                           "http-trust.pem");
    if (!files.ok()) return files.status().Wrap("--http-cert and --http-key");
    tls->http = *files;
  }
  return wrong;
}

std::string TrustOf(const ServersTls& tls) {
  std::string trust = HttpName(tls);
  for (const auto* files : {&tls.grpc, &tls.http})
    trust += " " + (files->has_value() ? (*files)->trust_sha256 : std::string());
  return trust;
}

std::string HttpName(const ServersTls& tls) {
  const std::vector<std::string> names = HttpNames(tls);
  if (std::find(names.begin(), names.end(), "127.0.0.1") != names.end()) return "";
  const auto name = std::find_if(names.begin(), names.end(),
                                 [](const std::string& one) { return !one.starts_with("*."); });
  return name == names.end() ? "" : *name;
}

std::vector<std::string> HttpHosts(const Flags& flags, const ServersTls& tls) {
  std::vector<std::string> hosts = flags.http_hosts;
  const std::vector<std::string> names = HttpNames(tls);
  hosts.insert(hosts.end(), names.begin(), names.end());
  return hosts;
}

}  // namespace braid::coordinator
