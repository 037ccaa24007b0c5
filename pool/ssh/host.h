// A worker that was installed on a host by ssh: its settings, which are stored in a file of the
// state folder, and the properties of the host.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "pool/ssh/remote.h"

namespace braid::pool::ssh {

// The settings of one such worker.
struct HostSettings {
  // Of the worker.
  std::string id;
  Remote remote;
  // The worker's folder there; absolute once the host has been asked. What is in it is
  //
  //   programs/DIGEST/bin, lib   braid's programs, and the libraries that a Linux may lack
  //   current                    the ones that are used
  //   run, keep                  starts the worker; starts it again when it dies
  //   address.json, token        where the coordinator is, and the worker's credential
  //   worker/, log               of braid-worker
  std::string folder;
  // The machine and state folder from which it is added: "login:/home/ada/.braid". A folder on the
  // host belongs to one owner.
  std::string owner;
  // A Python of the host that has torch.
  std::string python = "python3";
  // HOST:PORT by which the host reaches the coordinator; empty: through a tunnel.
  std::string address;
  // Whether systemd of its user starts it; otherwise a plain process does.
  bool unit = false;
  // Options of braid-worker, under their names; empty or 0: the defaults of braid-worker.
  int64_t slots = 0;
  std::string gpus, site, cache_limit, advertise;
  std::vector<std::string> kinds, labels, data_roots, fetch_from;

  // Whether the worker reaches the coordinator through a tunnel.
  bool tunnel() const { return address.empty(); }
  bool operator==(const HostSettings&) const = default;
};

// Checks the settings. kInvalidArgument names the option of `braid worker add` and the values that
// are possible.
Status Check(const HostSettings& settings);

// The file with the settings in a host's folder of the state folder, and how it is read and
// written.
inline constexpr char kHostFile[] = "host.json";
Result<HostSettings> ReadHost(const std::string& folder);
Status WriteHost(const std::string& folder, const HostSettings& settings);

// The properties of the host, as ProbeScript prints them.
struct Probed {
  std::string folder, arch, glibc, torch;
  // The folders of the libraries of torch, and of pyarrow beside it, with ':' between.
  std::string libraries;
  int64_t free_bytes = 0;
  int64_t cores = 0;
  int64_t gpus = 0;
  // Whether the systemd of the user can be reached (`unit`), and whether it keeps running after the
  // user logs out (`lingers`).
  bool unit = false;
  bool lingers = false;
  // The programs are there already.
  bool has_programs = false;
  // How trying to reach the coordinator's address ended: "yes", or why not.
  std::string reach;
};
// Parses the output of ProbeScript. kInternal, quoting its beginning, if it lacks the folder, the
// processor or torch's libraries.
Result<Probed> ParseProbe(const std::string& text);

// Checks, before anything is copied, whether the programs of this machine can run on the host. They
// take `bytes` bytes and are for the processor `arch`.
Status CheckProbe(const HostSettings& settings, const Probed& probed, const std::string& arch,
                  int64_t bytes);

}  // namespace braid::pool::ssh
