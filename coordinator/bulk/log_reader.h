// Reads the log of a job, attempt after attempt. No function waits for more text; the result says
// whether there may be more.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "coordinator/bulk/append_files.h"
#include "task/keys.h"

namespace braid::coordinator {

// The state of a job as far as readers of logs and metrics need it.
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

  // Chooses the attempt and the offset to begin at. kNotFound for an attempt that the job does not
  // have yet.
  Status Begin(const JobStanding& job);

  // As StreamState: a piece to be sent, nothing until the log grows, or the end.
  enum class State { kPiece, kNothingYet, kEnd };
  // The result of Read.
  struct Next {
    State state = State::kEnd;
    int64_t epoch = 0;  // of a piece, as what follows
    int64_t offset = 0;
    std::string data;
  };
  // Returns the next piece. `job` must have been read before this call: if it says that the job has
  // ended, the whole log is in the files by now. REQUIRES: Begin was OK.
  Result<Next> Read(const JobStanding& job);

 private:
  const AppendFiles* const logs_;
  const Options options_;
  // The attempt that is being read, and the offset of its log from which the next piece comes.
  int64_t epoch_ = 1;
  uint64_t offset_ = 0;
};

}  // namespace braid::coordinator
