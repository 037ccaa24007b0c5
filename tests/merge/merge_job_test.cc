#include "merge/merge_job.h"

#include <gmock/gmock.h>

#include "merge/composite.h"
#include "tests/merge/parents.h"

namespace braid::merge {
namespace {

using ::testing::HasSubstr;

class QuietChannel final : public task::Channel {
 public:
  explicit QuietChannel(const std::string& folder)
      : keys_(task::FolderRendezvous(folder, "job.1")) {}
  void Started() override {}
  void Progress(std::string_view, std::string_view, int64_t, int64_t, double, double) override {}
  void Metric(int64_t, const Json&) override {}
  void Checkpoint(int64_t, const std::string&, const Json&) override {}
  void AddOutput(const std::string& role, task::ArtifactKind, const std::string&,
                 const Json& metadata) override {
    outputs[role] = metadata;
  }
  void Succeed(const Json&) override {}
  void Fail(task::FailureCategory, const Status&, const std::string&, bool) override {}
  bool stop_requested() const override { return false; }
  bool TakeCheckpointRequest() override { return false; }
  int64_t stored_checkpoint() const override { return -1; }
  bool has_worker() const override { return false; }
  task::Rendezvous& rendezvous() override { return *keys_; }

  std::map<std::string, Json> outputs;

 private:
  std::unique_ptr<task::Rendezvous> keys_;
};

class MergeJobTest : public ::testing::Test {
 protected:
  MergeJobTest() {
    WriteParent(At("one"), SmallPath("one"), {.seed = 1, .moments = true});
    WriteParent(At("two"), SmallPath("two"), {.seed = 2, .moments = true});
    task_.kind = "merge";
    task_.job = "merge:both";
    task_.inputs = {{"parent.one", At("one")}, {"parent.two", At("two")}};
    model::ModelSpec model = CompositeOf({ParentOf(SmallPath("one")), ParentOf(SmallPath("two"))},
                                         std::nullopt, {"both", {}, {}})
                                 .value();
    // As in a recipe whose tokenizer is not trained yet.
    Json json = model::ToJson(model);
    json["vocab"] = 0;
    json["tokenizer"] = "";
    task_.spec = {{"model", json}, {"seed", 3}, {"parents", {"one", "two"}}};
  }
  std::string At(const std::string& name) const { return folder_.path() + "/" + name; }
  Status Run(const std::string& output) {
    task_.output = At(output);
    (void)MakeFolder(task_.output);
    QuietChannel channel(At("rendezvous"));
    const Status status = RunMergeJob(task_, channel);
    outputs_ = channel.outputs;
    return status;
  }

  TemporaryFolder folder_ = TemporaryFolder::Create().value();
  task::Task task_;
  std::map<std::string, Json> outputs_;
};

TEST_F(MergeJobTest, WritesModelAndAccount) {
  const Status status = Run("out");
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(outputs_.at("model")["step"], 0);
  const Json account = ReadJsonFile(At("out/merge/merge.json")).value();
  EXPECT_EQ(account["parents"], Json({"one", "two"}));
  EXPECT_EQ(account["base"], false);
  EXPECT_EQ(account["proof"], "bit-equal");
  EXPECT_EQ(account["model"]["vocab"], 40);
  EXPECT_EQ(account["tensors"][0]["sources"][1], (Json{{"parent", "two"},
                                                       {"tensor", "embed.weight"},
                                                       {"rows", {0, 40}},
                                                       {"columns", {8, 16}},
                                                       {"from_rows", {0, 40}},
                                                       {"from_columns", {0, 8}}}));
  EXPECT_EQ(account["dropped"][0],
            (Json{{"parent", "one"}, {"tensor", "norm.weight"}, {"elements", 8}, {"of", 8}}));
  const std::string text = ReadFile(At("out/merge/merge.md")).value();
  EXPECT_THAT(text,
              HasSubstr("| `embed.weight` | [40,16] | one `embed.weight`, two `embed.weight` |"));
  EXPECT_THAT(text, HasSubstr("Dropped: two `norm.weight`, 8 of 8 elements"));
}

// The composite that was made is the base of the next: `two` is swapped for another of its name,
// with moments.
TEST_F(MergeJobTest, ABaseAndItsMoments) {
  task_.spec["carry_optimizer"] = true;
  ASSERT_TRUE(Run("out").ok());
  EXPECT_THAT(ReadFile(At("out/merge/merge.md")).value(), HasSubstr("| age |"));
  task_.inputs = {{"base", At("out/model")}, {"parent.two", At("later")}};
  WriteParent(At("later"), SmallPath("two"), {.seed = 5, .moments = true, .step = 11});
  task_.spec["parents"] = {"two"};
  task_.spec["base"] = true;
  task_.spec["seed"] = 99;
  const Status status = Run("swapped");
  ASSERT_TRUE(status.ok()) << status.message();
  const auto before = storage::SafetensorsFile::Open(At("out/model/model.safetensors")).value();
  const auto after = storage::SafetensorsFile::Open(At("swapped/model/model.safetensors")).value();
  for (const char* kept : {"shrink.weight", "large.1.ffn.up.weight",
                           "parallel.0.path.0.attn.q.weight", "parallel.1.share.weight"}) {
    EXPECT_EQ(after.Data(*after.Find(kept)), before.Data(*before.Find(kept))) << kept;
  }
  EXPECT_NE(after.Data(*after.Find("parallel.0.path.1.attn.q.weight")),
            before.Data(*before.Find("parallel.0.path.1.attn.q.weight")));
  const Json state = ReadJsonFile(At("swapped/model/state.json")).value();
  EXPECT_EQ(state["steps"]["parallel.0.path.0.attn.q.weight"], 7);
  EXPECT_EQ(state["steps"]["parallel.0.path.1.attn.q.weight"], 11);
  EXPECT_EQ(state["steps"]["shrink.weight"], 0);
  EXPECT_EQ(ReadJsonFile(At("swapped/merge/merge.json")).value()["base"], true);
}

TEST_F(MergeJobTest, WhatIsMissingIsNamed) {
  task_.spec["parents"] = {"one"};
  EXPECT_THAT(Run("a").message(), HasSubstr("spec.parents: must name at least two"));
  task_.spec["parents"] = {"one", "three"};
  EXPECT_THAT(Run("b").message(),
              HasSubstr("job merge:both (merge): input \"parent.three\" is missing"));
  task_.spec["parents"] = {"one", "two"};
  task_.spec["base"] = true;
  EXPECT_THAT(Run("c").message(), HasSubstr("input \"base\" is missing"));
  task_.spec["base"] = false;
  task_.spec["carry_optimizer"] = true;
  ASSERT_TRUE(RemoveTree(At("two") + "/optimizer.safetensors").ok());
  EXPECT_THAT(Run("d").message(), HasSubstr("parent two has no optimizer.safetensors"));
}

}  // namespace
}  // namespace braid::merge
