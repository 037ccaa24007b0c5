// The identity of this machine, as far as two programs have to agree that they run on the same one.
#pragma once

#include <string>

namespace braid {

// Identifies the loopback interface that this process sees: two processes with equal names can
// connect to each other on 127.0.0.1. The name is made of the boot id and the network namespace,
// not of the host name, since containers of one host may have the same host name and separate
// networks, or the other way round. Empty if the system does not provide both.
std::string LoopbackName();

// The host name, for people and as a default name; "localhost" if the system has none.
std::string HostName();

}  // namespace braid
