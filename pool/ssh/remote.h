// A machine that is reached by the system's ssh, with the keys, names and jump hosts of its user's
// own configuration. ssh never prompts: not for a password, a passphrase, or an unknown host key.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"

namespace braid::pool::ssh {

// How to reach the machine.
struct Remote {
  // As ssh takes it: "gpu1", "ada@10.0.0.2".
  std::string host;
  // A file instead of ~/.ssh/config; empty: that.
  std::string config;
  // "Port=2222", as ssh takes them after -o. They cannot make ssh prompt or accept an unknown host
  // key.
  std::vector<std::string> options;

  bool operator==(const Remote&) const = default;
};

// kInvalidArgument names the wrong option.
Status Check(const Remote& remote);

// The words of ssh that run `command` there by the user's shell; with `forward` ("-R" and what
// belongs to it) the ones that keep a tunnel and run nothing.
std::vector<std::string> SshWords(const Remote& remote, const std::string& command);
std::vector<std::string> TunnelWords(const Remote& remote, const std::string& forward);

// Runs a POSIX shell script there, which is sent to it and so is on no command line, and returns
// what it prints. A line "fail TEXT" of it, with exit code 3, is kFailedPrecondition with that
// text; what keeps ssh from running it is kUnavailable, with advice.
Result<std::string> RunScript(const Remote& remote, const std::string& script, int64_t timeout_ms);

// Copies what is in the folder `from` of this machine, and what links there stand for, to the
// folder `to` of that one, which is made if it is not there. Needs tar and gzip on both.
Status CopyFolder(const Remote& remote, const std::string& from, const std::string& to,
                  int64_t timeout_ms);

}  // namespace braid::pool::ssh
