#include "scheduler/halving.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>

namespace braid::scheduler {
namespace {

using testing::ElementsAre;

std::vector<int64_t> Order(const std::vector<TrialScore>& trials) {
  std::vector<int64_t> order;
  for (const TrialScore& score : Ranked(trials)) order.push_back(score.trial);
  return order;
}

TEST(HalvingTest, TheLowestLossIsTheBestAndAFailureTheWorst) {
  const std::vector<TrialScore> trials = {{0, 3.0}, {1, std::nullopt}, {2, 2.5}, {3, 2.75}};
  EXPECT_THAT(Order(trials), ElementsAre(2, 3, 0, 1));
  EXPECT_EQ(CountGoingOn(trials, 2), 2);
  EXPECT_EQ(CountGoingOn(trials, 4), 3) << "a trial without a loss never goes on";
}

TEST(HalvingTest, OfEqualLossesTheFirstOfTheRecipeIsBetter) {
  EXPECT_THAT(Order({{3, 2.0}, {1, 2.0}, {2, 2.0}}), ElementsAre(1, 2, 3));
  EXPECT_THAT(Order({{2, std::nullopt}, {0, std::nullopt}}), ElementsAre(0, 2));
}

// Losses of few values, so that many are equal; a fifth of the trials has none.
std::vector<TrialScore> AnyTrials() {
  const auto losses = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 5));
  std::vector<TrialScore> trials;
  for (const int loss : losses) {
    trials.push_back({static_cast<int64_t>(trials.size()),
                      loss == 0 ? std::nullopt : std::optional(loss / 2.0)});
  }
  return trials;
}

RC_GTEST_PROP(HalvingPropertyTest, NobodyWhoStaysIsBetterThanOneWhoGoesOn, ()) {
  const std::vector<TrialScore> trials = AnyTrials();
  const auto keep = *rc::gen::inRange<int64_t>(0, 12);
  const std::vector<TrialScore> ranked = Ranked(trials);
  const auto going_on = static_cast<size_t>(CountGoingOn(trials, keep));
  RC_ASSERT(going_on <= static_cast<size_t>(keep));
  std::set<int64_t> seen;
  for (const TrialScore& score : ranked) RC_ASSERT(seen.insert(score.trial).second);
  RC_ASSERT(seen.size() == trials.size());
  for (size_t i = 0; i < going_on; ++i) {
    RC_ASSERT(ranked[i].loss.has_value());
    for (size_t j = going_on; j < ranked.size(); ++j)
      RC_ASSERT(!ranked[j].loss || *ranked[i].loss <= *ranked[j].loss);
  }
  // Fewer go on only for want of trials with a loss.
  if (going_on < static_cast<size_t>(keep))
    for (size_t j = going_on; j < ranked.size(); ++j) RC_ASSERT(!ranked[j].loss.has_value());
}

// In which order trials ended, and so whether the coordinator was restarted meanwhile, is nothing
// that the decision depends on.
RC_GTEST_PROP(HalvingPropertyTest, TheOrderInWhichTrialsEndDoesNotMatter, ()) {
  std::vector<TrialScore> trials = AnyTrials();
  const std::vector<int64_t> order = Order(trials);
  std::reverse(trials.begin(), trials.end());
  RC_ASSERT(Order(trials) == order);
  if (!trials.empty())
    std::rotate(trials.begin(), trials.begin() + *rc::gen::inRange<long>(0, (long)trials.size()),
                trials.end());
  RC_ASSERT(Order(trials) == order);
}

}  // namespace
}  // namespace braid::scheduler
