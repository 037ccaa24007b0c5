#include "rpc/tls/authority.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <memory>

#include "base/clock.h"
#include "base/endpoint.h"
#include "base/file.h"
#include "base/host.h"
#include "base/private_folder.h"

namespace braid::rpc {
namespace {

constexpr int64_t kDayS = 86'400;
// The authority outlives the installations that trust it: whoever replaces it has to tell every
// worker and every person. The server's certificate is replaced at a start.
constexpr int64_t kAuthorityS = 3'650 * kDayS;
constexpr int64_t kServerS = 365 * kDayS;
constexpr char kBegin[] = "-----BEGIN CERTIFICATE-----";

// Reads a key and its certificate, and refuses a pair that is none.
Result<Certified> ReadPair(const std::string& key_file, const std::string& certificate_file) {
  Certified pair;
  BRAID_ASSIGN_OR_RETURN(pair.key, ReadFile(key_file, 1 << 20));
  BRAID_ASSIGN_OR_RETURN(pair.certificate, ReadFile(certificate_file, 1 << 20));
  BRAID_RETURN_IF_ERROR(
      CheckBelongs(pair).Wrap("key " + key_file + " and certificate " + certificate_file));
  return pair;
}

// The server's certificate is good for a while and for all of these names.
bool Serves(const std::string& certificate, const std::string& authority_sha256,
            const std::vector<std::string>& names) {
  const Result<CertificateFacts> facts = FactsOf(certificate);
  if (!facts.ok()) return false;
  const size_t second = certificate.find(kBegin, 1);
  if (second == std::string::npos) return false;
  const Result<CertificateFacts> issuer = FactsOf(certificate.substr(second));
  if (!issuer.ok() || issuer->sha256 != authority_sha256) return false;
  const int64_t left_ms = facts->ends_ms - SystemClock().WallMs();
  return left_ms > kServerS * 1000 / 3 &&
         std::all_of(names.begin(), names.end(), [&](const std::string& name) {
           return std::find(facts->names.begin(), facts->names.end(), name) != facts->names.end();
         });
}

// The names that a client on another machine may dial without a name service.
std::vector<std::string> AddressesOfThisMachine() {
  std::vector<std::string> addresses;
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return addresses;
  for (const ifaddrs* at = list; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr) continue;
    char text[INET6_ADDRSTRLEN] = "";
    if (at->ifa_addr->sa_family == AF_INET) {
      inet_ntop(AF_INET, &reinterpret_cast<sockaddr_in*>(at->ifa_addr)->sin_addr, text,
                sizeof text);
    } else if (at->ifa_addr->sa_family == AF_INET6) {
      const in6_addr& address = reinterpret_cast<sockaddr_in6*>(at->ifa_addr)->sin6_addr;
      if (IN6_IS_ADDR_LINKLOCAL(&address)) continue;  // means nothing without an interface
      inet_ntop(AF_INET6, &address, text, sizeof text);
    }
    if (*text != '\0') addresses.emplace_back(text);
  }
  freeifaddrs(list);
  return addresses;
}

}  // namespace

Result<Authority> Authority::Open(const std::string& folder) {
  BRAID_RETURN_IF_ERROR(MakePrivateFolder(folder));
  const std::string key_file = JoinPath(folder, "ca.key");
  const std::string certificate_file = JoinPath(folder, "ca.pem");
  if (!PathExists(key_file) && !PathExists(certificate_file)) {
    BRAID_ASSIGN_OR_RETURN(const Certified made, MakeAuthority("braid coordinator", kAuthorityS));
    // The certificate last: with it the authority is complete.
    BRAID_RETURN_IF_ERROR(WriteSecretFile(key_file, made.key));
    BRAID_RETURN_IF_ERROR(WriteSecretFile(certificate_file, made.certificate));
    return Authority(folder, made);
  }
  Result<Certified> own = ReadPair(key_file, certificate_file);
  if (!own.ok()) {
    return FailedPrecondition("the certificate authority in " + folder + " cannot be used (" +
                              own.status().message() +
                              "): put its files back, or remove the folder for a new authority, "
                              "after which workers join again and clients need the new ca.pem");
  }
  return Authority(folder, *std::move(own));
}

