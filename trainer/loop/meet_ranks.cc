#include "trainer/loop/meet_ranks.h"

namespace braid::trainer {
namespace {

// How long a rank waits for the others in a collective operation before it counts them as lost.
// Long, because ranks load data and initialise at different speeds.
constexpr int64_t kPeerTimeoutMs = 300'000;
// The same of ranks that train by themselves: the slowest one may be far behind at the end of a
// round, and their lines are slow. The service notices by itself if a worker is lost.
constexpr int64_t kRoundTimeoutMs = 3'600'000;

}  // namespace

Result<std::unique_ptr<Collective>> MeetRanks(const task::Task& task, task::Channel& channel,
                                              bool alone) {
  return MakeCollective(channel.rendezvous(), task.rank, task.world, NameOf(task.device),
                        task.address, alone ? kRoundTimeoutMs : kPeerTimeoutMs);
}

}  // namespace braid::trainer
