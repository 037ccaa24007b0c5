// Joint phases that the parents of the composite teach.
#include <cmath>

#include "tests/trainer/loop/train_fixture.h"

namespace braid::trainer {
namespace {

using ::testing::HasSubstr;

class TeachersTrainTest : public TrainTest {
 protected:
  TeachersTrainTest() {
    for (const auto& [name, seed] : {std::pair("path_1", 3), {"path_2", 4}}) {
      const auto network = Network::Create(world_.Dense(name), "cpu").value();
      network->Initialize(static_cast<uint64_t>(seed));
      parents_.emplace_back(world_.WriteModel(name, *network));
    }
  }

  // 12 steps; the weight falls to zero at the 6th unless `teachers` says otherwise.
  task::Task Taught(const std::string& name, const Json& teachers = {{"weight", 2}}) {
    task::Task task = world_.TrainTask(name, world_.Composite());
    task.spec["train"]["teachers"] = teachers;
    task.spec["lessons"] = Json::array({Json{{"teacher", "parent.path_1"}, {"data", "data.tales"}},
                                        Json{{"teacher", "parent.path_2"}, {"data", "data.sums"}}});
    task.inputs["parent.path_1"] = parents_[0];
    task.inputs["parent.path_2"] = parents_[1];
    return task;
  }
  task::Task StoppedAfter(int64_t step, const std::string& name, std::string* checkpoint) {
    const task::Task task = Taught(name);
    RecordingChannel channel(task.work);
    channel.stop_after = step;
    EXPECT_EQ(RunTrainJob(task, channel).code(), StatusCode::kCancelled);
    *checkpoint = channel.checkpoints().at(step);
    return task;
  }

