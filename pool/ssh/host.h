// A worker that was put on a host by ssh: where it is, how it runs, and what the host said of
// itself. Its settings are written down in a file of the state folder.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "pool/ssh/remote.h"

namespace braid::pool::ssh {

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
  // The machine and state folder from which it is added: "login:/home/ada/.braid". A folder of the
  // host is of one.
  std::string owner;
  // A Python of the host that has torch.
  std::string python = "python3";
  // HOST:PORT by which the host reaches the coordinator; empty: through a tunnel.
  std::string address;
  // Whether systemd of its user starts it; otherwise a plain process does.
  bool unit = false;
  // Of the worker, as its options are called; empty or 0: the worker's own defaults.
  int64_t slots = 0;
  std::string gpus, site, cache_limit, advertise;
  std::vector<std::string> kinds, labels, data_roots;

  bool tunnel() const { return address.empty(); }
  bool operator==(const HostSettings&) const = default;
};

// Errors name the option of `braid worker add` and say what is possible.
Status Check(const HostSettings& settings);

inline constexpr char kHostFile[] = "host.json";
Result<HostSettings> ReadHost(const std::string& folder);
Status WriteHost(const std::string& folder, const HostSettings& settings);

// What the host says of itself (ProbeScript).
struct Probed {
  std::string folder, arch, glibc, torch;
  // The folders of torch's libraries, with ':' between.
  std::string libraries;
  int64_t free_bytes = 0;
  int64_t cores = 0;
  int64_t gpus = 0;
  // systemd of its user can be asked; and goes on when the user logs out.
  bool unit = false;
  bool lingers = false;
  // The programs are there already.
  bool has_programs = false;
  // How trying to reach the coordinator's address ended: "yes", or why not.
  std::string reach;
};
Result<Probed> ParseProbe(const std::string& text);

// Whether programs of this machine can run there, as far as is known before they are copied: of
// `bytes` for the processor `arch`.
Status CheckProbe(const HostSettings& settings, const Probed& probed, const std::string& arch,
                  int64_t bytes);

}  // namespace braid::pool::ssh
