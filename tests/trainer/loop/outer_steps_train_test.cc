// Gangs whose ranks train by themselves and agree by outer steps (`sync: diloco`).
#include <array>
#include <cmath>

#include "tests/trainer/loop/train_fixture.h"

namespace braid::trainer {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Not;

// Every look takes ten seconds, so that ranks vote behind each micro-batch.
class HurriedClock final : public Clock {
 public:
  int64_t WallMs() const override { return now_ms_; }
  int64_t MonotonicMs() const override { return now_ms_ += 10'000; }

 private:
  mutable int64_t now_ms_ = 0;
};

class OuterStepsTest : public TrainTest {
 protected:
  using Change = std::function<void(task::Task&)>;

  static Json Sync(int64_t every, double lr = 0.7, double momentum = 0.9) {
    return {{"method", "diloco"},
            {"every", every},
            {"exchange", "fp32"},
            {"outer", {{"lr", lr}, {"momentum", momentum}}}};
  }
  // What a gang did: the status and the channel of each rank, and the task of rank 0.
  struct Gang {
    std::vector<Status> statuses;
    std::vector<std::unique_ptr<RecordingChannel>> channels;
    task::Task task;

    bool ok() const {
      return std::all_of(statuses.begin(), statuses.end(),
                         [](const Status& status) { return status.ok(); });
    }
  };
  // 12 steps in rounds of 5, 5 and 2, unless `change` says otherwise. Rank `asked` is asked to stop
  // at step `stop_at` (0: never), and the others are not.
  Gang TrainGang(const std::string& name, const Change& change, int64_t world = 2,
                 int64_t stop_at = 0, int64_t asked = 0) {
    Gang gang;
    gang.statuses.resize(static_cast<size_t>(world));
    std::vector<task::Task> tasks;
    for (int64_t rank = 0; rank < world; ++rank) {
      task::Task task = NewTask(name + std::to_string(rank));
      task.spec["train"]["sync"] = Sync(5);
      task.rank = rank;
      task.world = world;
      change(task);
      tasks.push_back(task);
      gang.channels.push_back(std::make_unique<RecordingChannel>(world_.at(name)));
      if (rank == asked) gang.channels.back()->stop_at = stop_at;
    }
    std::vector<std::thread> ranks;
    for (size_t rank = 0; rank < tasks.size(); ++rank) {
      ranks.emplace_back([&, rank] {
        gang.statuses[rank] = RunTrainJob(tasks[rank], *gang.channels[rank], HurriedClock());
      });
    }
    for (std::thread& rank : ranks) rank.join();
    gang.task = tasks[0];
    return gang;
  }
  static void Same(task::Task&) {}

