#include "coordinator/api/garbage.h"

#include <algorithm>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/log.h"
#include "coordinator/core/leased_rank.h"
#include "storage/files/manifest.h"

namespace braid::coordinator {
namespace {

using catalog::ArtifactRecord;
using storage::BlobStore;

constexpr char kTurn[] = "garbage collection";
// Another collection ends within a minute unless the store is very large; then the caller should
// try later.
constexpr int64_t kPatienceMs = 60'000;
// So few at a time that the loop is not held by them. The rows of a run that has ended are read
// from the catalog for them, all at once.
constexpr size_t kArtifactsAtOnce = 200;
constexpr int kRunsAtOnce = 10;
// Each batch is one transaction, during which the loop does nothing else.
constexpr int64_t kEventsOfABatch = 2000;
// A blob of no artifact may be the first of many that a client uploads before it commits them.
constexpr int64_t kUncommittedMs = 86'400'000;
constexpr char kOfRemoved[] = "of removed artifacts";
constexpr char kOfNone[] = "of no artifact";

// The artifacts of the catalog at one moment, as far as a collection needs them.
struct Marks {
  // One that was not removed.
  struct There {
    std::string id;
    std::string run;  // that made it
    uint64_t bytes = 0;
    Keep known = Keep::kNo;  // why it stays, if the rows say so alone; kNo: the core is asked
  };
  std::vector<There> there;
  std::unordered_set<std::string> needed;  // blobs
  // Blobs of removed artifacts, with the time of the last removal.
  std::unordered_map<std::string, int64_t> of_removed;
};

Result<Marks> MarksOf(const catalog::Reader& reader) {
  Marks marks;
  BRAID_RETURN_IF_ERROR(reader.EachArtifact([&](const ArtifactRecord& artifact,
                                                bool used) -> Status {
    const bool there = artifact.removed_ms == 0;
    if (there) {
      // Most belong to runs that have ended, whose rows the core would have to read one by one.
      const Keep known = artifact.pinned ? Keep::kPinned : used ? Keep::kUsed : Keep::kNo;
      marks.there.push_back(
          {artifact.id, artifact.made_by.run, static_cast<uint64_t>(artifact.bytes), known});
    }
    // Its files are not here. What is here by accident is of no artifact.
    if (artifact.bound) return OkStatus();
    // A manifest that cannot be read must not look like one that needs nothing.
    BRAID_ASSIGN_OR_RETURN(const storage::Manifest manifest,
                           storage::ParseManifest(artifact.manifest, "artifact " + artifact.id));
    for (const storage::ManifestFile& file : manifest.files) {
      if (there) {
        marks.needed.insert(file.sha256);
      } else {
        int64_t& last = marks.of_removed[file.sha256];
        last = std::max(last, artifact.removed_ms);
      }
    }
    return OkStatus();
  }));
  return marks;
}

// Where a part of the artifacts, which are ordered by their runs, ends that is asked for at once.
size_t EndOfBatch(const std::vector<Marks::There>& asked, size_t begin) {
  int runs = 0;
  for (size_t i = begin; i < asked.size(); ++i) {
    if (i == begin || asked[i].run != asked[i - 1].run) ++runs;
    if (runs > kRunsAtOnce || i - begin == kArtifactsAtOnce) return i;
  }
  return asked.size();
}

// Asks the core why each artifact stays of which that is not known, and removes those that nothing
// needs.
Status RemoveArtifacts(Backend* backend, const Marks& marks, bool dry_run, Garbage* garbage) {
  const auto keep = [garbage](Keep why, uint64_t bytes) {
    ++garbage->kept[why].count;
    garbage->kept[why].bytes += bytes;
  };
  std::vector<Marks::There> asked;
  for (const Marks::There& one : marks.there) {
    if (one.known == Keep::kNo)
      asked.push_back(one);
    else
      keep(one.known, one.bytes);
  }
  std::stable_sort(asked.begin(), asked.end(),
                   [](const auto& one, const auto& other) { return one.run < other.run; });
  for (size_t begin = 0, end = 0; begin < asked.size(); begin = end) {
    end = EndOfBatch(asked, begin);
    std::vector<ArtifactRecord> unneeded;
    BRAID_RETURN_IF_ERROR(backend->core->Query([&](const State& state) {
      for (size_t i = begin; i < end; ++i) {
        const ArtifactRecord* artifact = state.FindArtifact(asked[i].id);
        if (artifact == nullptr || artifact->removed_ms > 0) continue;
        const Keep why = WhyKept(*artifact, state, backend->core->options());
        if (why == Keep::kNo)
          unneeded.push_back(*artifact);
        else
          keep(why, asked[i].bytes);
      }
    }));
    if (!unneeded.empty() && !dry_run) {
      // Checked again for each artifact: another command may have made use of it since the query.
      BRAID_RETURN_IF_ERROR(backend->core->Do([&](Transaction& tx) {
        for (ArtifactRecord& artifact : unneeded) {
          const bool kept = artifact.made_by.run.empty() ||
                            tx.state().FindRun(artifact.made_by.run) != nullptr;
          (void)RemoveUnneeded(artifact.id,
                               kept ? "retention: newer checkpoints are kept"
                                    : "retention: its run was deleted, and nothing needs it",
                               tx);
        }
        return OkStatus();
      }));
    }
    std::move(unneeded.begin(), unneeded.end(), std::back_inserter(garbage->removed));
  }
  return OkStatus();
}

// Whether a worker may be about to commit what it has uploaded, or was told is there, some time
// ago: it was not heard since this process began and has leases, or it delivers what an earlier
// process of it has kept. How old a blob is then says nothing about who needs it.
bool SomebodyMayCommit(const State& state) {
  for (const AttemptKey& key : state.live()) {
    const AttemptRecord& attempt = *state.FindAttempt(key);
    for (int64_t rank = 0; rank < std::ssize(attempt.workers); ++rank) {
      const auto worker = state.workers.find(*WorkerOf(attempt, rank));
      if (worker == state.workers.end() || !worker->second.contacted ||
          worker->second.delivering.contains({key, rank}))
        return true;
    }
  }
  return false;
}

Status DeleteBlobs(Backend* backend, BlobStore::Sweep& sweep, const Marks& marks, bool dry_run,
                   Garbage* garbage) {
  const int64_t now_ms = backend->core->options().clock->WallMs();
  bool wait = false;
  BRAID_RETURN_IF_ERROR(
      backend->core->Query([&](const State& state) { wait = SomebodyMayCommit(state); }));
  BRAID_ASSIGN_OR_RETURN(const auto stored, backend->blobs->ListStored());
  for (const BlobStore::Stored& blob : stored) {
    ++garbage->stored.count;
    garbage->stored.bytes += blob.size;
    if (marks.needed.contains(blob.sha256)) continue;
    const auto removed = marks.of_removed.find(blob.sha256);
    const bool known = removed != marks.of_removed.end();
    const int64_t before_ms = now_ms - (known
                                            ? backend->garbage_grace_ms
                                            : std::max(kUncommittedMs, backend->garbage_grace_ms));
    bool goes = !wait && blob.written_ms <= before_ms && (!known || removed->second <= before_ms);
    if (goes && !dry_run) {
      if (backend->stopping) return Unavailable("the coordinator is stopping");
      BRAID_ASSIGN_OR_RETURN(goes, sweep.Remove(blob.sha256, before_ms));
    }
    Amount& amount = (goes ? garbage->deleted : garbage->waiting)[known ? kOfRemoved : kOfNone];
    ++amount.count;
    amount.bytes += blob.size;
  }
  return OkStatus();
}

// Logs and metrics of runs that are not there: a run was deleted, and the process ended before its
// files were, or a late piece came after that.
Status DeleteFolders(Backend* backend, bool dry_run, Garbage* garbage) {
  for (AppendFiles* files : {backend->logs, backend->metrics}) {
    BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> runs, files->Runs());
    // A run is in the catalog before it has files.
    BRAID_ASSIGN_OR_RETURN(const auto snapshot, backend->reader->Open());
    std::vector<std::string> gone;
    for (const std::string& run : runs) {
      BRAID_ASSIGN_OR_RETURN(const auto place, snapshot->PlaceOfRun(run));
      if (!place.has_value()) gone.push_back(run);
    }
    garbage->folders_deleted += static_cast<int64_t>(gone.size());
    if (dry_run) continue;
    for (const std::string& run : gone) BRAID_RETURN_IF_ERROR(files->RemoveRun(run));
  }
  return OkStatus();
}

// Old events, oldest first, up to the first one that is young or of a run that has not ended.
Status DeleteEvents(Backend* backend, bool dry_run, Garbage* garbage) {
  if (backend->keep_events_ms <= 0) return OkStatus();
  const int64_t before_ms = backend->core->options().clock->WallMs() - backend->keep_events_ms;
  int64_t through = 0, last = 0;
  BRAID_RETURN_IF_ERROR(backend->core->Query([&](const State& state) {
    through = state.image().compacted_seq;
    last = state.image().last_seq;
  }));
  while (true) {
    BRAID_ASSIGN_OR_RETURN(const auto events,
                           backend->store->ReadEvents({through, "", kEventsOfABatch, false}));
    int64_t old = 0;
    bool more = !events.empty();
    BRAID_RETURN_IF_ERROR(backend->core->Query([&](const State& state) {
      for (const catalog::EventRecord& event : events) {
        more = event.time_ms < before_ms && event.seq < last && !state.IsActive(event.run);
        if (!more) return;
        through = event.seq;
        ++old;
      }
    }));
    if (old > 0 && !dry_run) {
      BRAID_RETURN_IF_ERROR(backend->core->Do([&](Transaction& tx) {
        tx.Add(catalog::EventsCompacted{through});
        return OkStatus();
      }));
    }
    garbage->events_deleted += old;
    if (!more) return OkStatus();
  }
}

// Rows of the audit that are too old.
Status DeleteAudit(Backend* backend, bool dry_run) {
  if (backend->keep_audit_ms <= 0 || dry_run) return OkStatus();
  const int64_t before_ms = backend->core->options().clock->WallMs() - backend->keep_audit_ms;
  BRAID_ASSIGN_OR_RETURN(const bool old, backend->reader->HasAuditBefore(before_ms));
  if (!old) return OkStatus();
  return backend->core->Do([&](Transaction& tx) {
    tx.Add(catalog::AuditForgotten{before_ms});
    return OkStatus();
  });
}

}  // namespace

