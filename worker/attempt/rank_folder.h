// The folder of a rank on this machine, one for each rank, whatever characters its job's name has.
#pragma once

#include <set>
#include <string>

#include "base/status.h"
#include "worker/agent/values.h"

namespace braid::worker {

// The name of the folder, such as "r-1f2e+evaluate%3Apath_1+3+0": run, job, epoch and rank. Bytes
// other than letters, digits, '-', '_' and '.' are written as %XX. A name that would be too long
// for a file system is replaced by its SHA-256.
std::string RankFolderName(const RankKey& key);

// The path of the rank's folder, below the worker's folder.
std::string RankFolder(const std::string& worker_folder, const RankKey& key);
// The names of the files and folders in a rank's folder.
inline constexpr char kLogFile[] = "log";
inline constexpr char kMetricsFile[] = "metrics.jsonl";
inline constexpr char kOutputFolder[] = "output";
inline constexpr char kWorkFolder[] = "work";
inline constexpr char kTaskFile[] = "task.json";
// Names the process that runs in the folder, so that a later process of the worker can find and
// kill it.
inline constexpr char kPidFile[] = "process.json";

// The path of an artifact that is laid out, below the worker's folder.
std::string ArtifactFolder(const std::string& worker_folder, const std::string& artifact);

// Kills the programs that an earlier process of this worker left running, and removes the folders
// of their ranks, except those whose names are in `keep`. REQUIRES: called before the first rank
// starts, with the lock of the folder held.
Status CleanUpRanks(const std::string& worker_folder, const std::set<std::string>& keep);

}  // namespace braid::worker
