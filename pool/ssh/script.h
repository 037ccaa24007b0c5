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

// The credentials with which a worker and its coordinator authenticate each other.
struct Credentials {
  std::string token;
  // Of its authority: a SHA-256, or empty without TLS.
  std::string ca_sha256;
};

// A script that tests the copied programs, writes all files of the folder, ends the worker if one
// runs there, and starts it.
std::string InstallScript(const HostSettings& settings, const Probed& probed,
                          const std::string& digest, const Credentials& credentials);

// A script that chooses a free port for the tunnel, writes it to the worker's address file, and
// prints "port N".
std::string PortScript(const HostSettings& settings, const std::string& ca_sha256);

// A script that prints the end of the worker's log.
std::string LogScript(const HostSettings& settings);

// A script that ends the worker, which hands back the ranks that it runs, and removes its folder.
// Without `force` it refuses if the worker still has results that the coordinator lacks.
std::string RemoveScript(const HostSettings& settings, bool force);

// The name of the worker's systemd unit: "braid-worker-ID".
std::string UnitName(const HostSettings& settings);

}  // namespace braid::pool::ssh
