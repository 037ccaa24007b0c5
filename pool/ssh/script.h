// The shell scripts that are run on a host to which a worker is added. They need a POSIX shell,
// coreutils and a Python with torch.
#pragma once

#include <string>

#include "pool/ssh/host.h"

namespace braid::pool::ssh {

// Prints what ParseProbe reads; fails where a worker cannot run. `digest` is of the programs.
std::string ProbeScript(const HostSettings& settings, const std::string& digest);

// Where programs of this digest are to be copied before InstallScript, below the worker's folder.
std::string PartFolder(const HostSettings& settings, const std::string& digest);

// What a worker needs to find its coordinator and to be taken for itself.
struct Credentials {
  std::string token;
  // Of its authority: a SHA-256, or empty without TLS.
  std::string ca_sha256;
};

// Tries the copied programs out, writes all files of the folder, ends the worker if one runs there,
// and starts it.
std::string InstallScript(const HostSettings& settings, const Probed& probed,
                          const std::string& digest, const Credentials& credentials);

// Chooses a free port for the tunnel, tells the worker that the coordinator is there, and prints
// "port N".
std::string PortScript(const HostSettings& settings, const std::string& ca_sha256);

// Prints the end of the worker's log.
std::string LogScript(const HostSettings& settings);

// Ends the worker, which hands back what it runs, and removes its folder; without `force` not if
// something there has not reached the coordinator.
std::string RemoveScript(const HostSettings& settings, bool force);

// "braid-worker-ID", by which systemd knows the worker.
std::string UnitName(const HostSettings& settings);

}  // namespace braid::pool::ssh
