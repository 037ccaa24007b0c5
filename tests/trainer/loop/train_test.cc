#include "trainer/loop/train.h"

#include <gmock/gmock.h>

#include <cmath>
#include <numbers>
#include <thread>

#include "tests/trainer/full_disk.h"
#include "tests/trainer/loop/train_fixture.h"
#include "trainer/loop/settings.h"

namespace braid::trainer {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Key;

TEST_F(TrainTest, LearnsAndReportsEachStep) {
  const task::Task task = NewTask("a");
  RecordingChannel channel(task.work);
  ASSERT_TRUE(RunTrainJob(task, channel).ok());
  ASSERT_EQ(channel.metrics.size(), 12u);
  const double first = channel.metrics.at(1)["loss"].get<double>(),
               last = channel.metrics.at(12)["loss"].get<double>();
  EXPECT_NEAR(first, std::log(271.0), 0.15);
  EXPECT_LT(last, first - 0.05);
  // Validation every five steps and at the end, of each corpus and of both.
  for (int64_t step = 1; step <= 12; ++step) {
    EXPECT_EQ(channel.metrics.at(step).contains("validation/tales"),
              step == 5 || step == 10 || step == 12)
        << step;
  }
  const Json& end = channel.metrics.at(12);
  EXPECT_NEAR(end["validation/all"].get<double>(),
              (end["validation/tales"].get<double>() + end["validation/sums"].get<double>()) / 2,
              1e-9);
  EXPECT_EQ(end["tokens"], 12 * 4 * 2 * 16);
  EXPECT_THAT(channel.outputs, Contains(Key("model")));
  EXPECT_EQ(channel.result["final"], end);
  EXPECT_EQ(channel.result["parameters"], model::ParameterCount(world_.Dense("m")));
}

TEST_F(TrainTest, TheFirstLossIsTheMeanOverTheGlobalBatch) {
  const task::Task task = NewTask("a");
  RecordingChannel channel(task.work);
  ASSERT_TRUE(RunTrainJob(task, channel).ok());
  const TrainSettings settings = ReadTrainSettings(task.spec).value();
  const auto dataset = corpus::Dataset::Open(settings.data,
                                             {world_.at("data.tales"), world_.at("data.sums")},
                                             world_.at("epochs"))
                           .value();
  const auto epoch = dataset->OpenEpoch(0).value();
  const auto network = Network::Create(world_.Dense("m"), "cpu").value();
  network->Initialize(5);
  double sum = 0;
  for (int64_t i = 0; i < 8; ++i) {
    std::vector<int32_t> ids(16);
    epoch->Read(i, ids.data());
    const std::vector<float> logits = network->Logits(ids, false);
    for (size_t t = 0; t + 1 < ids.size(); ++t) {
      double total = 0;
      for (size_t v = 0; v < 271; ++v) total += std::exp(static_cast<double>(logits[t * 271 + v]));
      sum += std::log(total) - logits[t * 271 + static_cast<size_t>(ids[t + 1])];
    }
  }
  EXPECT_NEAR(channel.metrics.at(1)["loss"].get<double>(), sum / (8 * 15), 1e-5);
}

TEST_F(TrainTest, StoppedAndResumedHasTheBitsOfAnUndisturbedRun) {
  const task::Task whole = Whole();
  task::Task first = NewTask("first");
  RecordingChannel channel(first.work);
  channel.stop_after = 6;
  const Status stopped = RunTrainJob(first, channel);
  EXPECT_EQ(stopped.code(), StatusCode::kCancelled);
  EXPECT_THAT(stopped.message(), HasSubstr("stopped after step 6 of 12 with a checkpoint"));

  task::Task second = NewTask("second");
  second.resume = channel.checkpoints().at(6);
  ASSERT_TRUE(Run(second).ok());
  EXPECT_EQ(Bits(second), Bits(whole));

  // From the one written beside the training at step 4, too.
  task::Task third = NewTask("third");
  third.resume = channel.checkpoints().at(4);
  ASSERT_TRUE(Run(third).ok());
  EXPECT_EQ(Bits(third), Bits(whole));
}

// As while the coordinator is away and the worker's disk is full.
TEST_F(TrainTest, AWorkerThatTakesNothingOverNeitherStopsTheTrainingNorLetsItFillTheDisk) {
  const task::Task whole = Whole();
  task::Task alone = NewTask("alone");
  alone.spec["train"]["checkpoint"]["steps"] = 1;
  RecordingChannel channel(alone.work);
  channel.worker = true;
  ASSERT_TRUE(RunTrainJob(alone, channel).ok());
  EXPECT_EQ(Bits(alone).front(), Bits(whole).front()) << "its weights";
  // One if the disk was so slow that the training had ended before the second began.
  const size_t written = channel.checkpoints().size();
  EXPECT_TRUE(written == 1 || written == 2) << written;
  EXPECT_THAT(ListFolder(alone.work + "/checkpoints").value(), ::testing::SizeIs(written));
}

TEST_F(TrainTest, AFullDiskCostsACheckpointIfThereIsAnOlderOne) {
  task::Task first = NewTask("first");
  RecordingChannel channel(first.work);
  channel.stop_after = 4;
  EXPECT_EQ(RunTrainJob(first, channel).code(), StatusCode::kCancelled);
  task::Task second = NewTask("second");
  second.resume = channel.checkpoints().at(4);
  RecordingChannel more(second.work);
  more.stop_after = 10;  // behind the checkpoint of step 8
  Status stopped, failed;
  {
    const FullDisk full(30'000);  // less than the weights
    stopped = RunTrainJob(second, more);
    failed = Run(NewTask("third"));
  }
  EXPECT_THAT(stopped.message(), HasSubstr("stopped after step 10 of 12 without a checkpoint"));
  EXPECT_TRUE(more.checkpoints().empty());
  EXPECT_EQ(failed.reason(), "STORAGE_FULL") << "there is none to resume from";
  EXPECT_THAT(failed.message(), HasSubstr("checkpoint of step 4"));
}

// Ten seconds pass whenever somebody looks: everything takes long.
class SlowClock final : public Clock {
 public:
  int64_t WallMs() const override { return now_ms_; }
  int64_t MonotonicMs() const override { return now_ms_ += 10'000; }

 private:
  mutable int64_t now_ms_ = 0;
};

// A worker does not wait for a step of many micro-batches.
TEST_F(TrainTest, AStopWithinALongStepLeavesItAndKeepsTheOneBefore) {
  const task::Task whole = Whole();
  task::Task first = NewTask("first");
  RecordingChannel channel(first.work);
  channel.stop_after = 6;  // asked for while step 6 is under way
  const Status stopped = RunTrainJob(first, channel, SlowClock());
  EXPECT_EQ(stopped.code(), StatusCode::kCancelled);
  EXPECT_THAT(stopped.message(), HasSubstr("stopped after step 5 of 12 with a checkpoint"));
  EXPECT_EQ(channel.metrics.rbegin()->first, 5);

  // At once again: there is nothing that the checkpoint does not have.
  task::Task again = NewTask("again");
  again.resume = channel.checkpoints().at(5);
  RecordingChannel none(again.work);
  none.stop_after = 1;
  EXPECT_EQ(RunTrainJob(again, none, SlowClock()).code(), StatusCode::kCancelled);
  EXPECT_TRUE(none.checkpoints().empty());

  task::Task second = NewTask("second");
  second.resume = channel.checkpoints().at(5);
  ASSERT_TRUE(Run(second).ok());
  EXPECT_EQ(Bits(second), Bits(whole));

  task::Task begun = NewTask("begun");
  RecordingChannel nothing(begun.work);
  nothing.stop_after = 1;
  EXPECT_THAT(RunTrainJob(begun, nothing, SlowClock()).message(),
              HasSubstr("stopped within the first step of 12: there is nothing to keep yet"));
  EXPECT_TRUE(nothing.checkpoints().empty());
}

// Nor for a validation of much text. Its step is done, and what is known of it is kept.
TEST_F(TrainTest, AStopWithinALongValidationLeavesItToTheResumedRun) {
  const auto task_of = [&](const std::string& name) {
    task::Task task = NewTask(name);
    task.spec["train"]["accumulate"] = 1;  // steps cannot be left in their midst
    return task;
  };
  const task::Task whole = task_of("whole");
  ASSERT_TRUE(Run(whole).ok());
  for (const int64_t step : {5, 12}) {
    task::Task task = task_of("stopped" + std::to_string(step));
    RecordingChannel channel(task.work);
    channel.stop_after = step;
    const Status stopped = RunTrainJob(task, channel, SlowClock());
    EXPECT_EQ(stopped.code(), StatusCode::kCancelled) << stopped.ToString();
    EXPECT_EQ(channel.metrics.rbegin()->first, step - 1);
    const std::string checkpoint = channel.checkpoints().at(step);
    EXPECT_TRUE(ReadJsonFile(checkpoint + "/state.json").value().contains("unfinished"));
    task::Task resumed = task_of("resumed" + std::to_string(step));
    resumed.resume = checkpoint;
    ASSERT_TRUE(Run(resumed).ok());
    EXPECT_EQ(Bits(resumed), Bits(whole)) << step;
  }
}

TEST_F(TrainTest, AGangLeavesALongStepTogether) {
  std::string checkpoint;
  std::vector<std::thread> ranks;
  for (int64_t rank = 0; rank < 2; ++rank) {
    ranks.emplace_back([&, rank] {
      task::Task task = NewTask("gang" + std::to_string(rank));
      task.rank = rank;
      task.world = 2;
      RecordingChannel channel(world_.at("gang"));
      if (rank == 0) channel.stop_after = 7;
      const Status status = RunTrainJob(task, channel, SlowClock());
      EXPECT_EQ(status.code(), StatusCode::kCancelled) << status.ToString();
      EXPECT_THAT(status.message(), HasSubstr("stopped after step 6 of 12"));
      if (rank == 0) checkpoint = channel.checkpoints().rbegin()->second;
    });
  }
  for (std::thread& rank : ranks) rank.join();
  EXPECT_THAT(checkpoint, HasSubstr("step-6"));
}

TEST_F(TrainTest, AStopAfterTheLastStepChangesNothing) {
  const task::Task whole = Whole();
  const task::Task task = NewTask("stopped");
  RecordingChannel channel(task.work);
  channel.stop_after = 12;
  EXPECT_TRUE(RunTrainJob(task, channel).ok());
  EXPECT_EQ(Bits(task), Bits(whole));
}

TEST_F(TrainTest, ResumedAfterTheLastStepStillOwesItsOutputs) {
  const task::Task whole = Whole();
  task::Task again = NewTask("again");
  again.resume = JoinPath(whole.output, "model");
  ASSERT_TRUE(Run(again).ok());
  EXPECT_EQ(Bits(again), Bits(whole));
}

TEST_F(TrainTest, ACheckpointOnRequestGoesOn) {
  const task::Task task = NewTask("a");
  RecordingChannel channel(task.work);
  channel.checkpoint_after = 3;
  ASSERT_TRUE(RunTrainJob(task, channel).ok());
  EXPECT_THAT(channel.checkpoints(), Contains(Key(3)));
}

TEST_F(TrainTest, AResumeUnderOtherThreadsIsWrittenDown) {
  task::Task first = NewTask("first");
  RecordingChannel channel(first.work);
  channel.stop_after = 6;
  (void)RunTrainJob(first, channel);
  task::Task second = NewTask("second");
  second.resume = channel.checkpoints().at(6);
  second.threads = 2;
  testing::internal::CaptureStderr();
  ASSERT_TRUE(Run(second).ok());
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("this run has 1, 2, "));
  const Json state = ReadJsonFile(second.output + "/model/state.json").value();
  EXPECT_EQ(state["threads"], 2);
  EXPECT_EQ(state["before"][0]["until_step"], 6);
  EXPECT_EQ(state["before"][0]["threads"], 1);
}

// Of three: sums of two are the same in any order.
TEST_F(TrainTest, AGangIsStoppedTogetherAndResumesWithItsBits) {
  const auto gang = [&](const std::string& name, const std::string& resume, int64_t stop_after,
                        std::string* checkpoint) {
    std::vector<std::thread> ranks;
    std::vector<task::Task> tasks(3);
    for (int64_t rank = 0; rank < std::ssize(tasks); ++rank) {
      task::Task& task = tasks[static_cast<size_t>(rank)];
      task = NewTask(name + std::to_string(rank));
      task.rank = rank;
      task.world = std::ssize(tasks);
      task.spec["train"]["batch"] = 3;
      task.resume = resume;
      ranks.emplace_back([&, rank] {
        RecordingChannel channel(world_.at(name));
        if (rank == 0) channel.stop_after = stop_after;  // one rank is asked, all stop
        const Status status = RunTrainJob(task, channel);
        EXPECT_EQ(status.code(), stop_after > 0 ? StatusCode::kCancelled : StatusCode::kOk)
            << status.ToString();
        EXPECT_EQ(channel.metrics.empty(), rank != 0);
        if (rank != 0) {
          EXPECT_TRUE(channel.outputs.empty());
          EXPECT_TRUE(channel.checkpoints().empty());
        } else if (checkpoint != nullptr) {
          *checkpoint = channel.checkpoints().rbegin()->second;
        }
      });
    }
    for (std::thread& rank : ranks) rank.join();
    return tasks[0];
  };
  const task::Task whole = gang("whole", "", 0, nullptr);
  std::string checkpoint;
  gang("stopped", "", 7, &checkpoint);
  EXPECT_THAT(checkpoint, HasSubstr("step-7"));
  EXPECT_EQ(Bits(gang("resumed", checkpoint, 0, nullptr)), Bits(whole));
}

TEST_F(TrainTest, AGangSeesTheDataOfOneRankInItsOrder) {
  // Weights hardly move: what two trainings make of a difference in the last bits would depend on
  // the CPU.
  const auto task_of = [&](const std::string& name) {
    task::Task task = NewTask(name);
    task.spec["train"]["optimizer"]["lr"] = 1e-6;
    return task;
  };
  const task::Task one = task_of("one");
  RecordingChannel alone(one.work);
  ASSERT_TRUE(RunTrainJob(one, alone).ok());
  RecordingChannel first(world_.at("two"));
  TrainTwoRanks(task_of, &first);
  ASSERT_EQ(first.metrics.size(), alone.metrics.size());
  for (const auto& [step, values] : alone.metrics) {
    for (const auto& [name, value] : values.items()) {
      // Sums of gradients in another order differ in their last bits; another batch would differ in
      // the second digit.
      const double expected = value.get<double>();
      EXPECT_NEAR(first.metrics.at(step)[name].get<double>(), expected, 2e-5 * std::abs(expected))
          << step << " " << name;
    }
  }
}

// The published procedure, literally: the gradients of the micro-batches that an epoch leaves wait
// in the buffer for the first step of the next (docs/papers/papaformer.md#s7, T6; section 11, check
// 5).
TEST_F(TrainTest, CarryHasTheBitsOfGradientsThatWaitInTheBuffer) {
  task::Task task = NewTask("carry");
  task.spec["train"].update({{"accumulate", 8},
                             {"steps", 0},
                             {"accum_tail", "carry"},
                             {"lr_schedule", "cosine_misstepped"},
                             {"warmup_steps", 0},
                             {"last_label", "copy_input"}});
  ASSERT_TRUE(Run(task).ok());

  const TrainSettings settings = ReadTrainSettings(task.spec).value();
  const auto dataset = corpus::Dataset::Open(settings.data,
                                             {world_.at("data.tales"), world_.at("data.sums")},
                                             world_.at("epochs"))
                           .value();
  const auto network = Network::Create(settings.model, "cpu").value();
  network->Initialize(settings.seed);
  const auto optimizer = MakeOptimizer(*network, settings.optimizer);
  int64_t waiting = 0;
  double rate = settings.schedule.lr;
  for (int64_t e = 0; e < settings.epochs; ++e) {
    const auto epoch = dataset->OpenEpoch(e).value();
    const int64_t micro_batches = epoch->sequences() / 4;
    ASSERT_GT(micro_batches % 8, 0);
    const double start = rate;
    for (int64_t m = 0; m < micro_batches; ++m) {
      std::vector<int32_t> ids(4 * 16), labels(4 * 16);
      for (size_t i = 0; i < 4; ++i) {
        int32_t* row = ids.data() + i * 16;
        epoch->Read(m * 4 + static_cast<int64_t>(i), row);
        std::copy(row + 1, row + 16, labels.data() + i * 16);
        labels[i * 16 + 15] = row[15];
      }
      network->Backward(ids.data(), labels.data(), 4, 16, {.scale = 1.0 / (8 * 4 * 16)});
      waiting = m + 1;
      if (waiting % 8 == 0) {
        optimizer->Step(rate);
        rate = start *
               (1 + std::cos(std::numbers::pi * static_cast<double>(waiting / 8) /
                             static_cast<double>(micro_batches))) /
               2;
      }
    }
  }
  const auto file =
      storage::SafetensorsFile::Open(JoinPath(task.output, "model/model.safetensors")).value();
  for (const Layout::Slot& slot : network->layout().slots) {
    const float* stored = file.Floats(slot.tensor.name, slot.tensor.shape).value();
    for (int64_t i = 0; i < slot.tensor.elements(); ++i) {
      ASSERT_EQ(stored[i], network->parameters()[slot.offset + i]) << slot.tensor.name << " " << i;
    }
  }
}

TEST_F(TrainTest, ACheckpointAtTheBorderOfEpochsLosesNothingThatIsCarried) {
  const auto carrying = [&](const std::string& name) {
    task::Task task = NewTask(name);
    task.spec["train"].update({{"accumulate", 8}, {"steps", 0}, {"accum_tail", "carry"}});
    task.spec["train"]["checkpoint"]["steps"] = 1;
    return task;
  };
  const task::Task whole = carrying("whole");
  RecordingChannel channel(whole.work);
  channel.worker = true;  // nothing is removed
  ASSERT_TRUE(RunTrainJob(whole, channel).ok());
  const int64_t steps = channel.result["steps"].get<int64_t>();
  ASSERT_EQ(steps % 2, 0);
  for (const int64_t step : {steps / 2 - 1, steps / 2, steps / 2 + 1}) {
    task::Task task = carrying("from" + std::to_string(step));
    RecordingChannel stopped(task.work);
    stopped.stop_after = step;
    EXPECT_EQ(RunTrainJob(task, stopped).code(), StatusCode::kCancelled);
    task.resume = stopped.checkpoints().at(step);
    ASSERT_TRUE(Run(task).ok());
    EXPECT_EQ(Bits(task), Bits(whole)) << step;
  }
}

TEST_F(TrainTest, TheLossWithoutLastLabelsIsLoggedInBothModes) {
  task::Task task = NewTask("a");
  RecordingChannel ignore(task.work);
  ASSERT_TRUE(RunTrainJob(task, ignore).ok());
  EXPECT_DOUBLE_EQ(ignore.metrics.at(1)["loss_ignore_last"].get<double>(),
                   ignore.metrics.at(1)["loss"].get<double>());
  EXPECT_FALSE(ignore.metrics.at(12).contains("validation_ignore_last/all"));

  task = NewTask("b");
  task.spec["train"]["last_label"] = "copy_input";
  RecordingChannel copy(task.work);
  ASSERT_TRUE(RunTrainJob(task, copy).ok());
  // The same start and the same first batch: over the same targets it is the same loss.
  EXPECT_NEAR(copy.metrics.at(1)["loss_ignore_last"].get<double>(),
              ignore.metrics.at(1)["loss"].get<double>(), 1e-6);
  EXPECT_GT(std::abs(copy.metrics.at(1)["loss"].get<double>() -
                     ignore.metrics.at(1)["loss"].get<double>()),
            1e-5);
  EXPECT_TRUE(copy.metrics.at(12).contains("validation_ignore_last/all"));
}

TEST_F(TrainTest, BatchMeanWeighsBatchesAlike) {
  task::Task task = NewTask("a");
  task.spec["loss_average"] = "batch_mean";
  RecordingChannel channel(task.work);
  ASSERT_TRUE(RunTrainJob(task, channel).ok());
  // Three sequences of each corpus are one batch of each.
  const Json& end = channel.metrics.at(12);
  EXPECT_DOUBLE_EQ(
      end["validation/all"].get<double>(),
      (end["validation/tales"].get<double>() + end["validation/sums"].get<double>()) / 2);
}

TEST_F(TrainTest, AStartWithNaNStopsAtTheFirstStepWithoutACheckpoint) {
  const auto network = Network::Create(world_.Dense("m"), "cpu").value();
  network->Initialize(5);
  network->parameters()[network->layout().at("norm.weight").offset] = std::nanf("");
  task::Task task = NewTask("a");
  task.inputs["init"] = world_.WriteModel("broken", *network);
  const std::string message = Error(task);
  EXPECT_THAT(message, HasSubstr("the loss of step 1 is nan"));
  EXPECT_THAT(message, HasSubstr("Last good checkpoint: none."));
}

TEST_F(TrainTest, DivergenceNamesTheStepAndTheLastGoodCheckpoint) {
  task::Task task = NewTask("a");
  task.spec["train"]["optimizer"]["lr"] = 1e30;
  task.spec["train"]["warmup_steps"] = 0;
  task.spec["train"]["checkpoint"]["steps"] = 1;
  const std::string message = Error(task);
  EXPECT_THAT(message, HasSubstr("the loss of step 2 is "));
  EXPECT_THAT(message, HasSubstr("Last good checkpoint: step 1."));
}

TEST_F(TrainTest, RefusesWhatDoesNotFitBeforeTheFirstStep) {
  task::Task task = NewTask("a");
  task.inputs.erase("tokenizer");
  EXPECT_THAT(Error(task), HasSubstr("job job (train): input \"tokenizer\" is missing"));

  task = NewTask("b");
  task.inputs.erase("data.sums");
  EXPECT_THAT(Error(task), HasSubstr("input \"data.sums\" is missing"));

  task = NewTask("c");
  task.spec["model"]["vocab"] = 272;
  EXPECT_THAT(Error(task), HasSubstr("spec.model.vocab is 272, the tokenizer has 271"));

  task = NewTask("d");
  task.world = 3;
  EXPECT_THAT(Error(task), HasSubstr("train.batch: 4 sequences cannot be shared by 3 ranks"));

  task = NewTask("e");
  task.spec["train"]["batch"] = 1000;
  EXPECT_THAT(Error(task), HasSubstr("has not one step of batch 1000"));

  // Not at the first validation, which is after all steps here.
  task = NewTask("short");
  task.spec["data"]["sequence"] = 256;
  task.spec["train"].update({{"batch", 1}, {"accumulate", 1}, {"validate", {{"steps", 0}}}});
  RecordingChannel silent(task.work);
  EXPECT_THAT(RunTrainJob(task, silent).message(),
              testing::MatchesRegex("corpus (tales|sums): [0-9]+ tokens set aside are not one "
                                    "sequence of 256; raise validation.documents or give "
                                    "the corpus longer validation files, or lower sequence"));
  EXPECT_TRUE(silent.metrics.empty());

  world_.WriteShards("foreign", "tales", 3, std::string(64, 'f'));
  task = NewTask("f");
  task.inputs["data.tales"] = task.inputs["data.sums"] = world_.at("foreign");
  EXPECT_THAT(Error(task), HasSubstr("the shards were made with tokenizer ffffffffffff"));
  task = NewTask("g");
  task.inputs["data.tales"] = world_.at("foreign");
  EXPECT_THAT(Error(task), HasSubstr("corpora tales and sums were made with different tokenizers"));
}

TEST_F(TrainTest, RefusesACheckpointOfSomethingElse) {
  const task::Task whole = Whole();
  task::Task task = NewTask("other_rate");
  task.resume = JoinPath(whole.output, "model");
  task.spec["train"]["optimizer"]["lr"] = 1e-3;
  EXPECT_THAT(Error(task), HasSubstr("is a checkpoint of a training with other settings"));

  task = NewTask("other_init");
  task.inputs["init"] = JoinPath(whole.output, "model");
  task.spec["model"]["dense"]["blocks"] = 1;
  EXPECT_THAT(
      Error(task),
      HasSubstr(
          "input \"init\" is another model than spec.model: dense.blocks is 2, the task says 1"));
}

TEST_F(TrainTest, AnInitIsTheStart) {
  const task::Task whole = Whole();
  task::Task task = NewTask("on");
  task.inputs["init"] = JoinPath(whole.output, "model");
  RecordingChannel before(whole.work), after(task.work);
  ASSERT_TRUE(RunTrainJob(task, after).ok());
  const auto line = ReadFile(JoinPath(whole.output, "history/history.jsonl")).value();
  const double first = Json::parse(line.substr(0, line.find('\n')))["loss"].get<double>();
  EXPECT_LT(after.metrics.at(1)["loss"].get<double>(), first - 0.05);
}

// It goes on from its own checkpoint, and does not begin with its start once more.
TEST_F(TrainTest, ATrainingWithAnInitIsResumedWithItsBits) {
  const task::Task seed = Whole();
  const auto on = [&](const std::string& name) {
    task::Task task = NewTask(name);
    task.inputs["init"] = JoinPath(seed.output, "model");
    return task;
  };
  const task::Task whole = on("whole_on");
  ASSERT_TRUE(Run(whole).ok());
  const task::Task first = on("first_on");
  RecordingChannel channel(first.work);
  channel.stop_after = 6;
  EXPECT_EQ(RunTrainJob(first, channel).code(), StatusCode::kCancelled);
  task::Task second = on("second_on");
  second.resume = channel.checkpoints().at(6);
  ASSERT_TRUE(Run(second).ok());
  EXPECT_EQ(Bits(second), Bits(whole));
}

TEST_F(TrainTest, TheMomentsOfAnInitAreTakenOrLeft) {
  const task::Task whole = Whole();
  const auto age_of = [&](const std::string& name, const Json& moments, bool has_moments) {
    task::Task task = NewTask(name);
    task.inputs["init"] = JoinPath(whole.output, "model");
    if (!has_moments) {
      const auto network = LoadNetwork(task.inputs["init"], "cpu").value();
      task.inputs["init"] = world_.WriteModel(name + "_bare", *network);
    }
    if (!moments.is_null()) task.spec["start_moments"] = moments;
    task.spec["train"]["steps"] = 1;
    const Status status = Run(task);
    if (!status.ok()) return status.message();
    return ReadJsonFile(task.output + "/model/state.json").value()["steps"]["embed.weight"].dump();
  };
  EXPECT_EQ(age_of("as_it_is", {}, true), "13");
  EXPECT_EQ(age_of("auto", "auto", false), "1");
  EXPECT_EQ(age_of("taken", "take", true), "13");
  EXPECT_EQ(age_of("left", "leave", true), "1");
  EXPECT_THAT(age_of("none", "take", false),
              HasSubstr("input \"init\" has no optimizer.safetensors, and start_moments is take"));
  EXPECT_THAT(age_of("odd", "keep", true), HasSubstr("spec.start_moments"));
}

// A recipe is planned before its tokenizer is trained: the task leaves those fields open.
TEST_F(TrainTest, OpenTokenizerFieldsAreFilledIn) {
  const task::Task whole = Whole();
  task::Task task = NewTask("open");
  for (const char* field : {"vocab", "pad_id", "eos_id"}) task.spec["model"][field] = 0;
  task.spec["model"]["tokenizer"] = "";
  ASSERT_TRUE(Run(task).ok());
  EXPECT_EQ(Bits(task), Bits(whole));
}

}  // namespace
}  // namespace braid::trainer
