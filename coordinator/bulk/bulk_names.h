// The names of the log and metric files of attempts within their folders (docs/formats.md).
#pragma once

#include <string>

#include "task/keys.h"

namespace braid::coordinator {

// "<run>/<job>": the folder of a job's attempts.
inline std::string BulkFolder(const task::JobKey& job) {
  return job.run + "/" + job.job;
}
// The log of one rank: "<run>/<job>/<epoch>.<rank>".
inline std::string LogName(const task::RankKey& rank) {
  return BulkFolder(rank.Job()) + "/" + std::to_string(rank.epoch) + "." +
         std::to_string(rank.rank);
}
// The metric lines of an attempt: "<run>/<job>/<epoch>.jsonl".
inline std::string MetricsName(const task::AttemptKey& attempt) {
  return BulkFolder(attempt.Job()) + "/" + std::to_string(attempt.epoch) + ".jsonl";
}

}  // namespace braid::coordinator