Result<Garbage> CollectGarbage(Backend* backend, bool dry_run) {
  const auto turn = backend->blobs->TakeTurn(kTurn, kPatienceMs);
  if (turn == nullptr)
    return Unavailable("another garbage collection is running: wait for it, then try again");
  Garbage garbage;
  BlobStore::Sweep sweep(backend->blobs);
  BRAID_ASSIGN_OR_RETURN(const Marks marks, MarksOf(*backend->reader));
  BRAID_RETURN_IF_ERROR(RemoveArtifacts(backend, marks, dry_run, &garbage));
  BRAID_RETURN_IF_ERROR(DeleteFolders(backend, dry_run, &garbage));
  BRAID_RETURN_IF_ERROR(DeleteEvents(backend, dry_run, &garbage));
  BRAID_RETURN_IF_ERROR(DeleteAudit(backend, dry_run));
  BRAID_RETURN_IF_ERROR(DeleteBlobs(backend, sweep, marks, dry_run, &garbage));
  if (const Status tidied = dry_run ? OkStatus() : backend->blobs->TidyRemote(); !tidied.ok())
    Log(LogLevel::kError, "coordinator", tidied.message());
  return garbage;
}

CoreWork Holding(CoreWork work, std::shared_ptr<const BlobStore::Hold> hold) {
  // The function lives until the command was answered, and with it the hold.
  work.decide = [decide = std::move(work.decide), hold = std::move(hold)](Transaction& tx) {
    return decide(tx);
  };
  return work;
}

void DeleteBulk(Backend* backend, const std::string& run) {
  for (AppendFiles* files : {backend->logs, backend->metrics}) {
    if (const Status removed = files->RemoveRun(run); !removed.ok())
      Log(LogLevel::kError, "coordinator", removed.message());
  }
}

}  // namespace braid::coordinator
