// The folder of a rank on this machine: another one for every rank, whatever characters its job
// has.
#pragma once

#include <string>

#include "base/status.h"
#include "worker/agent/values.h"

namespace braid::worker {

// "r-1f2e+evaluate%3Apath_1+3+0": run, job, epoch and rank, with what is neither letter, digit,
// '-', '_' nor '.' as %XX. A name that would be too long for a file system is the SHA-256 of it.
std::string RankFolderName(const RankKey& key);

// Where a worker with this folder keeps the rank's files, and which they are.
std::string RankFolder(const std::string& worker_folder, const RankKey& key);
inline constexpr char kLogFile[] = "log";
inline constexpr char kMetricsFile[] = "metrics.jsonl";
inline constexpr char kOutputFolder[] = "output";
inline constexpr char kWorkFolder[] = "work";
inline constexpr char kTaskFile[] = "task.json";
// Which process runs in it, so that a later life of the worker finds it.
inline constexpr char kPidFile[] = "process.json";

// Where a worker with this folder keeps an artifact that is laid out.
std::string ArtifactFolder(const std::string& worker_folder, const std::string& artifact);

// Kills what an earlier life of this worker left running and removes its folders. Before the first
// rank.
Status CleanUpRanks(const std::string& worker_folder);

}  // namespace braid::worker
