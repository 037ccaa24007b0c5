// The names of all files that braid keeps in its state folders. The programs find each other's
// files by these names, and so do people (docs/operating.md).
//
//   <dir>/                    of braid up and the commands: --dir, BRAID_DIR
//     address.json            where the coordinator listens, while it does
//     up.json, up.lock        the process that runs braid up here
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

// In the coordinator's folder: the SQLite catalog and the stores beside it.
inline constexpr char kCatalog[] = "braid.db";

// The blob store (storage/files/blob_store.h).
inline constexpr char kStore[] = "store";

// Logs and metrics of jobs; coordinator/bulk/bulk_names.h has the names inside.
inline constexpr char kJobLogs[] = "logs";
inline constexpr char kJobMetrics[] = "metrics";

// Short-lived files of requests; emptied at each start.
inline constexpr char kScratch[] = "scratch";

// Held by the running coordinator, so that there is one for each folder.
inline constexpr char kCoordinatorLock[] = "coordinator.lock";

// The token that every call must carry (base/endpoint.h).
inline constexpr char kToken[] = "token";

// How far the alerts of each channel are (alert/journal.h).
inline constexpr char kAlerts[] = "alerts.json";

// The certificates of TLS and their keys (rpc/tls/authority.h).
inline constexpr char kTls[] = "tls";

// In a worker's folder. The lock is held by the running worker.
inline constexpr char kWorkerLock[] = "worker.lock";

// A random id, made once for each folder. It distinguishes this worker from another one of the same
// name.
inline constexpr char kInstance[] = "instance";

// The blobs that were fetched (storage/files/blob_store.h).
inline constexpr char kCache[] = "cache";

// One folder for each rank that runs here.
inline constexpr char kRanks[] = "ranks";

// What the coordinator has not acknowledged yet, one folder for each rank
// (worker/attempt/outbox_folder.h), and files of such folders that could not be read.
inline constexpr char kOutbox[] = "outbox";
inline constexpr char kDamaged[] = "damaged";

// Inputs of ranks, laid out as folders of hard links into the cache.
inline constexpr char kArtifacts[] = "artifacts";

}  // namespace braid::state_files
