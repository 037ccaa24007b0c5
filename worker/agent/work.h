// Single pieces of work that a worker has done beside its decisions: a call to the coordinator, or
// something with files. Each is tried once and answered by Done (event.h); whether and when it is
// tried again is the agent's business (calls.h). All may be repeated.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/json.h"
#include "storage/files/manifest.h"
#include "worker/agent/values.h"

namespace braid::worker {

// ---- Artifacts and blobs. Digests are SHA-256 in hex, and name blobs.

// Which files an artifact has. Answer: ArtifactFound.
struct FindArtifact {
  std::string artifact;
};
// Brings a blob into the cache, from where the last try ended. kInvalidArgument (DIGEST_MISMATCH)
// and kDataLoss (FSYNC_FAILED): what had come is dropped. kResourceExhausted (DISK_FULL): no room
// in the cache. kUnavailable: it ended early.
struct DownloadBlob {
  std::string sha256;
  uint64_t size = 0;
};
// Lays an artifact out as a folder of links into the cache. BLOB_MISSING or kNotFound: somebody
// took a blob out of the cache meanwhile.
struct LayOutArtifact {
  std::string artifact;
  storage::Manifest manifest;
};
// Has the coordinator hash an artifact in its store again. kDataLoss: it is damaged there.
struct VerifyArtifact {
  std::string artifact;
};
// Takes the files of a rank's folder into the cache. Answer: storage::Manifest.
struct IngestFolder {
  RankKey key;
  std::string folder;  // absolute, or of an output relative to the rank's output folder
  bool of_output = false;
  std::string kind;  // of the manifest, as `metadata` is
  Json metadata = Json::object();
};
// Which of these blobs the coordinator lacks. Answer: their digests.
struct FindMissingBlobs {
  std::vector<std::string> sha256;
};
// Sends a blob of the cache to the coordinator, from where the last try ended. kOutOfRange:
// somebody else sends it, or the coordinator forgot an unsynced tail. kInvalidArgument
// (DIGEST_MISMATCH) and kDataLoss (FSYNC_FAILED): what had arrived is dropped there.
struct UploadBlob {
  std::string sha256;
};
// Takes blobs out of the cache.
struct ReleaseBlobs {
  std::vector<std::string> sha256;
};
// Which artifacts are whole in the cache. Answer: their ids.
struct ListCachedArtifacts {};
// Keeps the manifest of an artifact whose files are in the cache, for ListCachedArtifacts.
struct KeepManifest {
  storage::Manifest manifest;
};

// ---- What a rank tells the coordinator. kAborted (STALE_LEASE): the attempt is no longer ours.

struct ReportStarted {
  RankKey key;
};
struct CommitCheckpoint {
  RankKey key;
  int64_t step = 0;
  std::string manifest;
};
struct ReportEnded {
  RankKey key;
  Outcome end;
};
// The files of a rank that grow, and that the coordinator has a copy of.
enum class GrowingFile { kLog, kMetrics };
// Sends what the file has from `offset` on, up to a limit. Answer: PieceSent. kOutOfRange: the
// coordinator has less than `offset` bytes.
struct SendPiece {
  RankKey key;
  GrowingFile file = GrowingFile::kLog;
  int64_t offset = 0;
};
struct PutRendezvous {
  RankKey key;
  std::string name;
  std::string value;
};
// Waits up to `timeout_ms` for a rank to put it. kDeadlineExceeded: none has. Answer: std::string.
struct GetRendezvous {
  RankKey key;
  std::string name;
  int64_t timeout_ms = 0;
};

// ---- A rank's own folder.

// Appends lines to the file of metrics, wholly or, on an error, not at all.
struct KeepMetrics {
  RankKey key;
  std::string lines;
};
struct RemoveRankFolder {
  RankKey key;
};

using Work = std::variant<FindArtifact, DownloadBlob, LayOutArtifact, VerifyArtifact, IngestFolder,
                          FindMissingBlobs, UploadBlob, ReleaseBlobs, ListCachedArtifacts,
                          KeepManifest, ReportStarted, CommitCheckpoint, ReportEnded, SendPiece,
                          PutRendezvous, GetRendezvous, KeepMetrics, RemoveRankFolder>;

struct ArtifactFound {
  bool laid_out = false;  // its folder is there; then nothing else is said
  storage::Manifest manifest;
};
struct PieceSent {
  int64_t offset = 0;   // what the coordinator has now
  bool at_end = false;  // the file has nothing more than was sent
};
using Answer = std::variant<std::monostate, ArtifactFound, storage::Manifest,
                            std::vector<std::string>, PieceSent, std::string>;

}  // namespace braid::worker
