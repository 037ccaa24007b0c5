#include "rpc/tls/peer.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "base/file.h"
#include "base/text.h"
#include "rpc/tls/certificates.h"
#include "rpc/tls/openssl.h"

namespace braid::rpc {
namespace {

// A server that accepts connections and says nothing within 5 s does not speak TLS.
constexpr int kPatienceS = 5;
// HTTP/2, which is what gRPC speaks.
constexpr unsigned char kProtocols[] = {2, 'h', '2'};

// The host of an address as the resolver wants it: without the brackets of IPv6.
std::string PlainHost(const std::string& address) {
  std::string host(HostOf(address));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return host;
}

// Limits all waiting on a socket; connect() obeys it, too.
void SetPatience(int fd) {
  const timeval limit{kPatienceS, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

Result<UniqueFd> Connect(const std::string& address) {
  const size_t colon = address.rfind(':');
  const std::string port = colon == std::string::npos ? "" : address.substr(colon + 1);
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (const int code = getaddrinfo(PlainHost(address).c_str(), port.c_str(), &hints, &found);
      code != 0)
    return Unavailable("looking up " + address + ": " + gai_strerror(code));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> list(found, freeaddrinfo);
  // A name may have several addresses. If none answers, the last one's error is returned.
  int error = ECONNREFUSED;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    UniqueFd fd(socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol));
    if (!fd.valid()) continue;
    SetPatience(fd.get());
    if (connect(fd.get(), at->ai_addr, at->ai_addrlen) == 0) return fd;
    error = errno;
  }
  return Unavailable(ErrnoStatus(error, "connecting to " + address).message());
}

std::vector<std::string> ChainOf(SSL* ssl) {
  std::vector<std::string> chain;
  STACK_OF(X509)* const sent = SSL_get_peer_cert_chain(ssl);
  for (int i = 0; i < sk_X509_num(sent); ++i) chain.push_back(PemOf(sk_X509_value(sent, i)));
  return chain;
}

// OpenSSL's word for what is wrong with the chain for this authority and host, as a code.
int Verified(const PeerView& peer, const std::string& authority, const std::string& host) {
  const OwnedStore store(X509_STORE_new());
  const OwnedBio bio = ReaderOf(authority);
  while (OwnedX509 root{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)})
    X509_STORE_add_cert(store.get(), root.get());
  // The given authority may have been signed by another one, which is of no interest: it is trusted
  // by itself.
  X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
  const OwnedX509 leaf = ReadX509(peer.chain.empty() ? "" : peer.chain.front());
  if (leaf == nullptr) return X509_V_ERR_UNSPECIFIED;
  STACK_OF(X509)* const others = sk_X509_new_null();
  for (const std::string& pem : peer.chain) sk_X509_push(others, ReadX509(pem).release());
  const OwnedStoreContext context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), others);
  X509_VERIFY_PARAM* const rules = X509_STORE_CTX_get0_param(context.get());
  if (IsIpAddress(host)) {
    X509_VERIFY_PARAM_set1_ip_asc(rules, host.c_str());
  } else {
    X509_VERIFY_PARAM_set1_host(rules, host.c_str(), host.size());
  }
  (void)X509_verify_cert(context.get());
  const int code = X509_STORE_CTX_get_error(context.get());
  sk_X509_pop_free(others, X509_free);
  ERR_clear_error();
  return code;
}

// The certificates of a chain in words.
std::string Fingerprints(const PeerView& peer) {
  std::string text;
  for (const std::string& pem : peer.chain) {
    const Result<CertificateFacts> facts = FactsOf(pem);
    if (facts.ok()) text += (text.empty() ? "sha256:" : ", sha256:") + facts->sha256;
  }
  return text.empty() ? "none" : text;
}

std::string WrongChain(const Endpoint& endpoint, const PeerView& peer, int code) {
  const std::string who = "the program at " + endpoint.address;
  const Result<CertificateFacts> facts = FactsOf(peer.chain.empty() ? "" : peer.chain.front());
  const std::string source = endpoint.ca_file.empty() ? "sha256:" + endpoint.ca_sha256
                                                      : endpoint.ca_file;
  switch (code) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return who + " has a certificate for " + (facts.ok() ? Join(facts->names, ", ") : "nobody") +
             " and not for " + PlainHost(endpoint.address) +
             ": use one of these names, or start the coordinator with --tls-name " +
             PlainHost(endpoint.address);
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return who + " has a certificate that is valid from " +
             (facts.ok() ? FormatUtc(facts->begins_ms) + " to " + FormatUtc(facts->ends_ms) : "?") +
             ", and here it is another time: restart the coordinator, which then makes a new one, "
             "replace the files of --tls-cert, or set this machine's clock";
    default:
      return who + " is not who it should be: its certificates (" + Fingerprints(peer) +
             ") are not from the authority in " + source + " (" +
             X509_verify_cert_error_string(code) +
             "), so nothing was sent to it. If the coordinator has a new authority, take its new "
             "address file, or for --ca the ca_sha256 in it; otherwise somebody else listens there";
  }
}

}  // namespace

