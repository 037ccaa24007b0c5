#include "worker/agent/metrics_outbox.h"

namespace braid::worker {

MetricsOutbox::MetricsOutbox(Turn& turn, Calls& calls, const RankKey& key,
                             std::function<void()> on_settled)
    : turn_(turn),
      calls_(calls),
      key_(key),
      owner_(key.ToString()),
      on_settled_(std::move(on_settled)),
      sender_(calls, key, GrowingFile::kMetrics) {}

void MetricsOutbox::Add(const std::string& line) {
  unkept_ += line + "\n";
  heard_ += static_cast<int64_t>(line.size()) + 1;
  Keep();
}

void MetricsOutbox::Keep() {
  if (!being_kept_.empty() || unkept_.empty()) return;
  being_kept_ = std::exchange(unkept_, "");
  calls_.RetryUntilSettled(owner_, KeepMetrics{key_, being_kept_},
                           [this](const Done& done) { OnKept(done.status); });
}

// RetryUntilSettled has waited for a full disk already. Another error says little about the next
// try, which comes with the next line, or at the end.
void MetricsOutbox::OnKept(const Status& status) {
  if (status.ok()) {
    kept_ += static_cast<int64_t>(being_kept_.size());
    being_kept_.clear();
    keep_failed_.reset();
    Keep();
  } else {
    if (!keep_failed_.has_value())
      turn_.Say(LogLevel::kWarning, owner_, "metrics are not kept: " + status.message());
    keep_failed_ = status;
    unkept_ = std::exchange(being_kept_, "") + unkept_;
  }
  AnswerKept();
  on_settled_();
}

void MetricsOutbox::WhenKept(int64_t bytes, Then then) {
  when_kept_.emplace_back(bytes, std::move(then));
  AnswerKept();
}

void MetricsOutbox::AnswerKept() {
  std::vector<std::pair<int64_t, Then>> waiting;
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

void MetricsOutbox::WhenSent(int64_t bytes, Then then) {
  WhenKept(bytes, [this, bytes, then = std::move(then)](const Status& kept) {
    if (!kept.ok()) return then(kept);
    sender_.Flush(bytes, then);
  });
}

}  // namespace braid::worker
