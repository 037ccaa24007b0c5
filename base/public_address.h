// Addresses of the public internet, as against those of one's own machine and network.
#pragma once

#include <string>

namespace braid {

// Whether the address, IPv4 or IPv6 as numbers without brackets, is one that anybody may have on
// the public internet: not of loopback, a private or link-local network, a carrier's inner network,
// multicast, an example or a reserved block, neither by itself nor as the IPv4 address within one
// of IPv6. False for a text that is no address.
bool IsPublicAddress(const std::string& address);

// Whether the text is an address as numbers.
bool IsAddress(const std::string& text);

}  // namespace braid
