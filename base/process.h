// Child processes that never outlive their parent: each is a process group of its own, dies with
// the thread that started it (PR_SET_PDEATHSIG), and is waited for through a pidfd.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/status.h"

namespace braid {

struct ProcessExit {
  int code = 0;    // exit status, if signal is 0
  int signal = 0;  // that ended it
  int64_t max_rss_bytes = 0;
};

struct ProcessOptions {
  std::vector<std::string> argv;           // argv[0] is the path of the program
  std::map<std::string, std::string> env;  // on top of this process's own, if that is inherited
  std::string output;  // file that standard output and error are appended to; empty: inherited
  bool task_socket = false;  // a connected stream socket, its end named by BRAID_TASK_FD in the
                             // child
  std::string standard_output = "";  // as `output`, for standard output alone
  bool inherit_env = true;           // this process's own environment
};

class Process {
 public:
  // Start it from a thread that lives as long as the child should: the child is killed when that
  // thread ends.
  static Result<std::unique_ptr<Process>> Start(const ProcessOptions& options);
  // Kills the group if it still runs, and waits for it.
  ~Process();

  pid_t pid() const { return pid_; }
  int pidfd() const { return pidfd_.get(); }    // readable when the process has ended
  int socket() const { return socket_.get(); }  // our end, or -1
  void CloseSocket() { socket_.Reset(); }

  // Sends `signal` to every process of the group.
  void Signal(int signal) const;
  // True if it has ended within `timeout_ms` (0 does not wait, negative waits without end). Then
  // the rest of its group is killed too.
  bool Wait(int64_t timeout_ms);
  // REQUIRES: Wait returned true.
  const ProcessExit& exit() const { return exit_; }

 private:
  Process() = default;
  pid_t pid_ = -1;
  UniqueFd pidfd_;
  UniqueFd socket_;
  bool ended_ = false;
  ProcessExit exit_;
};

// When a process began, in clock ticks since boot; together with its pid it identifies a process
// uniquely until the next boot. 0 if there is no such process.
uint64_t ProcessStartTime(pid_t pid);
// The folder of the running program.
std::string ProgramFolder();
// Makes this process adopt its grandchildren, so that none is left to init. It then has to call
// ReapOrphans now and then.
void BecomeSubreaper();
// Reaps adopted processes that have ended and would stay zombies otherwise; children that belong to
// a Process are left to it. Returns the number reaped. Thread-safe.
int ReapOrphans();

}  // namespace braid
