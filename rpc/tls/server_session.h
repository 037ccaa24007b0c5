// TLS (1.2 or 1.3) as a server speaks it on sockets of its own, where gRPC does not do it. Nothing
// here waits: whoever calls polls the socket.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "base/status.h"
#include "rpc/tls/authority.h"

struct ssl_ctx_st;
struct ssl_st;

namespace braid::rpc {

// What came of one try to read or to write.
struct Moved {
  enum class State {
    kSome,   // `bytes` of them, at least one
    kLater,  // nothing yet; try again when poll() finds one of `events`
    kOver,   // the peer has ended, or the connection is broken
  };
  State state = State::kOver;
  size_t bytes = 0;
  short events = 0;
};

// What a client has shown in its handshake of who it is.
struct ShownCertificate {
  std::string pem;    // one that `clients` of ServerTls have signed, and that is good now, or empty
  std::string wrong;  // why another one that it showed is not good; empty if it showed none
};

// One connection, from its handshake on, which is made while reading and writing. May be used by
// several threads.
class ServerSession {
 public:
  // The first byte that a client sends to speak TLS, and that no HTTP begins with.
  static constexpr char kFirstByte = 0x16;

  explicit ServerSession(ssl_st* ssl) : ssl_(ssl) {}  // which is the session's from then on
  ~ServerSession();
  ServerSession(const ServerSession&) = delete;
  ServerSession& operator=(const ServerSession&) = delete;

  Moved Read(char* to, size_t size);
  Moved Write(std::string_view data);
  // The client has ended its side, or the connection is broken.
  bool HasHungUp();
  // Empty before the handshake is over.
  ShownCertificate Certificate();
  // Tells the client that nothing follows, so that it can tell the end from a cut.
  void SayEnd();

 private:
  Moved ResultOf(int result, size_t bytes) BRAID_REQUIRES(mutex_);

  Mutex mutex_;
  ssl_st* const ssl_ BRAID_GUARDED_BY(mutex_);
  bool broken_ BRAID_GUARDED_BY(mutex_) = false;
};

// The certificate and key with which sessions begin, and whose certificates clients are asked for:
// they may show one and need not. Files that change are read again for the next
// session; those that cannot be used (a key of another certificate, half a file) change nothing and
// are named in the log, once. Those that could not be read are tried again. Used by one thread.
class SessionFactory {
 public:
  // Errors name the files: kInvalidArgument if it is their content that cannot be used.
  static Result<std::unique_ptr<SessionFactory>> Open(const ServerTls& files);

  // A session on a connected socket, which outlives it and must not block. Null if there is no
  // memory.
  std::unique_ptr<ServerSession> Begin(int socket);

 private:
  explicit SessionFactory(const ServerTls& files) : files_(files) {}
  void Look();

  const ServerTls files_;
  std::string seen_;      // which versions of the files were read last
  int64_t again_ms_ = 0;  // when they are read again although they have not changed; 0: never
  std::shared_ptr<ssl_ctx_st> context_;
};

}  // namespace braid::rpc
