#include "rpc/tls/server_session.h"

#include <poll.h>
#include <sys/stat.h>

#include <utility>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "rpc/tls/certificates.h"
#include "rpc/tls/openssl.h"

namespace braid::rpc {
namespace {

// Before files are read again that could not be read.
constexpr int64_t kTryAgainMs = 2'000;
constexpr std::string_view kHttp1 = "http/1.1";

// HTTP/1.1, if it is among what the client offers; a client that offers nothing, or only what is
// not spoken here, is told nothing.
int ChooseProtocol(SSL*, const unsigned char** chosen, unsigned char* chosen_size,
                   const unsigned char* offered, unsigned int offered_size, void*) {
  for (unsigned int at = 0; at < offered_size && at + offered[at] < offered_size;
       at += 1 + offered[at]) {
    const std::string_view name(reinterpret_cast<const char*>(offered + at + 1), offered[at]);
    if (name != kHttp1) continue;
    *chosen = offered + at + 1;
    *chosen_size = offered[at];
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_NOACK;
}

// Changes whenever one of the files is written or replaced.
std::string VersionOf(const ServerTls& files) {
  std::string version;
  for (const std::string& path : {files.certificate, files.key, files.clients}) {
    struct stat info{};
    if (stat(path.c_str(), &info) != 0) return "";
    version += Format("%llu %llu %lld %lld.%ld %lld.%ld\n", (unsigned long long)info.st_dev,
                      (unsigned long long)info.st_ino, (long long)info.st_size,
                      (long long)info.st_mtim.tv_sec, info.st_mtim.tv_nsec,
                      (long long)info.st_ctim.tv_sec, info.st_ctim.tv_nsec);
  }
  return version;
}

// A client may show a certificate. One that is not good ends no handshake: who shows it is told
// what is wrong with it (ServerSession::Certificate), and may prove in another way who it is.
Status AskForCertificates(const std::string& authorities, SSL_CTX* context) {
  if (authorities.empty()) return OkStatus();
  STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(authorities.c_str());
  if (names == nullptr) return OpensslError("reading " + authorities);
  SSL_CTX_set_client_CA_list(context, names);  // by which browsers know which of theirs to offer
  if (SSL_CTX_load_verify_locations(context, authorities.c_str(), nullptr) != 1)
    return OpensslError("reading " + authorities);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, [](int, X509_STORE_CTX*) { return 1; });
  // Ours are signed by the authority itself, and a stranger's must not cost much to look at.
  SSL_CTX_set_max_cert_list(context, 16 << 10);
  SSL_CTX_set_verify_depth(context, 2);
  // Without it, OpenSSL refuses to resume sessions of clients that have shown one.
  constexpr unsigned char kSessions[] = "braid";
  if (SSL_CTX_set_session_id_context(context, kSessions, sizeof kSessions - 1) != 1)
    return OpensslError("preparing TLS");
  return OkStatus();
}

Result<std::shared_ptr<SSL_CTX>> ContextOf(const ServerTls& files) {
  Certified pair;
  BRAID_ASSIGN_OR_RETURN(pair.key, ReadFile(files.key, 1 << 20));
  BRAID_ASSIGN_OR_RETURN(pair.certificate, ReadFile(files.certificate, 1 << 20));
  const std::string names = "key " + files.key + " and certificate " + files.certificate;
  BRAID_RETURN_IF_ERROR(CheckBelongs(pair).Wrap(names));
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (context == nullptr) return OpensslError("preparing TLS");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
  // Records without data (a key that is changed) end a read as any others: who sends nothing else
  // would keep it from ending.
  SSL_CTX_clear_mode(context.get(), SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_alpn_select_cb(context.get(), ChooseProtocol, nullptr);
  // The files are read once more, as OpenSSL takes chains from files alone. If they were replaced
  // in between, their version says so, and they are read again.
  if (SSL_CTX_use_certificate_chain_file(context.get(), files.certificate.c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(context.get(), files.key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context.get()) != 1)
    return OpensslError(names);
  BRAID_RETURN_IF_ERROR(AskForCertificates(files.clients, context.get()));
  return context;
}

}  // namespace

ServerSession::~ServerSession() {
  MutexLock lock(mutex_);
  SSL_free(ssl_);
}

Moved ServerSession::ResultOf(int result, size_t bytes) {
  const int error = result > 0 ? SSL_ERROR_NONE : SSL_get_error(ssl_, result);
  ERR_clear_error();
  switch (error) {
    case SSL_ERROR_NONE:
      return {Moved::State::kSome, bytes, 0};
    case SSL_ERROR_WANT_READ:
      return {Moved::State::kLater, 0, POLLIN};
    case SSL_ERROR_WANT_WRITE:
      return {Moved::State::kLater, 0, POLLOUT};
    case SSL_ERROR_ZERO_RETURN:
      return {};
    default:
      broken_ = true;
      return {};
  }
}

Moved ServerSession::Read(char* to, size_t size) {
  MutexLock lock(mutex_);
  if (broken_) return {};
  ERR_clear_error();  // what is in the thread's queue would be taken for this session's
  size_t bytes = 0;
  const int result = SSL_read_ex(ssl_, to, size, &bytes);
  return ResultOf(result, bytes);
}

Moved ServerSession::Write(std::string_view data) {
  MutexLock lock(mutex_);
  if (broken_) return {};
  ERR_clear_error();  // what is in the thread's queue would be taken for this session's
  size_t bytes = 0;
  const int result = SSL_write_ex(ssl_, data.data(), data.size(), &bytes);
  return ResultOf(result, bytes);
}

bool ServerSession::HasHungUp() {
  MutexLock lock(mutex_);
  if (broken_) return true;
  ERR_clear_error();
  char byte;
  size_t bytes = 0;
  const int result = SSL_peek_ex(ssl_, &byte, 1, &bytes);
  return ResultOf(result, bytes).state == Moved::State::kOver;
}

ShownCertificate ServerSession::Certificate() {
  MutexLock lock(mutex_);
  if (broken_ || SSL_is_init_finished(ssl_) != 1) return {};
  X509* shown = SSL_get0_peer_certificate(ssl_);
  if (shown == nullptr) return {};
  const long verdict = SSL_get_verify_result(ssl_);
  if (verdict != X509_V_OK) return {"", X509_verify_cert_error_string(verdict)};
  return {PemOf(shown), ""};
}

void ServerSession::SayEnd() {
  MutexLock lock(mutex_);
  if (broken_ || SSL_is_init_finished(ssl_) != 1) return;
  (void)SSL_shutdown(ssl_);
  ERR_clear_error();
}

Result<std::unique_ptr<SessionFactory>> SessionFactory::Open(const ServerTls& files) {
  std::unique_ptr<SessionFactory> factory(new SessionFactory(files));
  factory->seen_ = VersionOf(files);
  BRAID_ASSIGN_OR_RETURN(factory->context_, ContextOf(files));
  return factory;
}

void SessionFactory::Look() {
  std::string version = VersionOf(files_);
  const int64_t now_ms = SystemClock().MonotonicMs();
  const bool changed = version != seen_;
  if (!changed && (again_ms_ == 0 || now_ms < again_ms_)) return;
  seen_ = std::move(version);
  Result<std::shared_ptr<SSL_CTX>> context = ContextOf(files_);
  // What is wrong with their content is so until they change; the machine may have no descriptor,
  // or no memory, for a moment.
  const bool final = context.ok() || context.status().code() == StatusCode::kInvalidArgument;
  again_ms_ = final ? 0 : now_ms + kTryAgainMs;
  if (context.ok()) {
    context_ = *std::move(context);
    Log(LogLevel::kInfo, "coordinator",
        "HTTPS: connections from now on are shown the certificate that is in " +
            files_.certificate + " now");
  } else if (changed) {
    Log(LogLevel::kError, "coordinator",
        "HTTPS: the changed files are not used, and clients are shown the certificate from "
        "before: " +
            context.status().message());
  }
}

std::unique_ptr<ServerSession> SessionFactory::Begin(int socket) {
  Look();
  OwnedSsl ssl(SSL_new(context_.get()));
  if (ssl == nullptr || SSL_set_fd(ssl.get(), socket) != 1) {
    ERR_clear_error();
    return nullptr;
  }
  SSL_set_accept_state(ssl.get());
  return std::make_unique<ServerSession>(ssl.release());
}

}  // namespace braid::rpc
