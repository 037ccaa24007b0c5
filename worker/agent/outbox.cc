#include "worker/agent/outbox.h"

#include <utility>

#include "task/artifact.h"

namespace braid::worker {

Outbox::Outbox(Turn& turn, Calls& calls, BlobMoves& moves, Cache& cached,
               const Assignment& assignment, Listener listener)
    : calls_(calls),
      assignment_(assignment),
      owner_(assignment.key.ToString()),
      listener_(std::move(listener)),
      log_(calls, assignment.key, GrowingFile::kLog),
      metrics_(turn, calls, assignment.key, [this] { CloseFilesIfIdle(); }),
      checkpoints_(turn, calls, moves, cached, metrics_, assignment,
                   {.on_stale = listener_.on_stale,
                    .on_safe = listener_.on_safe,
                    .on_settled = [this] { CloseFilesIfIdle(); }}) {}

void Outbox::Start() {
  ReportStart();
  log_.Start();
  metrics_.Start();
}

void Outbox::Recover(const std::optional<KeptCheckpoint>& checkpoint) {
  ReportStart();
  log_.SendRest();
  metrics_.Recover(checkpoint.has_value() ? checkpoint->metrics_before : 0);
  if (checkpoint.has_value()) checkpoints_.Recover(*checkpoint);
}

void Outbox::ReportStart() {
  starting_ = true;
  calls_.RetryUntilSettled(owner_, ReportStarted{assignment_.key}, [this](const Done& done) {
    starting_ = false;
    if (done.status.Is(ErrorReason::kStaleLease)) return listener_.on_stale();
    CloseFilesIfIdle();
  });
}

void Outbox::WhenMetricsAreKept(std::function<void()> then) {
  metrics_.Keep();
  metrics_.WhenKept(metrics_.heard(), [then = std::move(then)](const Status&) { then(); });
}

void Outbox::Close(std::function<void()> then) {
  closing_ = true;
  on_closed_ = std::move(then);
  metrics_.Keep();
  CloseFilesIfIdle();
}

void Outbox::SendRestOfLog(std::function<void()> then) {
  log_.CloseAfterCancel([then = std::move(then)](const Status&) { then(); });
}

// The files are closed last, because checkpoints that are being stored wait for metrics to be sent.
void Outbox::CloseFilesIfIdle() {
  const bool idle = !starting_ && checkpoints_.idle() && metrics_.settled();
  if (!closing_ || !idle || files_closing_) return;
  files_closing_ = true;
  log_.Close([this](const Status&) { OnFileClosed(); });
  metrics_.Close([this](const Status&) { OnFileClosed(); });
}

void Outbox::OnFileClosed() {
  if (--open_files_ == 0) on_closed_();
}

}  // namespace braid::worker
