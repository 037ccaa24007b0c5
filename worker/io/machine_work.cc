#include "worker/io/machine_work.h"

#include <type_traits>
#include <variant>

#include "base/file.h"
#include "base/state_files.h"
#include "worker/attempt/outbox_folder.h"
#include "worker/attempt/rank_folder.h"
#include "worker/io/cached_manifests.h"
#include "worker/io/growing_files.h"
#include "worker/io/transfer.h"
#include "worker/network/probe.h"

namespace braid::worker {
namespace {

// Longer than the kernel takes to send the first packet of a connection again (1 s, then 2 s).
constexpr int64_t kProbeMs = 5'000;

}  // namespace

// One try: an overload for each kind of work.
struct MachineWork::Doer {
  MachineWork& self;
  const StopSignal& stop;
  Answer answer;

  template <typename T>
  Status Keep(Result<T> result) {
    if (!result.ok()) return result.status();
    answer = *std::move(result);
    return OkStatus();
  }
  std::string Path(const RankKey& key, const char* name) const {
    return JoinPath(RankFolder(self.folder_, key), name);
  }

  Status operator()(const FindArtifact& work) {
    return Keep(TryFind(self.link_, self.cache_, work.artifact,
                        ArtifactFolder(self.folder_, work.artifact)));
  }
  Status operator()(const DownloadBlob& work) {
    return TryDownload(self.link_, self.cache_, work, stop, self.neighbours_);
  }
  Status operator()(const LayOutArtifact& work) {
    const std::string folder = ArtifactFolder(self.folder_, work.artifact);
    BRAID_RETURN_IF_ERROR(self.cache_.Materialize(work.manifest, folder));
    return WriteFileMarks(work.manifest, folder);
  }
  Status operator()(const VerifyArtifact& work) { return self.link_.VerifyArtifact(work.artifact); }
  Status operator()(const IngestFolder& work) {
    if (!work.of_output) return Keep(TryIngest(self.cache_, work.folder, work.kind, work.metadata));
    // The folder comes from the task program. "../.." must not let it publish files outside of its
    // output.
    if (!IsSafeRelativePath(work.folder))
      return InvalidArgument("an output names an unsafe folder: \"" + work.folder + "\"");
    return Keep(TryIngest(self.cache_, JoinPath(Path(work.key, kOutputFolder), work.folder),
                          work.kind, work.metadata));
  }
  Status operator()(const FindMissingBlobs& work) {
    return Keep(self.link_.FindMissing(work.sha256));
  }
  Status operator()(const UploadBlob& work) {
    return TryUpload(self.link_, self.cache_, work.sha256, work.output);
  }
  Status operator()(const ReleaseBlobs& work) {
    for (const std::string& sha256 : work.sha256) (void)self.cache_.Remove(sha256);
    return OkStatus();
  }
  Status operator()(const ListCache&) {
    return Keep(ReadCache(JoinPath(self.folder_, state_files::kArtifacts), self.cache_));
  }
  Status operator()(const EvictFromCache& work) {
    for (const std::string& id : work.what.artifacts)
      BRAID_RETURN_IF_ERROR(RemoveLayout(ArtifactFolder(self.folder_, id)));
    for (const std::string& sha256 : work.what.blobs) (void)self.cache_.Remove(sha256);
    return OkStatus();
  }
  Status operator()(const KeepManifest& work) {
    const std::string folder = ArtifactFolder(self.folder_, work.manifest.Id());
    BRAID_RETURN_IF_ERROR(MakeFolder(FolderOf(folder)));
    // The mark goes first: a bound artifact without it would be taken for one that may go. It is
    // laid out at once, for people of the site, who can read it nowhere else.
    if (work.bound) {
      BRAID_RETURN_IF_ERROR(MarkBound(folder, work.coordinator));
      BRAID_RETURN_IF_ERROR(self.cache_.Materialize(work.manifest, folder));
      BRAID_RETURN_IF_ERROR(WriteFileMarks(work.manifest, folder));
    }
    return WriteFileAtomic(ManifestPath(folder), work.manifest.Canonical());
  }
  Status operator()(const ReleaseArtifact& work) {
    return Unbind(ArtifactFolder(self.folder_, work.artifact), work.coordinator);
  }
  Status operator()(const ReportStarted& work) { return self.link_.ReportStarted(work.key); }
  Status operator()(const CommitCheckpoint& work) {
    return self.link_.CommitCheckpoint(work.key, work.step, work.manifest, work.bound);
  }
  Status operator()(const ReportEnded& work) { return self.link_.ReportEnded(work.key, work.end); }
  Status operator()(const SendPiece& work) {
    const bool log = work.file == GrowingFile::kLog;
    return Keep(TrySendPiece(self.link_, work, Path(work.key, log ? kLogFile : kMetricsFile)));
  }
  Status operator()(const PutRendezvous& work) {
    return self.link_.PutRendezvous(work.key, work.name, work.value);
  }
  Status operator()(const GetRendezvous& work) {
    return Keep(self.link_.GetRendezvous(work.key, work.name, work.timeout_ms));
  }
  Status operator()(const ProbePeer& work) {
    const Peer& peer = work.peer;
    return Probe(peer.address, peer.probe_port, peer.probe_key, kProbeMs);
  }
  Status operator()(const KeepMetrics& work) {
    return AppendLines(Path(work.key, kMetricsFile), work.lines);
  }
  Status operator()(const KeepCheckpoint& work) {
    return Keep(WriteKeptCheckpoint(self.folder_, work.key, work.checkpoint));
  }
  Status operator()(const DropCheckpoint& work) {
    return RemoveKeptCheckpoint(self.folder_, work.key, work.number);
  }
  Status operator()(const KeepEnd& work) {
    return WriteKeptEnd(self.folder_, work.owner, work.assignment, work.end);
  }
  // The outbox first: a rank that is over must not be found in it without its folder.
  Status operator()(const RemoveRankFolder& work) {
    const Status status = RemoveOutbox(self.folder_, work.key);
    const Status removed = RemoveTree(RankFolder(self.folder_, work.key));
    return status.ok() ? removed : status;
  }
};

Done MachineWork::Try(int64_t id, const Work& work, const StopSignal& stop) {
  Doer doer{*this, stop, {}};
  const Status status = std::visit(doer, work);
  return {id, status, std::move(doer.answer)};
}

bool MachineWork::IsBulk(const Work& work) {
  return std::visit(
      [](const auto& kind) {
        using Kind = std::decay_t<decltype(kind)>;
        // What may take minutes has threads of its own: reports behind it would come too late.
        return std::is_same_v<Kind, DownloadBlob> || std::is_same_v<Kind, UploadBlob> ||
               std::is_same_v<Kind, IngestFolder> || std::is_same_v<Kind, LayOutArtifact> ||
               std::is_same_v<Kind, VerifyArtifact> || std::is_same_v<Kind, ListCache> ||
               std::is_same_v<Kind, EvictFromCache> || std::is_same_v<Kind, FindArtifact> ||
               std::is_same_v<Kind, RemoveRankFolder>;
      },
      work);
}

}  // namespace braid::worker
