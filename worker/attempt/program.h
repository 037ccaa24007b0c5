// One task program as a process: it is started, its event lines are read, control lines are sent to
// it, and it is killed (docs/tasks.md).
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/json.h"
#include "base/mutex.h"
#include "base/process.h"
#include "base/status.h"

namespace braid::worker {

// One process. Start and Serve belong to one thread; Tell and Kill are thread-safe.
class Program {
 public:
  Program();

  // Starts the process, which dies with the calling thread. Writes its pid and start time to
  // `pid_file`, for CleanUpRanks.
  Status Start(const ProcessOptions& options, const std::string& pid_file);

  // Reads event lines until the program has ended and all of them were read, calling `on_line` in
  // this thread without the newline. REQUIRES: called by the thread that called Start, after it
  // succeeded.
  void Serve(const std::function<void(std::string_view line)>& on_line);

  // How the process ended. REQUIRES: Serve has returned.
  const ProcessExit& exit() const { return process_->exit(); }

  // Sends one control line. Ignored if the program has not started or does not listen any more.
  // Thread-safe.
  void Tell(const Json& control);
  // Kills the program's process group. Before Start, it takes effect once the program serves.
  // Thread-safe.
  void Kill();

 private:
  // Reads what is there, without waiting, and calls `on_line` for each whole line.
  void ReadLines(const std::function<void(std::string_view line)>& on_line);

  std::unique_ptr<Process> process_;
  // An eventfd that interrupts Serve's poll, for Kill.
  UniqueFd wake_;
  // The beginning of a line whose end has not been read yet.
  std::string lines_;
  std::atomic<bool> kill_asked_{false};
  // Guards the socket, which may be closed by Serve while another thread sends.
  Mutex socket_mutex_;
};

}  // namespace braid::worker
