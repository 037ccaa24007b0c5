// How far a rank is, and how it ended.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace braid::task {

struct Progress {
  std::string phase;  // "fetching", "train", ...
  std::string unit;   // of done and total: "step", "token", ...
  int64_t done = 0;
  int64_t total = 0;
  double tokens_per_s = -1;  // negative: not known
  double eta_s = -1;         // seconds that are left; negative: not known
  int64_t time_ms = 0;       // when it was so, wall clock; 0: nothing was said yet
  bool operator==(const Progress&) const = default;
};

// Why an attempt ended badly: the category decides whether it is tried again.
struct Failure {
  std::string category;  // user, infra, preempted, system, cancelled
  std::string error;
  std::string hint;
  bool deterministic = false;  // another try would end the same way
  std::string reason;          // a word of the API's set where it matters for what comes next
                               // (STORAGE_FULL), or empty
  std::string log_tail;        // the last lines that the program printed
  bool operator==(const Failure&) const = default;
};

// The end of one rank (ReportEnded of the API).
struct Outcome {
  bool success = false;
  std::vector<std::pair<std::string, std::string>> outputs;  // of rank 0: role, manifest JSON
  std::string summary;  // of a success: JSON, what the program said of itself
  Failure failure;      // of a failure
  int64_t exit_code = 0;
  int64_t signal = 0;      // that ended the program; 0: none
  bool peer_lost = false;  // the program says that another rank is to blame
};

}  // namespace braid::task
