// Where the ranks of this worker can be reached from other hosts.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"

namespace braid::worker {

// An address of this machine and the interface that has it. Both empty: the ranks of this worker
// meet others of its own host only.
struct NetworkAddress {
  // As numbers: "10.0.0.2" or "fd00::2".
  std::string address;
  // "eth0".
  std::string interface;
  bool operator==(const NetworkAddress&) const = default;
  // "10.0.0.2%eth0", as --advertise takes it.
  std::string ToString() const { return address + "%" + interface; }
};

// The addresses of this machine that others may reach: of interfaces that are up, without loopback
// and link-local ones. IPv4 before IPv6, otherwise in the kernel's order.
Result<std::vector<NetworkAddress>> LocalAddresses();

// What --advertise says, against the addresses that there are:
//
//   ADDRESS, ADDRESS%IFACE   that one; kInvalidArgument, with all that there are, if there is none
//   none                     empty
//   auto                     the one that packets to `coordinator` ("HOST:PORT") leave by; if that
//                            is a tunnel on loopback, the one of the default route; else the first.
//                            Empty if there is no address.
//
// No packet is sent; a name in `coordinator` is looked up.
Result<NetworkAddress> ChooseAddress(const std::string& choice, const std::string& coordinator,
                                     const std::vector<NetworkAddress>& addresses);

}  // namespace braid::worker
