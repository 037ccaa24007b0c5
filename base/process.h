// Child processes that do not outlive their parent. Each child leads a process group of its own, is
// killed by the kernel when the thread that started it ends (PR_SET_PDEATHSIG), and is waited for
// through a pidfd, which stays unambiguous when the kernel reuses process ids.
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

// How a process ended.
struct ProcessExit {
  // The exit status, if signal is 0.
  int code = 0;
  // The signal that ended the process; 0 if it called exit.
  int signal = 0;
  // The largest resident memory of the process.
  int64_t max_rss_bytes = 0;
};

// What to start, and with which environment and standard streams. Standard input is /dev/null.
struct ProcessOptions {
  // argv[0] is the path of the program; PATH is not searched.
  std::vector<std::string> argv;
  // Variables that are added to the inherited environment, or that make up the whole environment if
  // `inherit_env` is false.
  std::map<std::string, std::string> env;
  // The file that standard output and standard error are appended to. Empty: inherited.
  std::string output;
  // Gives the child one end of a connected stream socket, as the descriptor whose number the
  // environment variable BRAID_TASK_FD holds (docs/tasks.md).
  bool task_socket = false;
  // The file that standard output alone is appended to. Empty: it goes where `output` says.
  std::string standard_output = "";
  // Whether the child gets the environment of this process.
  bool inherit_env = true;
};

// A running or ended child. Not thread-safe.
class Process {
 public:
  // Starts the program and returns when it was executed; a program that cannot be executed is an
  // error that says why. Call it in a thread that lives as long as the child should, because the
  // child is killed when that thread ends.
  static Result<std::unique_ptr<Process>> Start(const ProcessOptions& options);
  // Kills the process group if the process still runs, and waits for it.
  ~Process();

  // The process id, which is also the id of its process group.
  pid_t pid() const { return pid_; }
  // A descriptor that becomes readable when the process has ended, for poll().
  int pidfd() const { return pidfd_.get(); }
  // The parent's end of the task socket, or -1. CloseSocket closes it, which the child reads as the
  // end of the stream.
  int socket() const { return socket_.get(); }
  void CloseSocket() { socket_.Reset(); }

  // Sends `signal` to every process of the group; nothing if the process was waited for.
  void Signal(int signal) const;
  // Waits until the process has ended, for at most `timeout_ms` milliseconds (0: does not wait;
  // negative: no limit). Returns true if it has ended; the remaining processes of its group are
  // killed then.
  bool Wait(int64_t timeout_ms);
  // How the process ended. REQUIRES: Wait returned true.
  const ProcessExit& exit() const { return exit_; }

 private:
  Process() = default;
  pid_t pid_ = -1;
  UniqueFd pidfd_;
  UniqueFd socket_;
  bool ended_ = false;
  ProcessExit exit_;
};

// The time at which a process began, in clock ticks since boot. Process id and start time together
// identify a process uniquely until the next boot. 0 if there is no such process.
uint64_t ProcessStartTime(pid_t pid);
// The folder of the running program's executable.
std::string ProgramFolder();
// Makes this process, instead of init, the new parent of descendants whose own parent ends. It has
// to call ReapOrphans from time to time.
void BecomeSubreaper();
// Waits for adopted processes that have ended and would remain as zombies otherwise. Children of a
// Process object are left to that object. Returns the number of processes reaped. Thread-safe.
int ReapOrphans();

// Lets this process have as many open descriptors as it may at most. Programs that Process starts
// after that get the limit that there was before: some of them use select(), which knows 1,024.
void RaiseDescriptorLimit();

}  // namespace braid
