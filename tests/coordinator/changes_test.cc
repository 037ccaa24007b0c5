// The short cuts of the loop: a core that looks only at what has changed decides the same, step by
// step, as one that looks at everything in every step, and its indices are those that the rows
// give. Both are led through the same random histories.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "tests/coordinator/history.h"

namespace braid::coordinator {
namespace {

void Compare(const History& history, std::map<std::string, int>* seen) {
  const State& quick = history.side(0).core->state();
  const State& slow = history.side(1).core->state();
  ASSERT_TRUE(quick.image() == slow.image());
  Indices anew;
  anew.Rebuild(quick.image());
  (void)quick.queued();  // which settles its order
  ASSERT_TRUE(anew == quick.indices());
  ASSERT_EQ(history.side(0).sinks.size(), history.side(1).sinks.size());
  for (const auto& [id, sink] : history.side(0).sinks) {
    const auto& other = history.side(1).sinks.at(id);
    ASSERT_EQ(sink->replaced, other->replaced) << id;
    ASSERT_EQ(sink->newest == nullptr, other->newest == nullptr) << id;
    if (sink->newest == nullptr) continue;
    ASSERT_EQ(sink->newest->version, other->newest->version) << id;
    ASSERT_TRUE(sink->newest->ranks == other->newest->ranks) << id;
    ASSERT_TRUE(sink->newest->refused_gpus == other->newest->refused_gpus) << id;
  }
  for (const auto& [key, job] : quick.image().jobs) {
    if (job.state != JobState::kQueued) continue;
    const auto why = quick.PendingOf(job);
    const auto other = slow.PendingOf(*slow.FindJob(key));
    ASSERT_EQ(why.has_value(), other.has_value()) << key.ToString();
    if (!why.has_value()) continue;
    ASSERT_EQ(why->reason, other->reason) << key.ToString();
    ASSERT_EQ(why->detail, other->detail) << key.ToString();
    ASSERT_EQ(why->since_ms, other->since_ms) << key.ToString();
    ++(*seen)[NameOf(why->reason)];
    (*seen)["in quarantine"] += why->detail.find("is in quarantine") != std::string::npos ? 1 : 0;
  }
  for (const auto& [row, count] : quick.indices().counts().attempts)
    ++(*seen)["attempt " + std::string(Name(static_cast<AttemptState>(row.second)))];
}

TEST(ChangesTest, ACoreThatLooksOnlyAtChangesDecidesTheSame) {
  // What the histories did at all, so that the test does not pass for having done nothing.
  std::map<std::string, int> seen;
  for (unsigned seed = 0; seed < 16; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    MemoryStore quick, slow;
    History history(seed,
                    {&quick,
                     [seed](Options* options) {
                       options->health.failures = 1;
                       options->preempt = seed % 2 == 0;
                     }},
                    {&slow, [seed](Options* options) {
                       options->health.failures = 1;
                       options->preempt = seed % 2 == 0;
                       options->only_changes = false;
                     }});
    for (int step = 0; step < 150; ++step) {
      SCOPED_TRACE("step " + std::to_string(step));
      history.Step();
      if (!::testing::Test::HasFatalFailure()) Compare(history, &seen);
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
  for (const char* what :
       {"WAITING_CAPACITY", "RUN_PAUSED", "DATA_SITE_OFFLINE", "GANG_INCOMPLETE", "BACKOFF",
        "RECOVERING_LEASES", "WORKER_DISK_FULL", "in quarantine", "UNSCHEDULABLE", "PREEMPTING",
        "attempt RUNNING", "attempt STOPPING", "attempt SUCCEEDED", "attempt FAILED",
        "attempt PREEMPTED", "attempt CANCELLED", "attempt LOST"})
    EXPECT_GT(seen[what], 0) << what << " never came";
}

}  // namespace
}  // namespace braid::coordinator
