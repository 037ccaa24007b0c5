// An address of a socket, IPv4 or IPv6, as the system's calls want it.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>

#include "base/status.h"

namespace braid::worker {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  // `host` as numbers, without brackets. kInvalidArgument names one that is none.
  static Result<SocketAddress> Of(const std::string& host, int32_t port);

  int family() const { return storage.ss_family; }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  int32_t port() const;
  // As numbers; empty if it is of neither family.
  std::string Host() const;
};

}  // namespace braid::worker
