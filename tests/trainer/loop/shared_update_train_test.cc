// Gangs of one host, whose ranks have weights and state in common and update a part each, beside
// gangs whose ranks meet over TCP and make the whole update each.
#include "base/text.h"
#include "tests/trainer/loop/train_fixture.h"
#include "trainer/optim/optimizer.h"

namespace braid::trainer {
namespace {

using ::testing::HasSubstr;

class SharedUpdateTrainTest : public TrainTest {
 protected:
  using Change = std::function<void(task::Task*)>;

  // More than two pieces of parameters, so that each rank has a part.
  model::ModelSpec Wide(model::ModelSpec spec) const {
    for (model::Stack& path : spec.paths) path = {path.name, 64, 4, 2, 256};
    if (spec.kind == model::Kind::kComposite) spec.large = {"large", 128, 4, 2, 512};
    if (spec.kind == model::Kind::kDense) spec.dense = {"m", 96, 4, 2, 384};
    return spec;
  }

  // A gang of two that ends well, or is stopped behind step `stop_after`. Returns the task of rank
  // 0; `address` is where ranks meet over TCP, empty: in shared memory.
  task::Task Gang(const std::string& name, const model::ModelSpec& model,
                  const std::string& address, const Change& change, int64_t stop_after = 0) {
    RecordingChannel first(world_.at(name)), second(world_.at(name));
    first.stop_after = second.stop_after = stop_after;
    std::vector<task::Task> tasks;
    for (int64_t rank = 0; rank < 2; ++rank) {
      task::Task task = world_.TrainTask(name + std::to_string(rank), model);
      task.rank = rank;
      task.world = 2;
      task.address = address;
      change(&task);
      tasks.push_back(task);
    }
    const auto run = [&](size_t rank, RecordingChannel* channel) {
      const Status status = RunTrainJob(tasks[rank], *channel);
      EXPECT_EQ(status.code(), stop_after > 0 ? StatusCode::kCancelled : StatusCode::kOk)
          << status.ToString();
    };
    std::thread other([&] { run(1, &second); });
    run(0, &first);
    other.join();
    const auto checkpoints = first.checkpoints();
    if (stop_after > 0 && !checkpoints.empty()) newest_ = checkpoints.rbegin()->second;
    return tasks[0];
  }

  std::string newest_;  // checkpoint of the last gang that was stopped
};

// Each update clips, so that the norm, which the ranks add up, is in all weights.
void Clip(task::Task* task) {
  task->spec["train"]["clip"] = 0.1;
}

TEST_F(SharedUpdateTrainTest, HasTheBitsOfWholeUpdates) {
  const Change kinds[] = {Clip,
                          [](task::Task* task) {
                            Clip(task);
                            task->spec["train"]["optimizer"]["kind"] = "muon";
                          },
                          [](task::Task* task) {
                            Clip(task);
                            task->spec["train"]["average"] = {{"last", 3}, {"every", 1}};
                          }};
  for (size_t i = 0; i < std::size(kinds); ++i) {
    const std::string name = std::to_string(i);
    const model::ModelSpec model = Wide(world_.Dense("m"));
    EXPECT_EQ(Bits(Gang("shared" + name, model, "", kinds[i])),
              Bits(Gang("tcp" + name, model, "127.0.0.1", kinds[i])))
        << i;
  }
}

TEST_F(SharedUpdateTrainTest, EachRankSaysItsPart) {
  testing::internal::CaptureStderr();
  Gang("shared", Wide(world_.Dense("m")), "", Clip);
  const std::string said = testing::internal::GetCapturedStderr();
  const int64_t size = MakeLayout(Wide(world_.Dense("m"))).size;
  ASSERT_GT(size, 2 * 65'536);
  const int64_t bound = PartOfRank(0, 2, size).end;
  EXPECT_THAT(said,
              HasSubstr(Format("rank 0 updates elements 0 to %lld of the weights, which ranks "
                               "of this host have in common",
                               (long long)bound)));
  EXPECT_THAT(said, HasSubstr(Format("rank 1 updates elements %lld to %lld of the weights",
                                     (long long)bound, (long long)size)));
}

TEST_F(SharedUpdateTrainTest, FrozenPathsKeepTheirBits) {
  const Change frozen = [](task::Task* task) {
    Clip(task);
    task->spec["train"]["freeze_paths"] = 7;
  };
  const model::ModelSpec model = Wide(world_.Composite());
  EXPECT_EQ(Bits(Gang("shared", model, "", frozen)), Bits(Gang("tcp", model, "127.0.0.1", frozen)));
}

TEST_F(SharedUpdateTrainTest, StoppedAndResumedHasTheBitsOfAnUndisturbedGang) {
  const model::ModelSpec model = Wide(world_.Dense("m"));
  const std::vector<std::string> whole = Bits(Gang("whole", model, "", Clip));
  Gang("stopped", model, "", Clip, /*stop_after=*/6);
  ASSERT_FALSE(newest_.empty());
  const task::Task resumed = Gang("resumed", model, "", [&](task::Task* task) {
    Clip(task);
    task->resume = newest_;
  });
  EXPECT_EQ(Bits(resumed), whole);
}

TEST_F(SharedUpdateTrainTest, OneThatIsTaughtHasTheBitsOfWholeUpdatesAndGoesOn) {
  const auto teacher = Network::Create(world_.Dense("teacher"), "cpu").value();
  teacher->Initialize(3);
  const std::string folder = world_.WriteModel("teacher", *teacher);
  const Change taught = [&](task::Task* task) {
    Clip(task);
    task->inputs["parent.teacher"] = folder;
    task->spec["train"]["teachers"] = {{"weight", 2}, {"until", 0.75}};
    task->spec["lessons"] = Json::array(
        {Json{{"teacher", "parent.teacher"}, {"data", "data.sums"}}});
  };
  const model::ModelSpec model = Wide(world_.Composite());
  const std::vector<std::string> whole = Bits(Gang("whole", model, "", taught));
  EXPECT_EQ(Bits(Gang("tcp", model, "127.0.0.1", taught)), whole);
  Gang("stopped", model, "", taught, /*stop_after=*/6);
  ASSERT_FALSE(newest_.empty());
  const task::Task resumed = Gang("resumed", model, "", [&](task::Task* task) {
    taught(task);
    task->resume = newest_;
  });
  EXPECT_EQ(Bits(resumed), whole);
}

TEST(PartOfRankTest, PartsAreWholePiecesWithoutGaps) {
  for (const int64_t size : {int64_t{1}, int64_t{65'536}, int64_t{1'000'000}}) {
    for (const int64_t world : {2, 3, 8}) {
      int64_t end = 0;
      for (int64_t rank = 0; rank < world; ++rank) {
        const UpdatePart part = PartOfRank(rank, world, size);
        EXPECT_EQ(part.begin, end);
        EXPECT_TRUE(part.begin % 65'536 == 0 || part.begin == size) << part.begin;
        end = part.end;
      }
      EXPECT_EQ(end, size);
    }
  }
  EXPECT_EQ(PartOfRank(1, 2, 1'000'000).begin, 8 * 65'536);
}

}  // namespace
}  // namespace braid::trainer
