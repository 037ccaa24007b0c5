// Workers that are put on other machines by ssh (pool/ssh/host.h), from the state folder of the
// coordinator's user: `braid worker add`.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "cli/shared/globals.h"
#include "pool/ssh/host.h"

namespace braid::cli {

// The folder of an added worker below the state folder of `globals`; it is there while the worker
// is.
std::string HostFolder(const Globals& globals, const std::string& id);
// All that were added here, by id.
Result<std::vector<pool::ssh::HostSettings>> AddedHosts(const Globals& globals);

// Copies the programs to the host unless they are there, starts a worker, and waits until it is
// connected. For one that was added before, the same with what has changed since. Each step is
// reported on standard error. With `use_unit` systemd of the user starts it, where there is one.
Status AddHost(const Globals& globals, pool::ssh::HostSettings settings, bool use_unit);

// Keeps the tunnel of an added worker, through which it reaches the coordinator, until a signal
// comes. kAlreadyExists if another process does.
Result<int> KeepTunnel(const Globals& globals, const std::string& id);
// The same in the background; nothing if a process does already.
Status StartTunnel(const Globals& globals, const std::string& id);
// Ends the process that keeps it, if there is one.
Status EndTunnel(const Globals& globals, const std::string& id);
// Whether a process of this machine keeps the tunnel.
bool TunnelIsKept(const Globals& globals, const std::string& id);

// Ends the worker there, which hands back what it runs, removes its folder there and its tunnel.
// With `force` even if the host does not answer, or still has results that the coordinator lacks.
Status RemoveHost(const Globals& globals, const std::string& id, bool force);

}  // namespace braid::cli
