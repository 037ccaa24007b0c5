#include "coordinator/core/worker_links.h"

#include <utility>

namespace braid::coordinator {
namespace {

// Bounds the memory that a worker takes which connects and disconnects while nothing can be
// written.
constexpr size_t kMaxUnwritten = 100;

}  // namespace

std::vector<RankKey> RanksOn(const std::string& worker, const State& state) {
  std::vector<RankKey> ranks;
  for (const AttemptKey& key : state.LiveOn(worker)) {
    const AttemptRecord& attempt = *state.FindAttempt(key);
    for (size_t rank = 0; rank < attempt.workers.size(); ++rank) {
      if (attempt.workers[rank] == worker) ranks.push_back({key, static_cast<int64_t>(rank)});
    }
  }
  return ranks;
}

const catalog::WorkerRecord& RecordOf(const std::string& id, const LiveWorker& worker,
                                      const State& state) {
  const auto record = state.image().workers.find(id);
  return worker.hello.id.empty() && record != state.image().workers.end() ? record->second
                                                                          : worker.hello;
}

void NoteEvent(LiveWorker& worker, catalog::WorkerLinkChanged event) {
  if (worker.unwritten.size() >= kMaxUnwritten) worker.unwritten.erase(worker.unwritten.begin());
  worker.unwritten.push_back(std::move(event));
}

void SetLink(const std::string& id, LiveWorker& worker, scheduler::Link link) {
  using scheduler::Link;
  if (worker.link == link) return;
  const Link before = worker.link;
  worker.link = link;
  if (link == Link::kReady) {
    NoteEvent(worker, {id, "connected", ""});
  } else if (link == Link::kDisconnected && before == Link::kReady) {
    NoteEvent(worker, {id, "disconnected", "its attempts keep their leases for a while"});
  } else if (link == Link::kLost) {
    NoteEvent(worker, {id, "lost", "what it ran starts elsewhere"});
  }
}

}  // namespace braid::coordinator
