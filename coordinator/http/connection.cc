#include "coordinator/http/connection.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace braid::coordinator {
namespace {

using rpc::Moved;

Moved ResultOf(ssize_t n, short events) {
  if (n > 0) return {Moved::State::kSome, static_cast<size_t>(n), 0};
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return {Moved::State::kLater, 0, events};
  return {};
}

}  // namespace

Connection::Connection(UniqueFd socket, std::unique_ptr<rpc::ServerSession> session)
    : socket_(std::move(socket)), session_(std::move(session)) {
  fcntl(socket_.get(), F_SETFL, fcntl(socket_.get(), F_GETFL) | O_NONBLOCK);
}

rpc::ShownCertificate Connection::Certificate() {
  return session_ == nullptr ? rpc::ShownCertificate() : session_->Certificate();
}

Moved Connection::Read(char* to, size_t size) {
  if (session_ != nullptr && !begun_) {
    char first;
    const Moved seen = ResultOf(recv(socket_.get(), &first, 1, MSG_PEEK | MSG_DONTWAIT), POLLIN);
    if (seen.state != Moved::State::kSome) return seen;
    begun_ = true;
    if (first != rpc::ServerSession::kFirstByte) session_.reset();
  }
  if (session_ != nullptr) return session_->Read(to, size);
  return ResultOf(recv(socket_.get(), to, size, MSG_DONTWAIT), POLLIN);
}

Moved Connection::Write(std::string_view data) {
  if (session_ != nullptr) return session_->Write(data);
  return ResultOf(send(socket_.get(), data.data(), data.size(), MSG_NOSIGNAL | MSG_DONTWAIT),
                  POLLOUT);
}

bool Connection::HasHungUp() {
  if (session_ != nullptr) return session_->HasHungUp();
  char byte;
  return ResultOf(recv(socket_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT), POLLIN).state ==
         Moved::State::kOver;
}

void Connection::EndAnswer() {
  if (session_ != nullptr) session_->SayEnd();
  ::shutdown(socket_.get(), SHUT_WR);
}

}  // namespace braid::coordinator
