#include "worker/carrier.h"

#include <utility>
#include <variant>

#include "base/clock.h"

namespace braid::worker {
namespace {

// Calls mostly wait for the coordinator, or (rendezvous) for another rank, so there are many
// threads for them. Transfers share one network link and one disk.
constexpr size_t kMaxCalls = 64;
constexpr size_t kMaxTransfers = 16;

}  // namespace

MachineCarrier::MachineCarrier(SessionLink& session, ProgramRunner& programs, MachineWork& work,
                               EventSink& events, trace::SpanSink* spans)
    : session_(session),
      programs_(programs),
      work_(work),
      events_(events),
      spans_(spans),
      calls_(kMaxCalls),
      bulk_(kMaxTransfers) {}

MachineCarrier::~MachineCarrier() {
  MutexLock lock(mutex_);
  for (auto& [id, stop] : stops_) stop->Set();
}

void MachineCarrier::Carry(const Effect& effect) {
  std::visit([this](const auto& kind) { On(kind); }, effect);
}

void MachineCarrier::On(const Do& effect) {
  const auto stop = std::make_shared<StopSignal>();
  {
    MutexLock lock(mutex_);
    // Entered before the work is queued, so that CancelWork always finds it.
    stops_[effect.id] = stop;
  }
  ThreadPool& pool = MachineWork::IsBulk(effect.work) ? bulk_ : calls_;
  pool.Do([this, effect, stop] {
    Done done = work_.Try(effect.id, effect.work, *stop);
    {
      MutexLock lock(mutex_);
      stops_.erase(effect.id);
    }
    events_.Post(std::move(done));
  });
}

// The wall clock may be set while a rank runs: the newest difference of the clocks is the best that
// is known of it.
void MachineCarrier::On(const SpanEnded& effect) {
  if (spans_ == nullptr) return;
  trace::Span span = effect.span;
  if (span.begin_ns == 0) {
    const int64_t offset_ms = SystemClock().WallMs() - SystemClock().MonotonicMs();
    span.begin_ns = (effect.begin_ms + offset_ms) * trace::kNsPerMs;
    span.end_ns = (effect.end_ms + offset_ms) * trace::kNsPerMs;
  }
  spans_->Add(std::move(span));
}

void MachineCarrier::On(const CancelWork& effect) {
  MutexLock lock(mutex_);
  if (const auto stop = stops_.find(effect.id); stop != stops_.end()) stop->second->Set();
}

}  // namespace braid::worker