  // The tensors of a file, by name.
  static std::map<std::string, std::vector<float>> Tensors(const std::string& path) {
    const auto file = storage::SafetensorsFile::Open(path).value();
    std::map<std::string, std::vector<float>> tensors;
    for (const storage::TensorEntry& entry : file.tensors()) {
      int64_t count = 1;
      for (const int64_t extent : entry.shape) count *= extent;
      const float* data = file.Floats(entry.name, entry.shape).value();
      tensors[entry.name].assign(data, data + count);
    }
    return tensors;
  }
  static std::vector<float> Flat(const std::string& folder) {
    std::vector<float> all;
    for (const auto& [name, values] : Tensors(folder + "/model.safetensors"))
      all.insert(all.end(), values.begin(), values.end());
    return all;
  }
  static std::string Model(const Gang& gang) { return JoinPath(gang.task.output, "model"); }
  // The largest difference between two models, and between a model and another as a share of that.
  static double Distance(const std::vector<float>& a, const std::vector<float>& b) {
    double most = 0;
    for (size_t i = 0; i < a.size(); ++i)
      most = std::max(most, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
    return most;
  }
  std::vector<float> InitialWeights() {
    const auto network = Network::Create(world_.Dense("m"), "cpu").value();
    network->Initialize(5);
    return Flat(world_.WriteModel("initial", *network));
  }
  // A corpus whose sequences are all alike, so that every row of a batch is.
  void UseEqualRows() {
    for (const char* name : {"tales", "sums"}) {
      const std::string folder = world_.at(std::string("data.") + name);
      ASSERT_TRUE(RemoveTree(folder).ok());
      int64_t tokens = 0;
      for (const char* set : {"/train", "/validation"}) {
        const auto writer =
            corpus::ShardWriter::Create(folder + set, world_.tokenizer().vocab()).value();
        std::vector<int32_t> ids(SmallWorld::kSequence * 40);
        for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int32_t>(1 + i % 8);
        ASSERT_TRUE(writer->Append(ids).ok());
        tokens = writer->tokens();
        ASSERT_TRUE(writer->Finish().ok());
      }
      ASSERT_TRUE(
          WriteJsonFile(folder + "/shards.json", {{"corpus", name},
                                                  {"tokenizer", world_.tokenizer().digest()},
                                                  {"dtype", "uint16"},
                                                  {"vocab", world_.tokenizer().vocab()},
                                                  {"tokens", tokens},
                                                  {"validation_tokens", tokens}})
              .ok());
    }
  }
};

// The mean of equal changes is each of them, so that a gang of two does what one rank alone does.
TEST_F(OuterStepsTest, RanksWithEqualTextHaveTheBitsOfOne) {
  UseEqualRows();
  const Change short_one = [](task::Task& task) {
    // As many rows on each rank, and as many steps of them.
    task.spec["train"]["batch"] = 2 * task.world;
  };
  const Gang two = TrainGang("two", short_one, 2), one = TrainGang("one", short_one, 1);
  ASSERT_TRUE(two.ok() && one.ok());
  EXPECT_EQ(Flat(Model(two)), Flat(Model(one)));
  EXPECT_EQ(Tensors(Model(two) + "/optimizer.safetensors"),
            Tensors(Model(one) + "/optimizer.safetensors"));
  EXPECT_NE(Flat(Model(one)), InitialWeights());
}

// With a large epsilon AdamW's update is linear in the gradient, and without a clip nothing else
// depends on the size of a rank's own gradient: then the mean of the ranks' updates is the update
// of the mean, and plain averaging behind each step is data parallelism.
TEST_F(OuterStepsTest, PlainAveragingBehindEachStepIsDataParallelWhereTheUpdateIsLinear) {
  const auto distance_with = [&](double eps, double lr) {
    const std::string suffix = std::to_string(eps);
    const Change linear = [&](task::Task& task) {
      task.spec["train"]["optimizer"] = {{"lr", lr}, {"eps", eps}, {"weight_decay", 0.03 / lr}};
      task.spec["train"]["clip"] = 0;
      task.spec["train"]["sync"] = Sync(1, 1, 0);
    };
    const Gang averaged = TrainGang("averaged" + suffix, linear);
    const Gang parallel = TrainGang("parallel" + suffix, [&](task::Task& task) {
      linear(task);
      task.spec["train"].erase("sync");
    });
    EXPECT_TRUE(averaged.ok() && parallel.ok());
    const std::vector<float> there = Flat(Model(parallel));
    return Distance(Flat(Model(averaged)), there) / Distance(there, InitialWeights());
  };
  // m / (sqrt(v) + eps) is m / eps but for a part sqrt(v) / eps of it, below 1e-6 here. The rest is
  // rounding, of 12 steps of weights that are below 4 and move by about 0.1.
  EXPECT_LT(distance_with(1e6, 3e4), 1e-4);
  // A usual epsilon shows that this is no matter of course.
  EXPECT_GT(distance_with(1e-8, 3e-3), 1e-2);
}

// Both begin their first round with the same weights, and so do the same in it.
TEST_F(OuterStepsTest, TheFirstOuterStepIsThatOfNesterov) {
  const Gang averaging = TrainGang(
      "averaging", [](task::Task& task) { task.spec["train"]["sync"] = Sync(5, 1, 0); });
  const Gang nesterov = TrainGang("nesterov", Same);
  ASSERT_TRUE(averaging.ok() && nesterov.ok());
  const auto begin = InitialWeights(), mean = Flat(averaging.channels[0]->checkpoints().at(5)),
             outer = Flat(nesterov.channels[0]->checkpoints().at(5));
  for (size_t i = 0; i < begin.size(); ++i) {
    const double change = static_cast<double>(begin[i]) - mean[i];
    ASSERT_NEAR(outer[i], begin[i] - 0.7 * (1 + 0.9) * change, 1e-6) << i;
  }
}

TEST_F(OuterStepsTest, MetricsAreMeansOverTheRanksOfEachStep) {
  const Gang outer = TrainGang("outer", Same);
  const Gang parallel = TrainGang("parallel",
                                  [](task::Task& task) { task.spec["train"].erase("sync"); });
  ASSERT_TRUE(outer.ok() && parallel.ok());
  const std::map<int64_t, Json>& metrics = outer.channels[0]->metrics;
  ASSERT_EQ(metrics.size(), 12u);
  EXPECT_TRUE(outer.channels[1]->metrics.empty());
  EXPECT_EQ(outer.channels[1]->progress, 12) << "every rank says how far it is";
  // Before the first update all have the same weights and the same text.
  const Json &first = metrics.at(1), &theirs = parallel.channels[0]->metrics.at(1);
  for (const char* name : {"loss", "loss_ignore_last", "tokens", "epoch", "lr"})
    EXPECT_EQ(first[name], theirs[name]) << name;
  // The norm is the mean of those of the ranks, each over half of the rows.
  EXPECT_GT(first["gradient_norm"], theirs["gradient_norm"]);
  for (const auto& [step, values] : parallel.channels[0]->metrics)
    EXPECT_EQ(metrics.at(step)["tokens"], values["tokens"]) << step;
  // Validation is due behind steps 5, 10 and 12, each the end of a round; the one of step 4, were
  // it due, would come with it.
  for (const auto& [step, values] : metrics)
    EXPECT_EQ(values.contains("validation/all"), step % 5 == 0 || step == 12) << step;
  EXPECT_LT(metrics.at(12)["loss"], metrics.at(1)["loss"]);
  const Json state = ReadJsonFile(Model(outer) + "/state.json").value();
  EXPECT_EQ(state["step"], 12);
  EXPECT_FALSE(state.contains("outer")) << "of a whole training only rank 0's state is kept";
  EXPECT_EQ(outer.channels[0]->metrics.at(12)["validation/all"],
            outer.channels[0]->result["final"]["validation/all"]);
}

TEST_F(OuterStepsTest, WhatIsDueWithinARoundComesAtItsEnd) {
  const Gang gang = TrainGang("gang", [](task::Task& task) {
    task.spec["train"]["validate"]["steps"] = 4;
    task.spec["train"]["checkpoint"]["steps"] = 8;
  });
  ASSERT_TRUE(gang.ok());
  for (const auto& [step, values] : gang.channels[0]->metrics)
    EXPECT_EQ(values.contains("validation/all"), step % 5 == 0 || step == 12) << step;
  EXPECT_THAT(gang.channels[0]->checkpoints(), AllOf(Contains(Key(10)), Not(Contains(Key(5)))));
}

TEST_F(OuterStepsTest, StoppedAnywhereAndResumedHasTheBitsOfAnUndisturbedRun) {
  const Gang whole = TrainGang("whole", Same);
  ASSERT_TRUE(whole.ok());
  // At the end of a round, within the first one and within a later one; any rank may be asked.
  for (const auto& [step, asked] :
       std::vector<std::pair<int64_t, int64_t>>{{5, 1}, {3, 1}, {8, 0}}) {
    const std::string name = std::to_string(step);
    const Gang stopped = TrainGang("stopped" + name, Same, 2, step, asked);
    for (const Status& status : stopped.statuses) {
      EXPECT_EQ(status.code(), StatusCode::kCancelled) << status.ToString();
      EXPECT_THAT(status.message(), HasSubstr("with a checkpoint"));
    }
    const auto [newest, folder] = *stopped.channels[0]->checkpoints().rbegin();
    EXPECT_GE(newest, step);
    EXPECT_LE(newest, step + 1);
    const Json state = ReadJsonFile(folder + "/state.json").value();
    EXPECT_EQ(state["outer"]["ranks"], 2);
    EXPECT_EQ(state["outer"]["step"], newest / 5 * 5);
    // Within a round the ranks have weights of their own, and the model is that of the last outer
    // step.
    EXPECT_EQ(PathExists(folder + "/rank-0.safetensors"), newest % 5 != 0);
    EXPECT_EQ(Tensors(folder + "/rank-1.safetensors").contains("p.head.weight"), newest % 5 != 0);
    EXPECT_EQ(Flat(folder) == InitialWeights(), newest < 5);
    const Gang resumed = TrainGang("resumed" + name,
                                   [&, at = folder](task::Task& task) { task.resume = at; });
    ASSERT_TRUE(resumed.ok()) << resumed.statuses[0].ToString();
    EXPECT_EQ(resumed.channels[0]->metrics.begin()->first, newest + 1);
    EXPECT_EQ(Bits(resumed.task), Bits(whole.task)) << step;
  }
}

// A gang that is killed goes on from the last outer step behind which there was a checkpoint.
TEST_F(OuterStepsTest, KilledAndResumedHasTheBitsOfAnUndisturbedRun) {
  for (const int64_t world : {2, 3}) {
    const Change three = [&](task::Task& task) {
      task.spec["train"]["batch"] = 6;
      task.spec["train"]["optimizer"]["kind"] = "muon";
    };
    const std::string name = std::to_string(world);
    const Gang whole = TrainGang("whole" + name, three, world);
    ASSERT_TRUE(whole.ok());
    const Gang resumed = TrainGang(
        "resumed" + name,
        [&](task::Task& task) {
          three(task);
          task.resume = whole.channels[0]->checkpoints().at(5);
        },
        world);
    ASSERT_TRUE(resumed.ok()) << resumed.statuses[0].ToString();
    EXPECT_EQ(resumed.channels[0]->metrics.begin()->first, 6);
    EXPECT_EQ(Bits(resumed.task), Bits(whole.task));
  }
}

TEST_F(OuterStepsTest, PartsHaveTheBitsOfTheWhole) {
  const Gang whole = TrainGang("whole", Same);
  // A half would be step 6; the ranks agree behind step 5.
  const Gang first = TrainGang("first", [](task::Task& task) { task.spec["until"] = 0.5; });
  ASSERT_TRUE(whole.ok() && first.ok());
  const Json state = ReadJsonFile(Model(first) + "/state.json").value();
  EXPECT_EQ(state["step"], 5);
  EXPECT_TRUE(first.channels[0]->metrics.at(5).contains("validation/all"));
  const Gang second = TrainGang("second",
                                [&](task::Task& task) { task.inputs["rung"] = Model(first); });
  ASSERT_TRUE(second.ok()) << second.statuses[0].ToString();
  EXPECT_EQ(Bits(second.task), Bits(whole.task));
}

// A round that is longer than the training: the first part is all of it, and the next one has
// nothing left to do.
TEST_F(OuterStepsTest, APartAsLongAsTheWholeCanBeGoneOnFrom) {
  const Change long_round = [](task::Task& task) { task.spec["train"]["sync"] = Sync(20); };
  const Gang whole = TrainGang("whole", long_round);
  const Gang first = TrainGang("first", [&](task::Task& task) {
    long_round(task);
    task.spec["until"] = 0.5;
  });
  ASSERT_TRUE(whole.ok() && first.ok());
  const Gang second = TrainGang("second", [&](task::Task& task) {
    long_round(task);
    task.inputs["rung"] = Model(first);
  });
  ASSERT_TRUE(second.ok()) << second.statuses[0].ToString();
  EXPECT_EQ(Bits(second.task), Bits(whole.task));
}

// Half of the bytes, and what the ranks changed to within a part in 256.
TEST_F(OuterStepsTest, Bf16RoundsWhatIsExchanged) {
  const auto averaging = [](const char* exchange) {
    return [exchange](task::Task& task) {
      task.spec["train"]["sync"] = Sync(5, 1, 0);
      task.spec["train"]["sync"]["exchange"] = exchange;
    };
  };
  const Gang fp32 = TrainGang("fp32", averaging("fp32")),
             bf16 = TrainGang("bf16", averaging("bf16"));
  ASSERT_TRUE(fp32.ok() && bf16.ok());
  const auto begin = InitialWeights(), exact = Flat(fp32.channels[0]->checkpoints().at(5)),
             rounded = Flat(bf16.channels[0]->checkpoints().at(5));
  EXPECT_NE(exact, rounded);
  double most = 0;
  for (size_t i = 0; i < begin.size(); ++i) {
    // Each of the two changes is rounded, and their sum. They may cancel one another, but no weight
    // moves by more than the rates of five steps together.
    most = std::max(most, std::abs(static_cast<double>(exact[i]) - rounded[i]));
  }
  EXPECT_LT(most, 5 * 3e-3 * 1.5 * 2 / 256);
  EXPECT_NEAR(fp32.channels[0]->metrics.at(12)["loss"].get<double>(),
              bf16.channels[0]->metrics.at(12)["loss"].get<double>(), 0.01);
}

TEST_F(OuterStepsTest, AnotherNumberOfRanksIsRefused) {
  const Gang whole = TrainGang("whole", Same);
  ASSERT_TRUE(whole.ok());
  const std::string checkpoint = whole.channels[0]->checkpoints().at(5);
  const auto resume = [&](task::Task& task) { task.resume = checkpoint; };
  const Gang one = TrainGang("one", resume, 1);
  EXPECT_EQ(one.statuses[0].message(),
            checkpoint +
                " is a checkpoint of 2 ranks, each of which has an optimizer's state of "
                "its own (train.sync: diloco), and this training has 1; give it 2 ranks, "
                "or begin a new training with its weights");
  ASSERT_TRUE(RemoveFile(checkpoint + "/rank-1.safetensors").ok());
  const Gang damaged = TrainGang(
      "damaged",
      [&](task::Task& task) {
        resume(task);
        task.rank = 1;
        task.world = 2;
      },
      1);
  EXPECT_THAT(damaged.statuses[0].message(), HasSubstr("rank-1.safetensors"));
}

// One rank's loss is enough, and both say it, in the same words.
TEST_F(OuterStepsTest, ARankThatDivergesEndsAllOfThem) {
  const Gang gang = TrainGang("gang", [](task::Task& task) {
    task.spec["train"]["optimizer"]["lr"] = 1e30;
    task.spec["train"]["warmup_steps"] = 0;
  });
  for (const Status& status : gang.statuses) {
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(),
                AllOf(HasSubstr("the loss of step "), HasSubstr("the training has diverged and "
                                                                "stops. Last good checkpoint: "
                                                                "none")));
  }
  EXPECT_EQ(gang.statuses[0].message(), gang.statuses[1].message());
}

TEST_F(OuterStepsTest, WhatDoesNotFitIsRefused) {
  task::Task task = NewTask("averaged");
  task.spec["train"]["sync"] = Sync(5);
  task.spec["train"]["average"] = {{"last", 2}};
  EXPECT_THAT(Error(task), HasSubstr("spec.train.sync: average takes the weights behind single "
                                     "steps, and with sync: diloco the ranks have the same "
                                     "weights only behind outer steps"));
  task = NewTask("word");
  task.spec["train"]["sync"] = "dilco";
  EXPECT_THAT(Error(task), HasSubstr("did you mean diloco?"));
  task = NewTask("gradients");
  task.spec["train"]["sync"] = {{"method", "gradients"}, {"every", 3}};
  EXPECT_THAT(Error(task), HasSubstr("spec.train.sync.every: is of method diloco; here it is "
                                     "gradients"));
  const Gang whole = TrainGang("whole", Same);
  ASSERT_TRUE(whole.ok());
  task = NewTask("longer");
  task.spec["train"]["steps"] = 20;
  task.inputs["continue"] = Model(whole);
  EXPECT_THAT(Error(task), HasSubstr("a training with outer steps (train.sync: diloco) does not go "
                                     "on, as each of its ranks has an optimizer's state of its "
                                     "own, which no model keeps; begin a new training with its "
                                     "weights (start)"));
}

// `method: gradients` is what there is without `sync`.
TEST_F(OuterStepsTest, GradientsAreWhatThereIsWithoutIt) {
  const Gang without = TrainGang("without",
                                 [](task::Task& task) { task.spec["train"].erase("sync"); });
  const Gang with = TrainGang("with",
                              [](task::Task& task) { task.spec["train"]["sync"] = "gradients"; });
  ASSERT_TRUE(without.ok() && with.ok());
  EXPECT_EQ(Flat(Model(with)), Flat(Model(without)));
}

}  // namespace
}  // namespace braid::trainer
