#include "trainer/eval/routing/tally.h"

#include "base/status.h"

namespace braid::trainer {
namespace {

double PerCent(int64_t part, int64_t whole) {
  return whole == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

void RoutingTally::Add(int64_t choice, int64_t correct) {
  BRAID_CHECK(choice >= 0 && choice < static_cast<int64_t>(counts_.size()));
  ++counts_[static_cast<size_t>(choice)];
  ++decisions_;
  if (correct < 0) return;
  ++judged_;
  right_ += choice == correct;
}

void RoutingTally::Add(const RoutingTally& other) {
  BRAID_CHECK(other.counts_.size() == counts_.size());
  for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  decisions_ += other.decisions_;
  judged_ += other.judged_;
  right_ += other.right_;
}

std::vector<double> RoutingTally::Shares() const {
  std::vector<double> shares;
  for (const int64_t count : counts_) shares.push_back(PerCent(count, decisions_));
  return shares;
}

double RoutingTally::Correct() const {
  return PerCent(right_, judged_);
}

Json ToJson(const RoutingTally& tally) {
  Json json = {{"shares", tally.Shares()}, {"decisions", tally.decisions()}};
  if (tally.knows_correct()) json["correct"] = tally.Correct();
  return json;
}

}  // namespace braid::trainer