Result<PeerView> LookAt(const std::string& address) {
  BRAID_ASSIGN_OR_RETURN(const UniqueFd fd, Connect(address));
  const OwnedContext context(SSL_CTX_new(TLS_client_method()));
  const OwnedSsl ssl(SSL_new(context.get()));
  if (ssl == nullptr) return OpensslError("preparing a handshake");
  // What is shown is judged afterwards, with better words than those of a broken handshake; until
  // then nothing is sent.
  SSL_set_verify(ssl.get(), SSL_VERIFY_NONE, nullptr);
  SSL_set_alpn_protos(ssl.get(), kProtocols, sizeof kProtocols);
  if (const std::string host = PlainHost(address); !IsIpAddress(host))
    SSL_set_tlsext_host_name(ssl.get(), host.c_str());
  SSL_set_fd(ssl.get(), fd.get());
  errno = 0;
  const int done = SSL_connect(ssl.get());
  // This is how the socket's limit ends a handshake.
  const bool timed_out = done != 1 && (errno == EAGAIN || errno == EWOULDBLOCK);
  PeerView peer{done == 1, ChainOf(ssl.get())};
  ERR_clear_error();
  if (timed_out) return Unavailable(address + " says nothing");
  return peer;
}

Result<std::string> FetchAuthority(const std::string& address, const std::string& fingerprint) {
  BRAID_ASSIGN_OR_RETURN(const PeerView peer, LookAt(address));
  if (!peer.tls) {
    return PermissionDenied("the program at " + address +
                            " speaks no TLS, so it is not the one with sha256:" + fingerprint +
                            ": nothing was sent to it");
  }
  // Whoever sends it: the digest came on a trusted way, and only the authority's certificate has
  // it.
  for (const std::string& pem : peer.chain) {
    BRAID_ASSIGN_OR_RETURN(const CertificateFacts facts, FactsOf(pem));
    if (facts.sha256 == fingerprint) return pem;
  }
  Endpoint asked;
  asked.address = address;
  asked.ca_sha256 = fingerprint;
  return PermissionDenied(WrongChain(asked, peer, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY));
}

std::string WhyNoConnection(const Endpoint& endpoint) {
  // gRPC says only that there is no connection, so the handshake is made once more, to see why.
  const Result<PeerView> peer = LookAt(endpoint.address);
  if (!peer.ok()) return "";
  if (!endpoint.tls()) {
    if (!peer->tls) return "";
    return "the program at " + endpoint.address +
           " speaks TLS: say with --ca (BRAID_CA) which authority it must be of, as a file or as "
           "sha256:DIGEST; the address file of the coordinator names both";
  }
  if (!peer->tls) {
    return "the program at " + endpoint.address +
           " speaks no TLS, and nothing was sent to it: is it the coordinator, and was it started "
           "with TLS (--listen on an address of the network, or --tls)?";
  }
  const int code = Verified(*peer, endpoint.ca, PlainHost(endpoint.address));
  return code == X509_V_OK ? "" : WrongChain(endpoint, *peer, code);
}

std::string WhyNoHttps(const Endpoint& endpoint, const std::string& server_name) {
  const Result<PeerView> peer = LookAt(endpoint.address);
  if (!peer.ok()) return peer.status().message();
  if (!peer->tls) return "the program at " + endpoint.address + " speaks no TLS";
  const std::string name = server_name.empty() ? PlainHost(endpoint.address) : server_name;
  const int code = Verified(*peer, endpoint.ca, name);
  if (code == X509_V_OK) return "";
  return "the certificate of https://" + endpoint.address + " is not one for " + name +
         " of the authority in " + endpoint.ca_file + " (" + X509_verify_cert_error_string(code) +
         "): programs here do not trust it";
}

}  // namespace braid::rpc
