#include "base/endpoint.h"

#include <arpa/inet.h>
#include <openssl/crypto.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/private_folder.h"
#include "base/sha256.h"
#include "base/text.h"

namespace braid {
namespace {

// Tokens are made of 256 random bits. Tokens that a user wrote must have at least 32 characters, so
// that they cannot be guessed; larger files hold something else.
constexpr size_t kTokenBytes = 32;
constexpr size_t kMinTokenCharacters = 32;
constexpr uint64_t kMaxTokenFileBytes = 4096;
constexpr uint64_t kMaxCertificateBytes = 1 << 20;

// Reads the address file of a coordinator. The paths of its token's and its authority's file may be
// relative to the address file's folder, so that the folder can be moved or mounted elsewhere.
// Address files that coordinators wrote before tokens existed have no "token_file", and those of
// coordinators without TLS no "ca_file" and "ca_sha256".
Result<Endpoint> ReadAddressFile(const std::string& path) {
  const Result<Json> json = ReadJsonFile(path, 1 << 16);
  if (json.status().code() == StatusCode::kNotFound) return Unavailable(path + " is not there");
  if (!json.ok()) return json.status();
  Endpoint endpoint;
  if (json->is_object()) {
    const auto text = [&](const char* name) {
      const auto found = json->find(name);
      return found != json->end() && found->is_string() ? found->get<std::string>() : std::string();
    };
    endpoint.address = text("grpc");
    for (const auto& [name, file] :
         {std::pair("token_file", &endpoint.token_file), std::pair("ca_file", &endpoint.ca_file)}) {
      *file = text(name);
      if (!file->empty() && !file->starts_with('/')) *file = JoinPath(FolderOf(path), *file);
    }
    endpoint.ca_sha256 = text("ca_sha256");
  }
  if (endpoint.address.empty())
    return InvalidArgument(path + " names no coordinator: it should be an object with \"grpc\"");
  return endpoint;
}

// Reads what the endpoint and the source name: the authority, and the caller's own certificate.
Status ReadCertificates(const EndpointSource& source, Endpoint* endpoint) {
  constexpr std::string_view kDigest = "sha256:";
  if (source.ca.starts_with(kDigest)) {
    endpoint->ca_sha256 = source.ca.substr(kDigest.size());
    endpoint->ca_file.clear();
    if (!IsSha256Hex(endpoint->ca_sha256))
      return InvalidArgument("--ca " + source.ca + ": a SHA-256 has 64 lower-case hex digits");
  } else if (!source.ca.empty()) {
    endpoint->ca_file = source.ca;
    endpoint->ca_sha256.clear();
  }
  if (!endpoint->ca_file.empty()) {
    Result<std::string> ca = ReadFile(endpoint->ca_file, kMaxCertificateBytes);
    // An address file that was copied to another machine: the digest says as much.
    const bool moved = ca.status().code() == StatusCode::kNotFound && !endpoint->ca_sha256.empty();
    if (!ca.ok() && !moved)
      return ca.status().Wrap("the authority of the coordinator at " + endpoint->address);
    if (moved) endpoint->ca_file.clear();
    if (ca.ok() && ca->find("-----BEGIN CERTIFICATE-----") == std::string::npos)
      return InvalidArgument(endpoint->ca_file + " holds no certificate (PEM)");
    if (ca.ok()) endpoint->ca = *std::move(ca);
  }
  if (source.certificate_file.empty()) return OkStatus();
  BRAID_ASSIGN_OR_RETURN(endpoint->certificate,
                         ReadFile(source.certificate_file, kMaxCertificateBytes));
  BRAID_ASSIGN_OR_RETURN(endpoint->key, ReadFile(source.key_file, kMaxCertificateBytes));
  return OkStatus();
}

}  // namespace

Result<std::string> NewSecret() {
  std::array<unsigned char, kTokenBytes> bytes;
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    return ErrnoStatus(errno, "drawing a token");
  std::string token;
  for (const unsigned char byte : bytes) token += Format("%02x", byte);
  return token;
}

std::string_view HostOf(std::string_view address) {
  if (address.starts_with('[')) {
    const size_t end = address.find(']');
    return end == std::string_view::npos ? address : address.substr(0, end + 1);
  }
  // More than one colon means an IPv6 address without brackets, which cannot carry a port.
  if (std::count(address.begin(), address.end(), ':') != 1) return address;
  return address.substr(0, address.find(':'));
}

bool IsLoopbackHost(std::string_view host) {
  if (host == "localhost" || host == "[::1]" || host == "::1") return true;
  in_addr numbers{};
  return inet_pton(AF_INET, std::string(host).c_str(), &numbers) == 1 &&
         (ntohl(numbers.s_addr) >> 24) == 127;
}

Result<Endpoint> FindEndpoint(const EndpointSource& source) {
  Endpoint endpoint;
  if (source.address.empty()) {
    BRAID_ASSIGN_OR_RETURN(endpoint, ReadAddressFile(source.address_file));
  } else {
    // The address file may tell where the token and the authority of the given address are. It
    // counts only if it was written for exactly this address, as otherwise a foreign server would
    // receive the token.
    const Result<Endpoint> known = source.address_file.empty()
                                       ? NotFound("")
                                       : ReadAddressFile(source.address_file);
    if (known.ok() && known->address == source.address) endpoint = *known;
    endpoint.address = source.address;
  }
  if (!source.token_file.empty()) endpoint.token_file = source.token_file;
  BRAID_RETURN_IF_ERROR(ReadCertificates(source, &endpoint));
  if (!IsLoopbackHost(HostOf(endpoint.address)) && !endpoint.tls()) {
    return PermissionDenied(
        "address " + endpoint.address +
        " is not a loopback address, and without TLS the token would cross the network: say with "
        "--ca (BRAID_CA) which authority the coordinator's certificate is from, as a file or as "
        "sha256:DIGEST (its address file names both), or come through an SSH tunnel (ssh -L)");
  }
  if (endpoint.token_file.empty()) return endpoint;
  Result<std::string> token = ReadTokenFile(endpoint.token_file);
  if (!token.ok())
    return token.status().Wrap("the token of the coordinator at " + endpoint.address);
  endpoint.token = *std::move(token);
  return endpoint;
}

Result<std::string> ReadTokenFile(const std::string& path) {
  BRAID_ASSIGN_OR_RETURN(const std::string content, ReadFile(path, kMaxTokenFileBytes));
  const std::string token(Trim(content));
  const bool plain = std::all_of(token.begin(), token.end(),
                                 [](char c) { return c > ' ' && c < 0x7f; });
  if (token.size() < kMinTokenCharacters || !plain) {
    return InvalidArgument(path +
                           " does not hold a token (one line of at least 32 characters); copy the "
                           "coordinator's, or remove it "
                           "there and start the coordinator anew");
  }
  return token;
}

Result<std::string> MakeTokenFile(const std::string& path) {
  struct stat info{};
  if (stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode)) {
    // Whoever could read it may have copied it, so a stricter mode alone would not help.
    const bool others = (info.st_mode & 077) != 0;
    Result<std::string> token = ReadTokenFile(path);
    if (token.ok() && !others) return token;
    if (!token.ok() && token.status().code() != StatusCode::kInvalidArgument) return token;
    Log(LogLevel::kWarning, "coordinator",
        path + (others ? " could be read by others" : " held no token") + ": it has a new one now");
  }
  BRAID_ASSIGN_OR_RETURN(const std::string token, NewSecret());
  BRAID_RETURN_IF_ERROR(WriteSecretFile(path, token + "\n"));
  return token;
}

bool SameSecret(std::string_view given, std::string_view secret) {
  // Digests have equal length and differ everywhere, so the comparison does not depend on the
  // position of the first difference between the texts.
  const std::string a = Sha256Hex(given), b = Sha256Hex(secret);
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace braid
