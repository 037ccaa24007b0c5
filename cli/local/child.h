// Supervision of a program that is to keep running.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/process.h"
#include "base/status.h"

namespace braid::cli {

// One program that is started again when it dies, later each time until it stays up. Its starts and
// ends are reported on standard error. Not safe for use by several threads at once.
class Child {
 public:
  // Returns what to start. Called before each start with the number of starts in a row that did not
  // last.
  using Options = std::function<ProcessOptions(int failures)>;
  // Starts nothing yet. `name` is the program's name in messages.
  Child(std::string name, Options options)
      : name_(std::move(name)), make_options_(std::move(options)) {}

  // Starts the program if it does not run and its time has come; to be called again and again. An
  // error is one that the next try would meet again: the program never ran here and says that it
  // cannot. One that did run is tried again without end, as others work on meanwhile.
  Status Tend();

  // Asks it to end, and does not wait.
  void Ask();
  // Asks it to end and waits; kills it if it still runs `deadline_ms` later.
  void Stop(int64_t deadline_ms);

 private:
  // Decides what follows from the exit of the program.
  Status Ended(int64_t now);
  // Puts the next start off.
  void Later(int64_t now);

  const std::string name_;
  const Options make_options_;
  ProcessOptions options_;            // of the newest start
  uint64_t log_offset_ = 0;           // size of its log before that start
  std::unique_ptr<Process> process_;  // null: it does not run
  bool ran_ = false;                  // it got beyond its start once
  int failures_ = 0;                  // starts in a row that did not last
  // On the monotonic clock; 0: not started yet.
  int64_t first_start_ms_ = 0;
  int64_t started_ms_ = 0;
  int64_t not_before_ms_ = 0;
  int64_t backoff_ms_ = 200;
};

}  // namespace braid::cli
