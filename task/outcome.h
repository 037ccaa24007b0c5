// The progress of a rank, and how it ended.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace braid::task {

// How far a rank has come in the present phase of its work.
struct Progress {
  // A word or two: "fetching", "train", ...
  std::string phase;
  // The unit of `done` and `total`: "steps", "tokens", ...
  std::string unit;
  int64_t done = 0;
  int64_t total = 0;
  // Negative: unknown.
  double tokens_per_s = -1;
  // The remaining time in seconds; negative: unknown.
  double eta_s = -1;
  // The wall-clock time of this report in ms since 1970; 0: nothing was reported yet.
  int64_t time_ms = 0;
  bool operator==(const Progress&) const = default;
};

// Why an attempt ended without success. The category decides whether another one follows
// (scheduler/retry.h).
struct Failure {
  // A word of FailureCategory (task/failure.h); empty: there was no failure.
  std::string category;
  // The error, and what to do about it; the hint may be empty.
  std::string error;
  std::string hint;
  // Another attempt would end in the same way.
  bool deterministic = false;
  // A word of the API's set of reasons if it matters for what follows (STORAGE_FULL,
  // PLUGIN_MISSING, ...); or empty.
  std::string reason;
  // The last lines that the program printed.
  std::string log_tail;
  bool operator==(const Failure&) const = default;
};

// The end of one rank, as its worker reports it (ReportEnded of the API).
struct Outcome {
  bool success = false;
  // Of rank 0: the manifest (JSON) of each output, with the output's role.
  std::vector<std::pair<std::string, std::string>> outputs;
  // The roles of those outputs whose files stay on the worker, because they are bound to its site.
  std::set<std::string> bound;
  // Of a success: what the program reported about its result, as JSON.
  std::string summary;
  // Of a failure.
  Failure failure;
  int64_t exit_code = 0;
  // The signal that ended the program; 0: none.
  int64_t signal = 0;
  // The program ended because it lost the connection to another rank. That rank's failure then
  // decides about the attempt.
  bool peer_lost = false;
};

}  // namespace braid::task
