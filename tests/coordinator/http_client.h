// HTTP as a stranger would write it: bytes to a loopback address, and what comes back.
#pragma once

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstdlib>
#include <string>

#include "base/file.h"

namespace braid::coordinator {

inline UniqueFd ConnectTo(const std::string& address) {
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(static_cast<uint16_t>(std::atoi(address.c_str() + address.rfind(':') + 1)));
  EXPECT_EQ(connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  return fd;
}

inline void SendOn(const UniqueFd& fd, const std::string& request) {
  for (size_t sent = 0; sent < request.size();) {
    const ssize_t n = send(fd.get(), request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) break;
    sent += static_cast<size_t>(n);
  }
}

// What comes until the server closes or, if `until` is not empty, until that has come.
inline std::string ReadFrom(const UniqueFd& fd, const std::string& until = "") {
  std::string answer;
  char piece[4096];
  for (ssize_t n = 0; (n = recv(fd.get(), piece, sizeof piece, 0)) > 0;) {
    answer.append(piece, static_cast<size_t>(n));
    if (!until.empty() && answer.find(until) != std::string::npos) break;
  }
  return answer;
}

// One request and its whole answer. What the server no longer takes is not sent.
inline std::string Ask(const std::string& address, const std::string& request) {
  const UniqueFd fd = ConnectTo(address);
  SendOn(fd, request);
  return ReadFrom(fd);
}

inline std::string BodyOf(const std::string& answer) {
  const size_t at = answer.find("\r\n\r\n");
  return at == std::string::npos ? "" : answer.substr(at + 4);
}

}  // namespace braid::coordinator
