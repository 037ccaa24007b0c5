// The logs of several jobs of a run, read a part after another.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "cli/client/client.h"
#include "cli/shared/log_lines.h"

namespace braid::cli {

// Which logs.
struct RunLogOptions {
  std::vector<std::string> jobs;  // empty: all of the run
  int32_t rank = 0;               // jobs that have fewer ranks are left out
  int64_t attempt = 0;            // 0: the newest, and those that follow it
  // Each log begins with so many last lines of what it has at the first call; 0: with its first.
  int64_t tail = 0;
};

// kNotFound for a job that the run does not have, with the nearest, and if no job that was asked
// for has the rank or the attempt.
Status CheckLogOptions(const v1::Run& run, const RunLogOptions& options);

// One reader. `client` outlives it.
class RunLogs {
 public:
  RunLogs(Client* client, RunLogOptions options) : client_(*client), options_(std::move(options)) {}

  // Appends what was written since the last call, a job after the other, to `lines`. `run` must
  // have been read before this call: what it says has ended is then in the logs by now. After an
  // error the next call goes on where this one stopped.
  Status Read(const v1::Run& run, std::vector<LogLine>* lines);
  // Whether nothing will follow what was read.
  bool over() const { return over_; }

 private:
  // How far a log was read.
  struct Place {
    explicit Place(const std::string& job) : cutter(job) {}
    LogCutter cutter;
    int64_t attempt = 0, offset = 0;
    bool over = false;
  };

  bool Chosen(const v1::Job& job) const;
  Status ReadJob(const v1::Job& job, Place* place, std::vector<LogLine>* lines);
  // What the log of one attempt has from the place on.
  Status ReadOn(const v1::Job& job, Place* place, std::vector<LogLine>* lines);

  Client& client_;
  const RunLogOptions options_;
  std::map<std::string, Place> places_;
  bool first_ = true;  // no call has succeeded yet
  bool over_ = false;
};

}  // namespace braid::cli
