// The names of all that braid keeps in its folders, in one place. Programs find each other's files
// by them, and people theirs (docs/operating.md).
//
//   <dir>/                    of braid up, commands and by default workers: --dir, BRAID_DIR
//     address.json            where the coordinator listens, while it does
//     up.json, up.lock        who runs braid up here
//     logs/                   what the programs of braid up print
//     coordinator/            the coordinator's own folder
//     worker-1/, ...          the workers' own folders
#pragma once

namespace braid::state_files {

inline constexpr char kAddress[] = "address.json";
inline constexpr char kUp[] = "up.json";
inline constexpr char kUpLock[] = "up.lock";
inline constexpr char kUpLogs[] = "logs";
inline constexpr char kCoordinator[] = "coordinator";
inline constexpr char kWorkerPrefix[] = "worker-";

// In the coordinator's folder.
inline constexpr char kCatalog[] = "braid.db";
inline constexpr char kStore[] = "store";         // of blobs
inline constexpr char kJobLogs[] = "logs";        // coordinator/bulk/bulk_names.h
inline constexpr char kJobMetrics[] = "metrics";  // the same
inline constexpr char kScratch[] = "scratch";     // emptied at each start
inline constexpr char kCoordinatorLock[] = "coordinator.lock";
inline constexpr char kToken[] = "token";  // that every call must carry

// In a worker's folder.
inline constexpr char kWorkerLock[] = "worker.lock";
inline constexpr char kInstance[] = "instance";    // tells this worker from a namesake, for good
inline constexpr char kCache[] = "cache";          // of blobs
inline constexpr char kRanks[] = "ranks";          // a folder for each rank that runs
inline constexpr char kArtifacts[] = "artifacts";  // inputs, laid out as folders

}  // namespace braid::state_files
