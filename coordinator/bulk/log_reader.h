// Reading the log of a job, attempt after attempt: what comes next, and whether there will be more.
// Nothing here waits.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "coordinator/bulk/append_files.h"
#include "task/keys.h"

namespace braid::coordinator {

// What a reader of logs and metrics needs to know of a job.
struct JobStanding {
  task::JobKey key;
  int64_t epoch = 0;   // of its newest attempt; 0: none yet
  bool ended = false;  // there will be no other
};

// One reader of one job's log. Used by one thread at a time.
class LogReader {
 public:
  // ReadLogRequest of the API.
  struct Options {
    int64_t epoch = 0;  // 0: the newest attempt; with follow, newer ones are followed too
    int64_t rank = 0;
    int64_t offset = 0;
    bool follow = false;
    int64_t tail_lines = 0;  // 0: from offset; otherwise the last lines only
  };
  // `logs` outlives it.
  LogReader(const AppendFiles* logs, const Options& options) : logs_(logs), options_(options) {}

  // kNotFound for an attempt that the job does not have yet.
  Status Begin(const JobStanding& job);

  // As StreamState: a piece to be sent, nothing until the log grows, or the end.
  enum class State { kPiece, kNothingYet, kEnd };
  struct Next {
    State state = State::kEnd;
    int64_t epoch = 0;  // of a piece, as what follows
    int64_t offset = 0;
    std::string data;
  };
  // `job` was looked at before this call: what an ended job has said is all there then.
  // REQUIRES: Begin was OK.
  Result<Next> Read(const JobStanding& job);

 private:
  const AppendFiles* const logs_;
  const Options options_;
  // The attempt that is being read, and the offset of its log from which the next piece comes.
  int64_t epoch_ = 1;
  uint64_t offset_ = 0;
};

}  // namespace braid::coordinator
