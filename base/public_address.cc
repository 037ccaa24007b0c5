#include "base/public_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

namespace braid {
namespace {

using Bytes16 = std::array<uint8_t, 16>;

struct Block {
  uint32_t begin;
  int bits;
};
// All that IANA's registry of special addresses does not call globally reachable, and multicast.
constexpr std::array<Block, 16> kSpecial = {{{0x00000000, 8},
                                             {0x0A000000, 8},
                                             {0x64400000, 10},
                                             {0x7F000000, 8},
                                             {0xA9FE0000, 16},
                                             {0xAC100000, 12},
                                             {0xC0000000, 24},
                                             {0xC0000200, 24},
                                             {0xC0586300, 24},
                                             {0xC0A80000, 16},
                                             {0xC6120000, 15},
                                             {0xC6336400, 24},
                                             {0xCB007100, 24},
                                             {0xE0000000, 4},
                                             {0xF0000000, 4},
                                             {0xFFFFFFFF, 32}}};

bool IsPublic4(uint32_t address) {
  return std::none_of(kSpecial.begin(), kSpecial.end(), [address](const Block& block) {
    return ((address ^ block.begin) >> (32 - block.bits)) == 0;
  });
}

uint32_t Four(const Bytes16& bytes, size_t at) {
  return uint32_t{bytes[at]} << 24 | uint32_t{bytes[at + 1]} << 16 | uint32_t{bytes[at + 2]} << 8 |
         bytes[at + 3];
}

// The IPv4 address that packets to this one of IPv6 may reach.
std::optional<uint32_t> Within(const Bytes16& bytes) {
  const bool mapped = std::all_of(bytes.begin(), bytes.begin() + 10,
                                  [](uint8_t b) { return b == 0; });
  if (mapped && bytes[10] == 0xFF && bytes[11] == 0xFF) return Four(bytes, 12);
  // NAT64, 64:ff9b::/96.
  if (Four(bytes, 0) == 0x0064FF9B && Four(bytes, 4) == 0 && Four(bytes, 8) == 0)
    return Four(bytes, 12);
  if (bytes[0] == 0x20 && bytes[1] == 0x02) return Four(bytes, 2);  // 6to4
  return std::nullopt;
}

bool IsPublic6(const Bytes16& bytes) {
  if (const auto inner = Within(bytes)) return IsPublic4(*inner);
  const uint32_t head = Four(bytes, 0);
  // Global unicast is 2000::/3, of which 2001::/23 has protocols such as Teredo, and 2001:db8::/32
  // and 3fff::/20 examples.
  return (bytes[0] & 0xE0) == 0x20 && (head >> 9) != (0x20010000 >> 9) && head != 0x20010DB8 &&
         (head >> 12) != (0x3FFF0000 >> 12);
}

}  // namespace

bool IsPublicAddress(const std::string& address) {
  in_addr four{};
  if (inet_pton(AF_INET, address.c_str(), &four) == 1) return IsPublic4(ntohl(four.s_addr));
  Bytes16 bytes{};
  return inet_pton(AF_INET6, address.c_str(), bytes.data()) == 1 && IsPublic6(bytes);
}

bool IsAddress(const std::string& text) {
  Bytes16 bytes{};
  return inet_pton(AF_INET, text.c_str(), bytes.data()) == 1 ||
         inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1;
}

}  // namespace braid
