#include "worker/agent/growing_file.h"

#include <utility>

namespace braid::worker {
namespace {

// A log that is followed looks live with four updates a second.
constexpr int64_t kPauseMs = 250;

}  // namespace

GrowingFileSender::GrowingFileSender(Calls& calls, const RankKey& key, GrowingFile file)
    : calls_(calls), key_(key), owner_(key.ToString()), file_(file) {}

void GrowingFileSender::Start() {
  Send();
}

void GrowingFileSender::SendRest() {
  closing_ = true;
  Send();
}

void GrowingFileSender::Send() {
  pause_ = 0;
  calls_.Once(owner_, SendPiece{key_, file_, offset_},
              [this, last = closing_](const Done& done) { OnSent(done, last); });
}

void GrowingFileSender::SendAfterPause() {
  pause_ = calls_.Later(owner_, kPauseMs, [this] { Send(); });
}

void GrowingFileSender::SendNow() {
  if (pause_ == 0) return;
  calls_.Cancel(pause_);
  Send();
}

// `last` says that the file had stopped growing before the piece was read, so that its end is the
// end of the file.
void GrowingFileSender::OnSent(const Done& done, bool last) {
  if (done.status.code() == StatusCode::kOutOfRange) {
    // The coordinator has lost the end of its copy, because its machine crashed. Sending starts
    // again at 0; bytes that the coordinator still has are not written again, and its answer to the
    // first piece leads behind them.
    offset_ = 0;
    return SendAfterPause();
  }
  if (IsTransient(done.status)) return SendAfterPause();
  if (!done.status.ok()) return End(done.status);
  const PieceSent& sent = std::get<PieceSent>(done.answer);
  offset_ = sent.offset;
  AnswerFlushes();
  if (!sent.at_end || (closing_ && !last)) return Send();
  if (last) return End(OkStatus());
  SendAfterPause();
}

void GrowingFileSender::End(const Status& status) {
  ended_ = status;
  AnswerFlushes();
  if (const Then then = std::exchange(on_end_, nullptr); then != nullptr) then(status);
}

void GrowingFileSender::AnswerFlushes() {
  // The callbacks may call Flush, so they run on a copy.
  std::vector<std::pair<int64_t, Then>> flushes;
  flushes.swap(flushes_);
  for (auto& [size, then] : flushes) {
    if (offset_ >= size) {
      then(OkStatus());
    } else if (ended_.has_value()) {
      then(ended_->ok() ? Internal("the file is shorter than what was kept in it") : *ended_);
    } else {
      flushes_.emplace_back(size, std::move(then));
    }
  }
}

void GrowingFileSender::Flush(int64_t size, Then then) {
  flushes_.emplace_back(size, std::move(then));
  AnswerFlushes();
  if (!flushes_.empty()) SendNow();
}

void GrowingFileSender::Close(Then then) {
  closing_ = true;
  if (ended_.has_value()) return then(*ended_);
  on_end_ = std::move(then);
  SendNow();
}

void GrowingFileSender::CloseAfterCancel(Then then) {
  closing_ = true;
  if (ended_.has_value()) return then(*ended_);
  on_end_ = std::move(then);
  Send();
}

}  // namespace braid::worker
