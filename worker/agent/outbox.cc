#include "worker/agent/outbox.h"

#include <algorithm>
#include <utility>

#include "task/artifact.h"

namespace braid::worker {
namespace {

// Files below this size are not removed from the cache after a checkpoint: they cost little, and
// other artifacts may share them (a tokenizer, for example).
constexpr uint64_t kSmallBytes = 64 << 10;

}  // namespace

void DescribeOrigin(const Assignment& assignment, storage::Manifest* manifest) {
  std::vector<std::string> parents;
  for (const auto& [role, artifact] : assignment.inputs) parents.push_back(artifact);
  std::sort(parents.begin(), parents.end());
  parents.erase(std::unique(parents.begin(), parents.end()), parents.end());
  manifest->parents = std::move(parents);
  manifest->recipe = assignment.recipe_sha256;
}

Outbox::Outbox(Turn& turn, Calls& calls, BlobMoves& moves, const Assignment& assignment,
               Listener listener)
    : turn_(turn),
      calls_(calls),
      moves_(moves),
      assignment_(assignment),
      owner_(assignment.key.ToString()),
      listener_(std::move(listener)),
      log_(calls, assignment.key, GrowingFile::kLog),
      metrics_(calls, assignment.key, GrowingFile::kMetrics) {}

void Outbox::Start() {
  starting_ = true;
  calls_.RetryUntilSettled(owner_, ReportStarted{assignment_.key}, [this](const Done& done) {
    starting_ = false;
    if (done.status.reason() == "STALE_LEASE") return listener_.on_stale();
    CloseFilesIfIdle();
  });
  log_.Start();
  metrics_.Start();
}

void Outbox::Add(std::string metric) {
  unkept_ += metric + "\n";
  heard_ += static_cast<int64_t>(metric.size()) + 1;
  KeepMetrics();
}

void Outbox::KeepMetrics() {
  if (!being_kept_.empty() || unkept_.empty()) return;
  being_kept_ = std::exchange(unkept_, "");
  calls_.RetryUntilSettled(owner_, worker::KeepMetrics{assignment_.key, being_kept_},
                           [this](const Done& done) { OnKept(done.status); });
}

// RetryUntilSettled has waited for a full disk already. Another error says little about the next
// try, which comes with the next line, or at the end.
void Outbox::OnKept(const Status& status) {
  if (status.ok()) {
    kept_ += static_cast<int64_t>(being_kept_.size());
    being_kept_.clear();
    keep_failed_.reset();
    KeepMetrics();
  } else {
    if (!keep_failed_.has_value())
      turn_.Say(LogLevel::kWarning, owner_, "metrics are not kept: " + status.message());
    keep_failed_ = status;
    unkept_ = std::exchange(being_kept_, "") + unkept_;
  }
  AnswerKept();
  CloseFilesIfIdle();
}

void Outbox::WhenKept(int64_t bytes, std::function<void(const Status&)> then) {
  when_kept_.emplace_back(bytes, std::move(then));
  AnswerKept();
}

void Outbox::AnswerKept() {
  std::vector<std::pair<int64_t, std::function<void(const Status&)>>> waiting;
  waiting.swap(when_kept_);
  for (auto& [bytes, then] : waiting) {
    if (kept_ >= bytes) {
      then(OkStatus());
    } else if (keep_failed_.has_value()) {
      then(*keep_failed_);
    } else {
      when_kept_.emplace_back(bytes, std::move(then));
    }
  }
}

void Outbox::Add(const CheckpointMessage& checkpoint) {
  waiting_ = Checkpoint{checkpoint, heard_, {}};
  StoreNext();
}

void Outbox::StoreNext() {
  if (storing_.has_value() || !waiting_.has_value()) return;
  storing_ = std::exchange(waiting_, std::nullopt);
  const CheckpointMessage& message = storing_->message;
  calls_.RetryUntilSettled(owner_,
                           IngestFolder{assignment_.key, message.folder, false,
                                        NameOf(task::ArtifactKind::kCheckpoint), message.metadata},
                           [this](const Done& done) { OnIngested(done); });
}

void Outbox::OnIngested(const Done& done) {
  if (!done.status.ok()) return OnCommitted(done.status);
  storing_->manifest = std::get<storage::Manifest>(done.answer);
  DescribeOrigin(assignment_, &storing_->manifest);
  std::vector<std::string> digests;
  for (const storage::ManifestFile& file : storing_->manifest.files) digests.push_back(file.sha256);
  moves_.UploadMissing(owner_, std::move(digests), [this](const Status& status) {
    if (!status.ok()) return OnCommitted(status);
    FlushMetrics();
  });
}

// Metrics go before the checkpoint. A rank that resumes from it does not write the metrics of
// earlier steps again, so they would be missing for ever if they were lost after the commit.
void Outbox::FlushMetrics() {
  const int64_t bytes = storing_->metrics_before;
  WhenKept(bytes, [this, bytes](const Status& kept) {
    if (!kept.ok()) return OnCommitted(kept);
    metrics_.Flush(bytes, [this](const Status& sent) {
      if (!sent.ok()) return OnCommitted(sent);
      Commit();
    });
  });
}

void Outbox::Commit() {
  calls_.RetryUntilSettled(
      owner_,
      CommitCheckpoint{assignment_.key, storing_->message.step, storing_->manifest.Canonical()},
      [this](const Done& done) { OnCommitted(done.status); });
}

void Outbox::OnCommitted(const Status& status) {
  const Checkpoint checkpoint = *std::exchange(storing_, std::nullopt);
  const int64_t step = checkpoint.message.step;
  if (status.reason() == "STALE_LEASE") return listener_.on_stale();
  if (status.ok()) {
    listener_.on_stored(step);
    // The coordinator has the checkpoint now. Without removing it here, a long training would fill
    // the worker's disk; a rank that resumes on this worker fetches it again.
    std::vector<std::string> large;
    for (const storage::ManifestFile& file : checkpoint.manifest.files) {
      if (file.size >= kSmallBytes) large.push_back(file.sha256);
    }
    if (!large.empty()) calls_.Once("cache", ReleaseBlobs{std::move(large)}, [](const Done&) {});
  } else {
    turn_.Say(
        LogLevel::kWarning, owner_,
        "the checkpoint of step " + std::to_string(step) + " is not stored: " + status.message());
  }
  StoreNext();
  CloseFilesIfIdle();
}

void Outbox::Close(std::function<void()> then) {
  closing_ = true;
  on_closed_ = std::move(then);
  KeepMetrics();
  CloseFilesIfIdle();
}

// The files are closed last, because checkpoints that are being stored wait for metrics to be sent.
void Outbox::CloseFilesIfIdle() {
  const bool idle = !starting_ && !storing_.has_value() && being_kept_.empty();
  if (!closing_ || !idle || files_closing_) return;
  files_closing_ = true;
  log_.Close([this](const Status&) { OnFileClosed(); });
  metrics_.Close([this](const Status&) { OnFileClosed(); });
}

void Outbox::OnFileClosed() {
  if (--open_files_ == 0) on_closed_();
}

}  // namespace braid::worker
