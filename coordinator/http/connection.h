// The connection of one client as this server reads and writes it, plain or under TLS.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "base/file.h"
#include "rpc/tls/server_session.h"

namespace braid::coordinator {

// Nothing here waits. What is written and what is read may belong to two threads.
class Connection {
 public:
  // Plain.
  explicit Connection(UniqueFd socket) : socket_(std::move(socket)) {}
  // Under TLS, if the client's first byte begins a handshake; whoever begins otherwise is heard
  // without it, so that it can be told.
  Connection(UniqueFd socket, std::unique_ptr<rpc::ServerSession> session);

  // For poll() alone.
  int socket() const { return socket_.get(); }
  // Whether what was read came under TLS.
  bool secure() const { return session_ != nullptr; }

  // What the client has shown of who it is; nothing of a plain connection.
  rpc::ShownCertificate Certificate();

  rpc::Moved Read(char* to, size_t size);
  rpc::Moved Write(std::string_view data);
  // The client has closed its side, or the connection is broken.
  bool HasHungUp();
  // Tells the client that the answer is whole. Nothing may be written after it.
  void EndAnswer();

 private:
  const UniqueFd socket_;
  std::unique_ptr<rpc::ServerSession> session_;  // null: plain
  bool begun_ = false;                           // the first byte was looked at
};

}  // namespace braid::coordinator
