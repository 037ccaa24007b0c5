#include "worker/agent/checkpoint_outbox.h"

#include <algorithm>
#include <utility>

#include "task/artifact.h"
#include "worker/agent/rank_trace.h"

namespace braid::worker {
namespace {

// Files below this size are not removed from the cache after a checkpoint: they cost little, and
// other artifacts may share them (a tokenizer, for example).
constexpr uint64_t kSmallBytes = 64 << 10;
// A coordinator that has not answered for so long is away. A shorter time would let checkpoints
// that follow one another quickly replace each other for ever.
constexpr int64_t kAwayMs = 2'000;

}  // namespace

void DescribeOrigin(const Assignment& assignment, const std::string& role,
                    storage::Manifest* manifest) {
  if (task::Stays(assignment.binding, role)) manifest->metadata["bound_to"] = assignment.site;
  std::vector<std::string> parents;
  for (const auto& [input, artifact] : assignment.inputs) parents.push_back(artifact);
  std::sort(parents.begin(), parents.end());
  parents.erase(std::unique(parents.begin(), parents.end()), parents.end());
  manifest->parents = std::move(parents);
  manifest->recipe = assignment.recipe_sha256;
}

std::vector<std::string> DigestsOf(const storage::Manifest& manifest) {
  std::vector<std::string> digests;
  for (const storage::ManifestFile& file : manifest.files) digests.push_back(file.sha256);
  return digests;
}

CheckpointOutbox::CheckpointOutbox(Turn& turn, Calls& calls, BlobMoves& moves, Cache& cached,
                                   MetricsOutbox& metrics, const Assignment& assignment,
                                   Listener listener)
    : turn_(turn),
      calls_(calls),
      moves_(moves),
      cached_(cached),
      metrics_(metrics),
      assignment_(assignment),
      owner_(assignment.key.ToString()),
      transfer_(owner_ + " checkpoint"),
      listener_(std::move(listener)) {}

void CheckpointOutbox::Add(const CheckpointMessage& checkpoint) {
  heard_ = Checkpoint{};
  heard_->number = ++last_number_;
  heard_->message = checkpoint;
  heard_->metrics_before = metrics_.heard();
  KeepNext();
}

void CheckpointOutbox::Recover(const KeptCheckpoint& checkpoint) {
  recovered_ = true;
  waiting_ = Checkpoint{};
  static_cast<KeptCheckpoint&>(*waiting_) = checkpoint;
  waiting_->kept = true;
  StoreNext();
}

// The metrics before a checkpoint are kept with it: whoever resumes from it does not write them
// again.
void CheckpointOutbox::KeepNext() {
  if (keeping_.has_value() || !heard_.has_value()) return;
  keeping_ = std::exchange(heard_, std::nullopt);
  metrics_.WhenKept(keeping_->metrics_before, [this](const Status& kept) {
    if (!kept.ok()) return OnKept(kept, "");
    calls_.Once(owner_, KeepCheckpoint{assignment_.key, *keeping_}, [this](const Done& done) {
      OnKept(done.status, done.status.ok() ? std::get<std::string>(done.answer) : "");
    });
  });
}

void CheckpointOutbox::OnKept(const Status& status, const std::string& folder) {
  Checkpoint checkpoint = *std::exchange(keeping_, std::nullopt);
  if (status.ok()) {
    checkpoint.kept = true;
    checkpoint.message.folder = folder;
    listener_.on_safe(checkpoint.message.step);
  } else if (heard_.has_value()) {
    return KeepNext();
  } else {
    turn_.Say(LogLevel::kWarning, assignment_,
              "the checkpoint of step " + std::to_string(checkpoint.message.step) +
                  " could not be taken over, and is lost if this worker ends before the "
                  "coordinator has it: " +
                  status.message());
  }
  if (waiting_.has_value()) Drop(*waiting_);
  waiting_ = std::move(checkpoint);
  Supersede();
  StoreNext();
  KeepNext();
}

void CheckpointOutbox::Supersede() {
  if (!storing_.has_value() || asking_since_ms_ == kNever ||
      turn_.now_ms - asking_since_ms_ < kAwayMs)
    return;
  asking_since_ms_ = kNever;
  calls_.CancelAll(transfer_);
  const Checkpoint old = *std::exchange(storing_, std::nullopt);
  cached_.EndUse(transfer_);
  Release(old);
  Drop(old);
}

void CheckpointOutbox::StoreNext() {
  if (storing_.has_value() || !waiting_.has_value()) return;
  storing_ = std::exchange(waiting_, std::nullopt);
  storing_since_ms_ = turn_.now_ms;
  Store();
}

void CheckpointOutbox::Store() {
  const CheckpointMessage& message = storing_->message;
  calls_.RetryUntilSettled(transfer_,
                           IngestFolder{assignment_.key, message.folder, false,
                                        NameOf(task::ArtifactKind::kCheckpoint), message.metadata},
                           [this](const Done& done) { OnIngested(done); });
}

void CheckpointOutbox::OnIngested(const Done& done) {
  if (!done.status.ok()) return OnCommitted(done.status);
  storing_->manifest = std::get<storage::Manifest>(done.answer);
  DescribeOrigin(assignment_, NameOf(task::ArtifactKind::kCheckpoint), &storing_->manifest);
  cached_.UseBlobs(transfer_, DigestsOf(storing_->manifest));
  if (bound()) {
    return cached_.KeepBound(transfer_, storing_->manifest, [this](const Status& status) {
      if (!status.ok()) return OnCommitted(status);
      CommitAfterMetrics();
    });
  }
  asking_since_ms_ = turn_.now_ms;
  calls_.RetryUntilSettled(transfer_, FindMissingBlobs{DigestsOf(storing_->manifest)},
                           [this](const Done& found) {
                             asking_since_ms_ = kNever;
                             if (!found.status.ok()) return OnCommitted(found.status);
                             Send(std::get<std::vector<std::string>>(found.answer));
                           });
}

// Metrics go before the checkpoint. A rank that resumes from it does not write the metrics of
// earlier steps again, so they would be missing for ever if they were lost after the commit.
void CheckpointOutbox::CommitAfterMetrics() {
  metrics_.WhenSent(storing_->metrics_before, [this](const Status& sent) {
    if (!sent.ok()) return OnCommitted(sent);
    Commit();
  });
}

void CheckpointOutbox::Send(const std::vector<std::string>& missing) {
  const OutputName output{assignment_.key, NameOf(task::ArtifactKind::kCheckpoint)};
  moves_.Upload(transfer_, output, missing, [this](const Status& status) {
    if (AsksAgain(status)) return StoreAgain();
    if (!status.ok()) return OnCommitted(status);
    CommitAfterMetrics();
  });
}

bool CheckpointOutbox::bound() const {
  return task::Stays(assignment_.binding, NameOf(task::ArtifactKind::kCheckpoint));
}

void CheckpointOutbox::Commit() {
  calls_.RetryUntilSettled(
      transfer_,
      CommitCheckpoint{assignment_.key, storing_->message.step, storing_->manifest.Canonical(),
                       bound()},
      [this](const Done& done) {
        if (AsksAgain(done.status)) return StoreAgain();
        OnCommitted(done.status);
      });
}

bool CheckpointOutbox::AsksAgain(const Status& status) {
  return IsBlobLost(status) && ++storing_->lost <= kMostLost;
}

// The coordinator had the blobs, or was sent them, and has them no more: it was restored from a
// backup, say, or deleted them as nothing needed them yet. Or they were taken out of the cache.
// Nothing is lost, the checkpoint is here.
void CheckpointOutbox::StoreAgain() {
  turn_.Say(LogLevel::kWarning, assignment_,
            "a file of the checkpoint of step " + std::to_string(storing_->message.step) +
                " is missing at the coordinator or in the cache: it is sent once more");
  calls_.Later(transfer_, PauseAfterLossMs(storing_->lost), [this] { Store(); });
}

void CheckpointOutbox::OnCommitted(const Status& status) {
  const Checkpoint checkpoint = *std::exchange(storing_, std::nullopt);
  const int64_t step = checkpoint.message.step;
  AddCheckpointSpan(assignment_, step, storing_since_ms_, status, &turn_);
  cached_.EndUse(transfer_);
  if (status.Is(ErrorReason::kStaleLease) && !recovered_) return listener_.on_stale();
  // What no commit names is released by the coordinator, once this rank is gone.
  if (status.ok()) {
    if (!checkpoint.kept) listener_.on_safe(step);
    // The coordinator has the checkpoint now. Without removing it here, a long training would fill
    // the worker's disk; a rank that resumes on this worker fetches it again. One that is bound has
    // no other copy.
    if (!bound()) Release(checkpoint);
  } else {
    turn_.Say(
        LogLevel::kWarning, assignment_,
        "the checkpoint of step " + std::to_string(step) + " is not stored: " + status.message());
  }
  // Who was refused for its identity keeps what it has, as with the end of a rank.
  if (status.code() != StatusCode::kPermissionDenied) Drop(checkpoint);
  StoreNext();
  listener_.on_settled();
}

void CheckpointOutbox::Drop(const Checkpoint& checkpoint) {
  if (!checkpoint.kept) return;
  calls_.Once(owner_, DropCheckpoint{assignment_.key, checkpoint.number}, [](const Done&) {});
}

void CheckpointOutbox::Release(const Checkpoint& checkpoint) {
  std::vector<std::string> large;
  for (const storage::ManifestFile& file : checkpoint.manifest.files) {
    if (file.size >= kSmallBytes) large.push_back(file.sha256);
  }
  if (!large.empty()) calls_.Once("cache", ReleaseBlobs{std::move(large)}, [](const Done&) {});
}

void CheckpointOutbox::Leave() {
  calls_.CancelAll(transfer_);
  moves_.Leave(transfer_);
  cached_.EndUse(transfer_);
}

}  // namespace braid::worker
