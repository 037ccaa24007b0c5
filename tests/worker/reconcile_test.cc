#include "worker/agent/reconcile.h"

#include <gmock/gmock.h>

namespace braid::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Assignment Want(const std::string& job, int64_t epoch, bool stop = false) {
  Assignment assignment;
  assignment.key = {"r", job, epoch, 0};
  assignment.stop = stop;
  assignment.stop_timeout_ms = 700;
  return assignment;
}

TEST(ReconcileTest, StartsWhatIsMissingAndDropsWhatIsNotWanted) {
  const Actions actions = Reconcile({{"r", "old", 1, 0}, {"r", "kept", 1, 0}},
                                    {.ranks = {Want("kept", 1), Want("fresh", 1)}});
  ASSERT_EQ(actions.start.size(), 1u);
  EXPECT_EQ(actions.start[0].key.job, "fresh");
  EXPECT_THAT(actions.drop, ElementsAre(RankKey{"r", "old", 1, 0}));
  EXPECT_THAT(actions.stop, IsEmpty());
}

TEST(ReconcileTest, ANewerEpochReplacesTheOlder) {
  const Actions actions = Reconcile({{"r", "job", 1, 0}}, {.ranks = {Want("job", 2)}});
  EXPECT_THAT(actions.drop, ElementsAre(RankKey{"r", "job", 1, 0}));
  ASSERT_EQ(actions.start.size(), 1u);
  EXPECT_EQ(actions.start[0].key.epoch, 2);
}

TEST(ReconcileTest, AStopIsTold) {
  const Actions actions = Reconcile({{"r", "job", 1, 0}}, {.ranks = {Want("job", 1, true)}});
  EXPECT_THAT(actions.stop, ElementsAre(std::pair(RankKey{"r", "job", 1, 0}, int64_t{700})));
  EXPECT_THAT(actions.start, IsEmpty());
  EXPECT_THAT(actions.drop, IsEmpty());
}

TEST(ReconcileTest, TheSameStateTwiceChangesNothing) {
  const Actions actions = Reconcile({{"r", "job", 1, 0}}, {.ranks = {Want("job", 1)}});
  EXPECT_THAT(actions.start, IsEmpty());
  EXPECT_THAT(actions.stop, IsEmpty());
  EXPECT_THAT(actions.drop, IsEmpty());
}

}  // namespace
}  // namespace braid::worker