Result<ServerTls> Authority::OwnServer(const std::vector<std::string>& names) const {
  ServerTls files;
  files.certificate = JoinPath(folder_, "server.pem");
  files.key = JoinPath(folder_, "server.key");
  files.clients = files.trust = JoinPath(folder_, "ca.pem");
  BRAID_ASSIGN_OR_RETURN(const CertificateFacts own, FactsOf(own_.certificate));
  files.trust_sha256 = own.sha256;
  Result<Certified> pair = ReadPair(files.key, files.certificate);
  // The old one serves on, so that workers that pinned nothing but the authority notice no restart.
  // With less than a third of its life left, or for another name, it is made anew.
  if (pair.ok() && Serves(pair->certificate, own.sha256, names)) return files;
  // The key stays, as long as there is one: only the certificate ages.
  Result<std::string> key = ReadFile(files.key, 1 << 20);
  if (!key.ok()) {
    key = MakeKey();
    BRAID_RETURN_IF_ERROR(key.status());
    BRAID_RETURN_IF_ERROR(WriteSecretFile(files.key, *key));
  }
  BRAID_ASSIGN_OR_RETURN(const std::string request, MakeRequest(*key, "braid-coordinator"));
  BRAID_ASSIGN_OR_RETURN(const std::string certificate, Sign(own_, request,
                                                             {.common_name = "braid-coordinator",
                                                              .names = names,
                                                              .server = true,
                                                              .lifetime_s = kServerS}));
  BRAID_RETURN_IF_ERROR(WriteSecretFile(files.certificate, certificate + own_.certificate));
  return files;
}

Result<ServerTls> Authority::ServerOf(const std::string& certificate_file,
                                      const std::string& key_file, const std::string& trust) const {
  BRAID_ASSIGN_OR_RETURN(const Certified pair, ReadPair(key_file, certificate_file));
  ServerTls files;
  files.certificate = certificate_file;
  files.key = key_file;
  files.clients = JoinPath(folder_, "ca.pem");
  files.trust = JoinPath(folder_, trust);
  // Of a chain the last certificate: what clients have to trust, where a server certificate of
  // somebody else's authority is used.
  const std::string last = pair.certificate.substr(pair.certificate.rfind(kBegin));
  BRAID_ASSIGN_OR_RETURN(const CertificateFacts facts, FactsOf(last));
  files.trust_sha256 = facts.sha256;
  const Result<std::string> before = ReadFile(files.trust, 1 << 20);
  if (!before.ok() || *before != last) BRAID_RETURN_IF_ERROR(WriteSecretFile(files.trust, last));
  return files;
}

Result<int64_t> Authority::EndsMs() const {
  BRAID_ASSIGN_OR_RETURN(const CertificateFacts facts, FactsOf(own_.certificate));
  return facts.ends_ms;
}

Result<std::string> Authority::SignClient(const std::string& request,
                                          const std::string& common_name,
                                          int64_t lifetime_s) const {
  BRAID_ASSIGN_OR_RETURN(
      const std::string certificate,
      Sign(own_, request,
           {.common_name = common_name, .names = {}, .server = false, .lifetime_s = lifetime_s}));
  return certificate + own_.certificate;
}

std::vector<std::string> ServerNames(const std::string& listen,
                                     const std::vector<std::string>& more) {
  std::vector<std::string> names = {"localhost", "127.0.0.1", "::1"};
  const auto add = [&](const std::string& name) {
    if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end())
      names.push_back(name);
  };
  // A client must find the name that it dials among those of the certificate.
  add(HostName());
  std::string host(HostOf(listen));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host == "0.0.0.0" || host == "::") {
    for (const std::string& address : AddressesOfThisMachine()) add(address);
  } else {
    add(host);
  }
  for (const std::string& name : more) add(name);
  return names;
}

}  // namespace braid::rpc
