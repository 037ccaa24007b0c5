// Joint phases whose groups of tensors are trained in ways of their own.
#include "tests/trainer/loop/train_fixture.h"

namespace braid::trainer {
namespace {

using ::testing::HasSubstr;

class GroupsTrainTest : public TrainTest {
 protected:
  // A trained composite, with its optimizer's state behind 12 updates.
  std::string Start() {
    const task::Task parent = world_.TrainTask("parent", world_.Composite());
    EXPECT_TRUE(Run(parent).ok());
    return JoinPath(parent.output, "model");
  }
  task::Task Joint(const std::string& name, const std::string& start, const Json& groups,
                   const Json& first = nullptr) {
    task::Task task = world_.TrainTask(name, world_.Composite());
    task.inputs["init"] = start;
    if (!groups.is_null()) task.spec["train"]["groups"] = groups;
    if (!first.is_null()) task.spec["train"]["first"] = first;
    return task;
  }
  // The ages of two tensors behind one step.
  std::pair<int64_t, int64_t> AgesAfterAStep(task::Task task) {
    task.spec["train"]["steps"] = 1;
    const Status status = Run(task);
    EXPECT_TRUE(status.ok()) << status.message();
    const Json ages = ReadJsonFile(JoinPath(task.output, "model/state.json")).value()["steps"];
    return {ages["parallel.0.path.1.attn.q.weight"], ages["large.1.attn.q.weight"]};
  }
};

TEST_F(GroupsTrainTest, MomentsAreCarriedOrResetGroupByGroup) {
  const std::string start = Start();
  using Ages = std::pair<int64_t, int64_t>;
  EXPECT_EQ(AgesAfterAStep(Joint("all", start, nullptr)), Ages(13, 13));
  EXPECT_EQ(AgesAfterAStep(Joint("new", start, {{{"of", "new"}, {"moments", "reset"}}})),
            Ages(13, 1));
  EXPECT_EQ(AgesAfterAStep(Joint("paths", start,
                                 {{{"of", {"copied", "new"}}, {"moments", "reset"}},
                                  {{"of", "paths"}, {"moments", "carry"}}})),
            Ages(13, 1));

  // A reset state is no state: the step is that of a training that finds none.
  task::Task reset = Joint("reset", start, {{{"of", {"copied", "new"}}, {"moments", "reset"}}});
  task::Task fresh = Joint("fresh", start, nullptr);
  fresh.spec["start_moments"] = "leave";
  ASSERT_TRUE(Run(reset).ok());
  ASSERT_TRUE(Run(fresh).ok());
  EXPECT_EQ(Bits(reset)[0], Bits(fresh)[0]);
  EXPECT_EQ(Bits(reset)[1], Bits(fresh)[1]);

  ASSERT_TRUE(RemoveFile(start + "/optimizer.safetensors").ok());
  EXPECT_EQ(Error(Joint("none", start, {{{"of", "paths"}, {"moments", "carry"}}})),
            "input \"init\" has no optimizer.safetensors, and a group's moments are to be carried; "
            "give a checkpoint with the state of training, or do without it");
}

TEST_F(GroupsTrainTest, StoppedAndResumedHasTheBitsOfAnUndisturbedRun) {
  const std::string start = Start();
  const Json groups = {{{"of", "new"}, {"warmup_steps", 4}, {"moments", "reset"}},
                       {{"of", "copied"}, {"lr_factor", 0.3}}};
  const Json first = {{"only", "new"}, {"steps", 5}};
  const task::Task whole = Joint("whole", start, groups, first);
  ASSERT_TRUE(Run(whole).ok());
  for (const int64_t step : {3, 6}) {  // while only some are trained, and behind that
    task::Task before = Joint("before" + std::to_string(step), start, groups, first);
    RecordingChannel channel(before.work);
    channel.stop_after = step;
    EXPECT_EQ(RunTrainJob(before, channel).code(), StatusCode::kCancelled);
    task::Task after = Joint("after" + std::to_string(step), start, groups, first);
    after.resume = channel.checkpoints().at(step);
    ASSERT_TRUE(Run(after).ok());
    EXPECT_EQ(Bits(after), Bits(whole)) << step;
  }
}

TEST_F(GroupsTrainTest, WhatCannotBeIsRefused) {
  const std::string start = Start();
  EXPECT_EQ(Error(Joint("a", start, nullptr, {{"only", "gates"}, {"steps", 3}})),
            "spec.train.first.only: model composite has no such tensors, so that nothing would be "
            "trained");
  EXPECT_THAT(Error(Joint("b", start, {{{"of", "gates"}}})),
              HasSubstr("spec.train.groups.0.of: says nothing of them; give lr_factor, "
                        "warmup_steps, weight_decay or moments"));
  task::Task frozen = Joint("frozen", start, nullptr, {{"only", "paths"}, {"steps", 3}});
  frozen.spec["train"]["freeze_paths"] = -1;
  EXPECT_THAT(Error(frozen), HasSubstr("spec.train.first.only: names blocks of the paths alone, "
                                       "which freeze_paths freezes"));
  task::Task leave = Joint("leave", start, {{{"of", "paths"}, {"moments", "carry"}}});
  leave.spec["start_moments"] = "leave";
  EXPECT_THAT(Error(leave), HasSubstr("spec.start_moments: leave contradicts the moments: carry"));
  task::Task dense = NewTask("dense");
  dense.spec["train"]["groups"] = {{{"of", "new"}, {"lr_factor", 2}}};
  EXPECT_EQ(Error(dense),
            "spec.train.groups: model m is no composite, whose parts these are; leave it out");
}

}  // namespace
}  // namespace braid::trainer
