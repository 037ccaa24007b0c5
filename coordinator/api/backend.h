// The objects that the handlers of the API work on.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/thread_pool.h"
#include "coordinator/access/access.h"
#include "coordinator/access/input_blobs.h"
#include "coordinator/api/call_durations.h"
#include "coordinator/api/direct_uploads.h"
#include "coordinator/api/load_table.h"
#include "coordinator/api/pools.h"
#include "coordinator/api/refusals.h"
#include "coordinator/api/site_fetches.h"
#include "coordinator/bulk/append_files.h"
#include "coordinator/bulk/rendezvous.h"
#include "coordinator/core/core.h"
#include "coordinator/waiting/alarms.h"
#include "coordinator/waiting/wakeups.h"
#include "rpc/tls/authority.h"
#include "storage/catalog/reader.h"
#include "storage/catalog/store.h"
#include "storage/files/blob_store.h"
#include "trace/exporter.h"

namespace braid::coordinator {

class AlertCenter;
class BlobCopier;
class CurveCache;

// The objects behind the pointers outlive it, and it outlives the server.
struct Backend {
  Core* core = nullptr;
  catalog::Store* store = nullptr;    // events only
  catalog::Reader* reader = nullptr;  // what is read for long
  storage::BlobStore* blobs = nullptr;
  const BlobCopier* copier = nullptr;  // null: blobs are in the coordinator's folder alone
  AppendFiles* logs = nullptr;         // "<run>/<job>/<epoch>.<rank>"
  AppendFiles* metrics = nullptr;      // "<run>/<job>/<epoch>.jsonl"
  CurveCache* curves = nullptr;        // of the same files
  RendezvousTable* rendezvous = nullptr;
  AlertCenter* alerts = nullptr;     // null: nobody is to be told of anything
  trace::Exporter* spans = nullptr;  // null: no spans are sent
  // Garbage collection (api/garbage.h): how long a blob that nothing needs stays, how old events
  // become (0: for ever), and how often it runs by itself (0: never).
  int64_t garbage_grace_ms = 900'000;
  int64_t keep_events_ms = int64_t{90} * 86'400'000;
  int64_t garbage_interval_ms = 300'000;
  int64_t keep_audit_ms = int64_t{365} * 86'400'000;  // how old rows of the audit become; 0: for
                                                      // ever
  Refusals refusals;                                  // how many of them are written down
  std::string scratch;                                // folder for short-lived files
  std::string version;
  std::string coordinator_id;  // of the catalog
  std::string token;           // the owner's; not empty
  std::string token_file;      // where people find it
  RateLimits rate_limits;      // how often, and how much at once, people and workers may call
  OpenCounts open_counts;
  CallDurations call_durations;
  std::unique_ptr<Access> access;  // who may call; made by Server::Start
  InputBlobs input_blobs;          // what workers may download; touched by the core's thread alone
  SiteFetches site_fetches{&SystemClock()};
  DirectUploads direct_uploads{&SystemClock()};
  LoadTable loads;  // how busy workers are
  PoolTable pools;  // what the agents of pools said; touched by the same alone

  std::optional<rpc::ServerTls> tls;  // none: loopback only
  // Signs the keys of workers and of people; null if neither gRPC nor HTTP is under TLS.
  const rpc::Authority* authority = nullptr;
  bool https = false;     // HTTP is under TLS
  std::string join_host;  // name or address by which workers on other machines reach this one
  int port = 0;           // of the server, set before it serves
  int64_t worker_certificate_ms = int64_t{90} * 86'400'000;  // how long one is good

  // No call begins to wait any more; whoever waits subscribes to kStopping before it looks.
  std::atomic<bool> stopping{false};
  Wakeups stop;
  static constexpr char kStopping[] = "stopping";

  // Deadlines of calls that wait.
  Alarms alarms{&SystemClock()};
  // The threads of the API. Their number does not depend on how many calls are open: a call has a
  // thread only while it works. gRPC's own few threads do none of it, so that a slow disk keeps no
  // heartbeat waiting.
  static constexpr size_t kAnswerThreads = 2;
  static constexpr size_t kFileThreads = 8;
  ThreadPool answers{kAnswerThreads};  // carry the core's answers on: short, without files
  ThreadPool files{kFileThreads};      // read and write pieces of files
  // Pieces of uploads: they wait for one another and for the disk, and must not hold up the rest.
  ThreadPool uploads{kFileThreads};
  // Reads of a bucket, which may be silent for long.
  ThreadPool remote{kFileThreads};
  ThreadPool hashing{kFileThreads};  // go through whole blobs, for minutes if they are large
};

}  // namespace braid::coordinator
