#include "trainer/loop/data_loader.h"

#include <gmock/gmock.h>

#include "tests/trainer/small_world.h"
#include "tests/word.h"

namespace braid::trainer {
namespace {

struct Source {
  SmallWorld world;
  TrainSettings settings;
  std::unique_ptr<corpus::Dataset> dataset;
  StepPlan plan;

  explicit Source(const std::string& accum_tail = "flush",
                  const std::string& last_label = "ignore") {
    const task::Task task = world.TrainTask("t", world.Dense("m"));
    settings = ReadTrainSettings(task.spec).value();
    settings.steps = 0;
    settings.accum_tail = Word(accum_tail);
    settings.last_label = Word(last_label);
    dataset = corpus::Dataset::Open(settings.data, {world.at("data.tales"), world.at("data.sums")},
                                    world.at("epochs"))
                  .value();
    plan = PlanSteps(settings, dataset->OpenEpoch(0).value()->sequences()).value();
  }

  std::vector<MicroBatch> All(int64_t first_step, int64_t rank, int64_t ranks) const {
    DataLoader loader(settings, *dataset, plan, first_step, rank, ranks);
    std::vector<MicroBatch> batches;
    for (int64_t step = first_step; step < plan.total; ++step) {
      for (size_t m = plan.At(settings, step).micro_batches.size(); m > 0; --m)
        batches.push_back(loader.Next().value());
    }
    return batches;
  }
};

TEST(DataLoaderTest, GivesTheEpochsInOrder) {
  const Source source;
  const std::vector<MicroBatch> batches = source.All(0, 0, 1);
  const int64_t T = SmallWorld::kSequence;
  size_t next = 0;
  for (int64_t e = 0; e < source.settings.epochs; ++e) {
    const auto epoch = source.dataset->OpenEpoch(e).value();
    const int64_t micro = epoch->sequences() / source.settings.batch;
    for (int64_t m = 0; m < micro; ++m, ++next) {
      for (int64_t i = 0; i < source.settings.batch; ++i) {
        std::vector<int32_t> ids(static_cast<size_t>(T));
        epoch->Read(m * source.settings.batch + i, ids.data());
        const auto begin = batches.at(next).ids.begin() + i * T;
        EXPECT_EQ(ids, std::vector<int32_t>(begin, begin + T)) << e << " " << m << " " << i;
        EXPECT_EQ(batches[next].sources.at(static_cast<size_t>(i)),
                  epoch->SourceOf(m * source.settings.batch + i));
      }
    }
  }
  EXPECT_EQ(next, batches.size());
}

TEST(DataLoaderTest, RanksShareEveryMicroBatch) {
  const Source source;
  const auto whole = source.All(0, 0, 1), first = source.All(0, 0, 2), second = source.All(0, 1, 2);
  ASSERT_EQ(whole.size(), first.size());
  for (size_t m = 0; m < whole.size(); ++m) {
    std::vector<int32_t> joined = first[m].ids;
    joined.insert(joined.end(), second[m].ids.begin(), second[m].ids.end());
    EXPECT_EQ(whole[m].ids, joined);
    std::vector<size_t> sources = first[m].sources;
    sources.insert(sources.end(), second[m].sources.begin(), second[m].sources.end());
    EXPECT_EQ(whole[m].sources, sources);
    EXPECT_EQ(whole[m].targets, second[m].targets);
    EXPECT_EQ(whole[m].number, second[m].number);
    EXPECT_EQ(second[m].first_row, source.settings.batch / 2);
  }
}

TEST(DataLoaderTest, CarriedMicroBatchesComeFirstInTheNextEpoch) {
  Source source("carry");
  source.settings.accumulate = 8;
  source.plan =
      PlanSteps(source.settings, source.dataset->OpenEpoch(0).value()->sequences()).value();
  const int64_t left = source.plan.micro_batches_per_epoch % 8;
  ASSERT_GT(left, 0);
  const auto whole = source.All(0, 0, 1);
  for (size_t m = 0; m < whole.size(); ++m)
    EXPECT_EQ(whole[m].number, static_cast<int64_t>(m));  // none is skipped
  EXPECT_EQ(static_cast<int64_t>(whole.size()),
            source.settings.epochs * source.plan.micro_batches_per_epoch - left);
  // From the border of the epochs on: what was left of the first comes before the second.
  const auto rest = source.All(source.plan.per_epoch, 0, 1);
  EXPECT_EQ(rest.front().number, source.plan.micro_batches_per_epoch - left);
  ASSERT_LT(rest.size(), whole.size());
  for (size_t m = 0; m < rest.size(); ++m)
    EXPECT_EQ(rest[m].ids, whole[whole.size() - rest.size() + m].ids);
}

TEST(DataLoaderTest, CopyInputHasATargetMoreForEachSequence) {
  const auto with = Source("drop", "copy_input").All(0, 0, 1),
             without = Source("drop").All(0, 0, 1);
  const auto T = static_cast<size_t>(SmallWorld::kSequence);
  EXPECT_EQ(with[0].targets, without[0].targets + 4);
  EXPECT_EQ(with[0].labels[T - 1], with[0].ids[T - 1]);
  EXPECT_EQ(without[0].labels[T - 1], kIgnore);
}

TEST(DataLoaderTest, BeginsAtAnyStep) {
  const Source source;
  const auto whole = source.All(0, 0, 1);
  const int64_t first = source.plan.per_epoch + 1;  // within the second epoch
  const auto rest = source.All(first, 0, 1);
  ASSERT_GT(rest.size(), 2u);
  for (size_t m = 0; m < rest.size(); ++m)
    EXPECT_EQ(rest[m].ids, whole[whole.size() - rest.size() + m].ids);
}

TEST(DataLoaderTest, EndsWithBatchesThatNobodyTook) {
  const Source source;
  DataLoader loader(source.settings, *source.dataset, source.plan, 0, 0, 1);
  EXPECT_TRUE(loader.Next().ok());
}

}  // namespace
}  // namespace braid::trainer
