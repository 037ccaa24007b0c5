#include "worker/network/address.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "base/endpoint.h"
#include "base/file.h"
#include "base/text.h"

namespace braid::worker {
namespace {

// Reserved for documentation (RFC 5737): no machine has it, so the route to it is the default one.
constexpr char kSomewhere[] = "192.0.2.1";

std::string Text(const sockaddr* address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address->sa_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, text, sizeof text);
  } else if (address->sa_family == AF_INET6) {
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr, text,
              sizeof text);
  }
  return text;
}

// Link-local addresses hold on one cable and need an interface on either side, which differ.
bool Reachable(const sockaddr* address) {
  if (address == nullptr) return false;
  if (address->sa_family == AF_INET) {
    const uint32_t bits = ntohl(reinterpret_cast<const sockaddr_in*>(address)->sin_addr.s_addr);
    return bits >> 24 != 127 && bits >> 16 != 0xA9FE;  // 127.0.0.0/8, 169.254.0.0/16
  }
  if (address->sa_family != AF_INET6) return false;
  const in6_addr& bits = reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
  return !IN6_IS_ADDR_LOOPBACK(&bits) && !IN6_IS_ADDR_LINKLOCAL(&bits);
}

// The address of this machine from which packets to `host` would leave; empty if there is no route.
// A datagram socket that is connected sends nothing.
std::string SourceTowards(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), "9", &hints, &found) != 0) return "";
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, &freeaddrinfo);
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    const UniqueFd fd(socket(one->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!fd.valid() || connect(fd.get(), one->ai_addr, one->ai_addrlen) != 0) continue;
    sockaddr_storage self{};
    socklen_t size = sizeof self;
    if (getsockname(fd.get(), reinterpret_cast<sockaddr*>(&self), &size) == 0)
      return Text(reinterpret_cast<const sockaddr*>(&self));
  }
  return "";
}

const NetworkAddress* Find(const std::vector<NetworkAddress>& addresses, const std::string& text) {
  const auto found = std::find_if(addresses.begin(), addresses.end(),
                                  [&](const auto& one) { return one.address == text; });
  return found == addresses.end() ? nullptr : &*found;
}

// Without the brackets of an IPv6 address.
std::string HostTowards(const std::string& coordinator) {
  std::string host(HostOf(coordinator));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return host;
}

}  // namespace

Result<std::vector<NetworkAddress>> LocalAddresses() {
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) return ErrnoStatus(errno, "listing this machine's addresses");
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(all, &freeifaddrs);
  std::vector<NetworkAddress> addresses;
  for (const ifaddrs* one = all; one != nullptr; one = one->ifa_next) {
    if ((one->ifa_flags & IFF_UP) != 0 && Reachable(one->ifa_addr))
      addresses.push_back({Text(one->ifa_addr), one->ifa_name});
  }
  // IPv4 first: where a host has both, that is the one that works between all of them.
  std::stable_partition(addresses.begin(), addresses.end(), [](const NetworkAddress& one) {
    return one.address.find(':') == std::string::npos;
  });
  return addresses;
}

Result<NetworkAddress> ChooseAddress(const std::string& choice, const std::string& coordinator,
                                     const std::vector<NetworkAddress>& addresses) {
  if (choice == "none") return NetworkAddress();
  if (choice == "auto") {
    for (const std::string& towards : {HostTowards(coordinator), std::string(kSomewhere)}) {
      if (towards.empty()) continue;
      if (const NetworkAddress* found = Find(addresses, SourceTowards(towards))) return *found;
    }
    return addresses.empty() ? NetworkAddress() : addresses.front();
  }
  const size_t percent = choice.find('%');
  const std::string address = choice.substr(0, percent);
  for (const NetworkAddress& one : addresses) {
    if (one.address != address) continue;
    if (percent == std::string::npos || one.interface == choice.substr(percent + 1)) return one;
  }
  std::vector<std::string> texts;
  for (const NetworkAddress& one : addresses) texts.push_back(one.ToString());
  return InvalidArgument("--advertise " + choice +
                         ": no interface of this machine that is up has this address, and ranks "
                         "could not listen on it; there " +
                         (texts.empty()
                              ? "is none but loopback"
                              : (texts.size() == 1 ? "is " : "are ") + Join(texts, ", ")));
}

}  // namespace braid::worker
