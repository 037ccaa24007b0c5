// Pieces of work that a worker does beside its decisions: a call to the coordinator, or an
// operation on files. Each is tried once and answered by Done (worker/agent/event.h); whether and
// when it is tried again is decided in worker/agent/calls.h. All of them may be repeated without
// harm. Unless an answer is named, Done holds std::monostate.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/json.h"
#include "storage/files/manifest.h"
#include "worker/agent/cache_policy.h"
#include "worker/agent/kept_rank.h"
#include "worker/agent/values.h"

namespace braid::worker {

// ---- Artifacts and blobs. A blob is named by the SHA-256 of its bytes, in hex.

// Looks up which files an artifact has, and whether they are laid out here. Files of the layout
// that have another size, time or inode than when it was made are hashed; if one is damaged, it is
// taken out of the cache with the layout, and the artifact counts as absent. Answer: ArtifactFound.
struct FindArtifact {
  std::string artifact;
};
// Brings a blob into the cache, continuing behind the bytes that earlier tries brought. Errors:
// kInvalidArgument (DIGEST_MISMATCH) and kDataLoss (FSYNC_FAILED), after which the bytes so far are
// dropped; kResourceExhausted (DISK_FULL); kUnavailable if the stream ended early. Of a bound one
// kFailedPrecondition if no worker of this site gives it.
struct DownloadBlob {
  std::string sha256;
  // Bytes, as the manifest says.
  uint64_t size = 0;
  // The artifact for which it is wanted.
  std::string artifact;
  // The artifact is bound to this site: its files are on workers of the site, and nowhere else.
  bool bound = false;
};
// Lays an artifact out as a folder of hard links into the cache. BLOB_MISSING or kNotFound: a blob
// was removed from the cache in the meantime.
struct LayOutArtifact {
  std::string artifact;
  storage::Manifest manifest;
};
// Makes the coordinator hash an artifact in its store again. kDataLoss if it is damaged there.
// Takes as long as reading the artifact.
struct VerifyArtifact {
  std::string artifact;
};
// Adds the files of one of a rank's folders to the cache. Answer: their storage::Manifest.
struct IngestFolder {
  RankKey key;
  // Absolute; of an output, relative to the rank's output folder.
  std::string folder;
  bool of_output = false;
  // Goes into the manifest, as does `metadata`.
  std::string kind;
  Json metadata = Json::object();
};
// Asks which of these blobs the coordinator lacks. Answer: their digests.
struct FindMissingBlobs {
  std::vector<std::string> sha256;
};
// The output of a rank to which a blob belongs that is sent; a checkpoint has the role
// "checkpoint".
struct OutputName {
  RankKey key;
  std::string role;
};
// Sends a blob of the cache to the coordinator, continuing behind the bytes that it has. Errors:
// kOutOfRange if another worker sends the same blob, or the coordinator lost a part that was not
// synced; kInvalidArgument (DIGEST_MISMATCH) and kDataLoss (FSYNC_FAILED), after which the
// coordinator has dropped the bytes so far.
struct UploadBlob {
  std::string sha256;
  OutputName output;
};
// Removes blobs from the cache.
struct ReleaseBlobs {
  std::vector<std::string> sha256;
};
// Lists what is in the cache, and removes layouts that lack files. Answer: CacheContent.
struct ListCache {};
// Removes artifacts and blobs from the cache.
struct EvictFromCache {
  Eviction what;
};
// Writes down the manifest of an artifact whose files are in the cache, for ListCache.
struct KeepManifest {
  storage::Manifest manifest;
  // The artifact is bound to the site of this worker, which is written down with it, durably, and
  // so is the id of the coordinator that wants it to be.
  bool bound = false;
  std::string coordinator{};
};
// Writes down that an artifact is not bound any more. kFailedPrecondition if it is kept for another
// coordinator, which may still need it.
struct ReleaseArtifact {
  std::string artifact;
  std::string coordinator;
};

// ---- Messages of a rank. kAborted (STALE_LEASE): the attempt is no longer this worker's.

// The task program of the rank has started.
struct ReportStarted {
  RankKey key;
};
// A checkpoint from which the job resumes. kFailedPrecondition (BLOB_MISSING) if the coordinator
// lacks one of its files.
struct CommitCheckpoint {
  RankKey key;
  int64_t step = 0;
  // Canonical JSON of the manifest; its blobs have been uploaded, unless it is bound.
  std::string manifest;
  // Its files stay here.
  bool bound = false;
};
// The end of the rank. Blobs of its outputs that are not bound have been uploaded; BLOB_MISSING
// names one that is not there.
struct ReportEnded {
  RankKey key;
  Outcome end;
};
// The files of a rank of which the coordinator keeps a growing copy.
enum class GrowingFile { kLog, kMetrics };
// Sends what the file has from byte `offset` on, up to a limit. Answer: PieceSent. kOutOfRange if
// the coordinator has fewer than `offset` bytes.
struct SendPiece {
  RankKey key;
  GrowingFile file = GrowingFile::kLog;
  int64_t offset = 0;
};
// Sets a key of the table through which the ranks of a gang find each other. `value` is binary.
struct PutRendezvous {
  RankKey key;
  std::string name;
  std::string value;
};
// Waits up to `timeout_ms` for another rank to set the key. Answer: the value as std::string.
// kDeadlineExceeded if none has.
struct GetRendezvous {
  RankKey key;
  std::string name;
  int64_t timeout_ms = 0;
};

// Tries to connect to a worker of another host, once (worker/network/probe.h). kUnavailable says
// why it cannot be reached.
struct ProbePeer {
  Peer peer;
};

// ---- A rank's own folder.

// Appends lines to the file of metrics, entirely or, on an error, not at all.
struct KeepMetrics {
  RankKey key;
  std::string lines;
};
// Takes a checkpoint over from the program, together with the metrics before it: its files are
// linked into the worker's outbox, durably. Answer: the path of that copy as std::string.
struct KeepCheckpoint {
  RankKey key;
  KeptCheckpoint checkpoint;
};
// Removes the copy of a checkpoint.
struct DropCheckpoint {
  RankKey key;
  int64_t number = 0;
};
// Writes the end of a rank into the worker's outbox, after log, metrics and outputs were synced.
struct KeepEnd {
  Owner owner;
  Assignment assignment;
  KeptEnd end;
};
// Removes what the outbox has of the rank, and then the rank's folder.
struct RemoveRankFolder {
  RankKey key;
};

// One piece of work.
using Work = std::variant<FindArtifact, DownloadBlob, LayOutArtifact, VerifyArtifact, IngestFolder,
                          FindMissingBlobs, UploadBlob, ReleaseBlobs, ListCache, EvictFromCache,
                          KeepManifest, ReleaseArtifact, ReportStarted, CommitCheckpoint,
                          ReportEnded, SendPiece, PutRendezvous, GetRendezvous, ProbePeer,
                          KeepMetrics, KeepCheckpoint, DropCheckpoint, KeepEnd, RemoveRankFolder>;

// What FindArtifact found.
struct ArtifactFound {
  // The artifact's folder exists already, and is whole.
  bool laid_out = false;
  storage::Manifest manifest;
  // It is bound to this site. Not known of one that is laid out.
  bool bound = false;
};
// The state of the coordinator's copy of a growing file.
struct PieceSent {
  // Bytes that the coordinator has now.
  int64_t offset = 0;
  // The file has no more than that.
  bool at_end = false;
};
// The result of a piece of work, besides its status.
using Answer = std::variant<std::monostate, ArtifactFound, storage::Manifest,
                            std::vector<std::string>, PieceSent, std::string, CacheContent>;

}  // namespace braid::worker
