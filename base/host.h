// The identity of this machine, as far as two programs have to agree that they are on the same one.
#pragma once

#include <string>

namespace braid {

// Names the loopback interface of this process: two processes with the same name can meet on
// 127.0.0.1. That is a matter of the network namespace, not of the host's name: containers may
// share the one and not the other. Empty if the system does not say.
std::string LoopbackName();

}  // namespace braid