  std::vector<std::string> parents_;
};

TEST_F(TeachersTrainTest, TheirWeightFallsToNothingAndTheHistorySaysSo) {
  const task::Task task = Taught("a");
  RecordingChannel channel(task.work);
  ASSERT_TRUE(RunTrainJob(task, channel).ok());
  for (int64_t step = 1; step <= 12; ++step) {
    const Json& values = channel.metrics.at(step);
    EXPECT_EQ(values.contains("teachers_weight"), step <= 6) << step;
    EXPECT_EQ(values.contains("teachers_divergence"), step <= 6) << step;
    if (step > 6) continue;
    EXPECT_NEAR(values["teachers_weight"].get<double>(), 2 * (1 - double(step - 1) / 6), 1e-12);
    EXPECT_GT(values["teachers_divergence"].get<double>(), 0);
    EXPECT_NEAR(values["loss"].get<double>(), 5.5, 0.5) << "the loss alone, about log 271";
  }
}

TEST_F(TeachersTrainTest, ATrainingThatNobodyTeachesHasTheBitsThatItHad) {
  const task::Task plain = world_.TrainTask("plain", world_.Composite());
  const task::Task off = Taught("off", {{"weight", 0}});
  ASSERT_TRUE(Run(plain).ok());
  ASSERT_TRUE(Run(off).ok());
  for (const size_t file : {0u, 1u, 5u, 6u}) EXPECT_EQ(Bits(off)[file], Bits(plain)[file]) << file;
  const task::Task on = Taught("on");
  ASSERT_TRUE(Run(on).ok());
  EXPECT_NE(Bits(on)[0], Bits(plain)[0]);
}

TEST_F(TeachersTrainTest, AResumedRunHasTheBitsOfAnUndisturbedOne) {
  const task::Task whole = Taught("whole");
  ASSERT_TRUE(Run(whole).ok());
  for (const int64_t step : {3, 8}) {
    std::string checkpoint;
    StoppedAfter(step, "first" + std::to_string(step), &checkpoint);
    task::Task second = Taught("second" + std::to_string(step));
    second.resume = checkpoint;
    // Behind the last step that they teach in, their weights are not read any more.
    if (step == 8) {
      for (const std::string& parent : parents_)
        ASSERT_TRUE(RemoveFile(parent + "/model.safetensors").ok());
    }
    ASSERT_TRUE(Run(second).ok());
    EXPECT_EQ(Bits(second), Bits(whole)) << step;
  }
}

TEST_F(TeachersTrainTest, TwoRanksAreTaughtAsOneIs) {
  const auto task_of = [&](const std::string& name) {
    task::Task task = Taught(name);
    task.spec["train"]["optimizer"]["lr"] = 1e-6;  // what ranks round otherwise is not carried on
    return task;
  };
  const task::Task one = task_of("one");
  RecordingChannel alone(one.work);
  ASSERT_TRUE(RunTrainJob(one, alone).ok());
  RecordingChannel first(world_.at("two"));
  TrainTwoRanks(task_of, &first);
  for (int64_t step = 1; step <= 6; ++step) {
    for (const char* value : {"loss", "teachers_divergence", "gradient_norm"}) {
      EXPECT_NEAR(
          first.metrics.at(step)[value].get<double>() / alone.metrics.at(step)[value].get<double>(),
          1, 2e-5)
          << step << " " << value;
    }
  }
}

TEST_F(TeachersTrainTest, RanksThatTrainByThemselvesAreTaughtToo) {
  RecordingChannel first(world_.at("two"));
  TrainTwoRanks(
      [&](const std::string& name) {
        task::Task task = Taught(name, {{"weight", 1}, {"until", 1}, {"temperature", 2}});
        task.spec["train"]["sync"] = {{"every", 3}};
        return task;
      },
      &first);
  EXPECT_GT(first.metrics.at(12)["teachers_divergence"].get<double>(), 0);
  EXPECT_NEAR(first.metrics.at(12)["teachers_weight"].get<double>(), 1.0 / 12, 1e-12);
}

TEST_F(TeachersTrainTest, ATeacherThatIsNoNumberIsNamedWithTheFault) {
  const auto broken = Network::Create(world_.Dense("path_1"), "cpu").value();
  broken->Initialize(3);
  broken->parameters()[broken->layout().at("norm.weight").offset] = std::nanf("");
  const std::string folder = world_.WriteModel("broken", *broken);
  task::Task task = Taught("a");
  task.inputs["parent.path_1"] = folder;
  EXPECT_THAT(Error(task), HasSubstr("and its divergence from the teachers nan; the training has "
                                     "diverged and stops"));
}

// With a weight beside which the labels do not count, a student of the teacher's shape comes to
// predict what the teacher does.
TEST_F(TeachersTrainTest, AStudentComesNearToItsTeacher) {
  task::Task task = world_.TrainTask("student", world_.Dense("m"));
  task.inputs["parent.path_1"] = parents_[0];
  task.spec["train"]["teachers"] = {{"weight", 1000}, {"until", 1}};
  task.spec["lessons"] = {{{"teacher", "parent.path_1"}, {"data", "data.tales"}},
                          {{"teacher", "parent.path_1"}, {"data", "data.sums"}}};
  RecordingChannel channel(task.work);
  ASSERT_TRUE(RunTrainJob(task, channel).ok());
  const auto divergence = [&](int64_t step) {
    return channel.metrics.at(step)["teachers_divergence"].get<double>();
  };
  EXPECT_LT(divergence(12), 0.7 * divergence(1));
}

TEST_F(TeachersTrainTest, WhoCannotTeachIsNamed) {
  const auto error = [&](const std::string& name, const std::function<void(task::Task&)>& change) {
    task::Task task = Taught(name);
    change(task);
    return Error(task);
  };
  EXPECT_EQ(
      error("a", [](auto& task) { task.spec["lessons"] = Json::array(); }),
      "spec.train.teachers: spec.lessons names no teacher; name the parent of each corpus, or "
      "leave teachers out");
  EXPECT_EQ(error("b", [](auto& task) { task.spec["lessons"][1]["data"] = "data.songs"; }),
            "spec.lessons.1.data: data.songs is none of spec.data.sources; name one of them");
  EXPECT_EQ(error("f", [](auto& task) { task.spec["lessons"][1] = task.spec["lessons"][0]; }),
            "spec.lessons.1: parent.path_1 teaches on data.tales already; name it once");
  EXPECT_THAT(error("c", [](auto& task) { task.inputs.erase("parent.path_2"); }),
              HasSubstr("parent.path_2"));

  model::ModelSpec other = world_.Dense("other");
  other.tokenizer = std::string(64, 'f');
  const auto stranger = Network::Create(other, "cpu").value();
  const std::string folder = world_.WriteModel("other", *stranger);
  EXPECT_THAT(error("d", [&](auto& task) { task.inputs["parent.path_2"] = folder; }),
              HasSubstr("input \"parent.path_2\" was trained with another tokenizer (ffffffffffff) "
                        "than the model's ("));

  model::ModelSpec narrow = world_.Dense("narrow");
  narrow.arch.rope_max_pos = narrow.sequence = 8;
  const auto reader = Network::Create(narrow, "cpu").value();
  const std::string place = world_.WriteModel("narrow", *reader);
  EXPECT_EQ(error("e", [&](auto& task) { task.inputs["parent.path_1"] = place; }),
            "input \"parent.path_1\" reads 8 positions (arch.rope_max_pos), and spec.data.sequence "
            "is 16; leave spec.train.teachers out, or train on shorter sequences");
}

}  // namespace
}  // namespace braid::trainer
