#include "worker/agent/rendezvous.h"

#include <algorithm>

#include "base/text.h"

namespace braid::worker {
namespace {

// The longest wait within one call. The work of a rank that ends has to return before its folder is
// removed.
constexpr int64_t kGetWaitMs = 2'000;
constexpr int64_t kFirstRetryMs = 100;
constexpr int64_t kMaxRetryMs = 5'000;

}  // namespace

RendezvousRelay::RendezvousRelay(Turn& turn, Calls& calls, const RankKey& key, Listener listener)
    : turn_(turn),
      calls_(calls),
      key_(key),
      owner_(key.ToString()),
      listener_(std::move(listener)),
      backoff_(kFirstRetryMs, kMaxRetryMs) {}

void RendezvousRelay::Ask(const RendezvousMessage& request) {
  requests_.push_back(request);
  if (requests_.size() == 1) Next();
}

void RendezvousRelay::Next() {
  if (requests_.empty()) return;
  if (requests_.front().is_put) return Put(requests_.front());
  deadline_ms_ = turn_.now_ms + requests_.front().timeout_ms;
  backoff_.Reset();
  Get();
}

void RendezvousRelay::Put(const RendezvousMessage& request) {
  const Result<std::string> value = Base64Decode(request.value);
  if (!value.ok()) return Answer(value.status(), nullptr);
  call_ = calls_.RetryUntilSettled(owner_, PutRendezvous{key_, request.key, *value},
                                   [this](const Done& done) { Answer(done.status, nullptr); });
}

void RendezvousRelay::Get() {
  const std::string& name = requests_.front().key;
  const int64_t left_ms = deadline_ms_ - turn_.now_ms;
  if (left_ms <= 0) return Answer(NotFound("no rank has put " + name), nullptr);
  call_ = calls_.Once(owner_, GetRendezvous{key_, name, std::min(left_ms, kGetWaitMs)},
                      [this](const Done& done) { OnGot(done); });
}

void RendezvousRelay::OnGot(const Done& done) {
  if (done.status.ok()) return Answer(OkStatus(), &std::get<std::string>(done.answer));
  // No rank has set the key yet. The call has waited already, so there is no further pause.
  if (done.status.code() == StatusCode::kDeadlineExceeded) return Get();
  if (!IsTransient(done.status)) return Answer(done.status, nullptr);
  call_ = calls_.Later(owner_, backoff_.Next(0), [this] { Get(); });
}

void RendezvousRelay::Answer(const Status& status, const std::string* value) {
  Json control = {{"control", "rendezvous"}, {"id", requests_.front().id}};
  if (value != nullptr) control["value"] = Base64Encode(*value);
  if (!status.ok()) control["error"] = status.message();
  requests_.pop_front();
  call_ = 0;
  if (status.Is(ErrorReason::kStaleLease)) return listener_.on_stale();
  listener_.tell(control);
  Next();
}

void RendezvousRelay::Close() {
  if (call_ != 0) calls_.Cancel(call_);
  call_ = 0;
  requests_.clear();
}

}  // namespace braid::worker
