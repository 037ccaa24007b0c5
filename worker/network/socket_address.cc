#include "worker/network/socket_address.h"

#include <arpa/inet.h>

namespace braid::worker {
namespace {

const sockaddr_in& Four(const sockaddr_storage& address) {
  return reinterpret_cast<const sockaddr_in&>(address);
}

const sockaddr_in6& Six(const sockaddr_storage& address) {
  return reinterpret_cast<const sockaddr_in6&>(address);
}

}  // namespace

Result<SocketAddress> SocketAddress::Of(const std::string& host, int32_t port) {
  SocketAddress address;
  auto* four = reinterpret_cast<sockaddr_in*>(&address.storage);
  if (inet_pton(AF_INET, host.c_str(), &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = htons(static_cast<uint16_t>(port));
    address.size = sizeof *four;
    return address;
  }
  auto* six = reinterpret_cast<sockaddr_in6*>(&address.storage);
  if (inet_pton(AF_INET6, host.c_str(), &six->sin6_addr) != 1)
    return InvalidArgument("\"" + host + "\" is no address");
  six->sin6_family = AF_INET6;
  six->sin6_port = htons(static_cast<uint16_t>(port));
  address.size = sizeof *six;
  return address;
}

int32_t SocketAddress::port() const {
  return ntohs(family() == AF_INET ? Four(storage).sin_port : Six(storage).sin6_port);
}

std::string SocketAddress::Host() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (family() == AF_INET) inet_ntop(AF_INET, &Four(storage).sin_addr, text, sizeof text);
  if (family() == AF_INET6) inet_ntop(AF_INET6, &Six(storage).sin6_addr, text, sizeof text);
  return text;
}

}  // namespace braid::worker
