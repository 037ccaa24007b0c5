// One task program: started, heard line by line, told what to do, killed (docs/tasks.md, events and
// controls).
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

class Program {
 public:
  Program();

  // The program dies with the thread that starts it. `pid_file` is written for CleanUpRanks.
  Status Start(const ProcessOptions& options, const std::string& pid_file);
  // Returns when the program has ended and everything it said was heard: `on_line` gets every line,
  // in this thread. Called by the thread that started it.
  void Serve(const std::function<void(std::string_view line)>& on_line);
  // After Serve().
  const ProcessExit& exit() const { return process_->exit(); }

  // From any thread, also before Start():
  // Sends one control line; nothing if the program listens no more.
  void Tell(const Json& control);
  void Kill();

 private:
  void ReadLines(const std::function<void(std::string_view line)>& on_line);

  std::unique_ptr<Process> process_;
  UniqueFd wake_;
  std::string lines_;  // the beginning of a line whose end has not come yet
  std::atomic<bool> kill_asked_{false};
  Mutex socket_mutex_;  // the socket may close while another thread sends
};

}  // namespace braid::worker
