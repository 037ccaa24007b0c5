#include "coordinator/core/retention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/coordinator/core_fixture.h"

namespace braid::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

catalog::ArtifactRecord CheckpointOf(const RankKey& rank, const std::string& id) {
  catalog::ArtifactRecord artifact = Artifact(id, "checkpoint");
  artifact.made_by = rank.attempt();
  artifact.bytes = 100;
  return artifact;
}

recipe::JobNode Training(const Json& spec = Json::object(), const std::string& name = "path") {
  recipe::JobNode node = Node(name, "train");
  node.spec = spec;
  return node;
}

recipe::JobNode After(const std::string& artifact) {
  recipe::JobNode node = Node("after", "train");
  recipe::InputRef ref;
  ref.artifact = artifact;
  node.inputs["init"] = ref;
  return node;
}

class RetentionTest : public CoreTest {
 protected:
  // A run whose one job runs.
  std::string Start(const Json& spec = Json::object()) {
    if (workers_.empty()) AddWorker("w", 100);
    const std::string run = SubmitJobs({Training(spec)});
    EXPECT_EQ(Job(run, "path").state, JobState::kActive);
    (void)Beat(workers_["w"]);
    return run;
  }
  Status Save(const std::string& run, int64_t step, const std::string& id) {
    clock_.Advance(1000);
    const RankKey rank = RankOf(run, "path");
    return Do([&](Transaction& tx) {
      catalog::ArtifactRecord artifact = CheckpointOf(rank, id);
      artifact.created_ms = tx.wall_ms();
      return CommitCheckpoint(rank, step, artifact, tx);
    });
  }
  void SaveMany(const std::string& run, int count) {
    for (int i = 1; i <= count; ++i) {
      ASSERT_TRUE(Save(run, i, run + "-c" + std::to_string(i)).ok());
    }
  }
  std::vector<std::string> There() {
    std::vector<std::string> ids;
    for (const auto& [id, artifact] : core_->state().image().artifacts) {
      if (artifact.removed_ms == 0) ids.push_back(id);
    }
    return ids;
  }
  Status PinIt(const std::string& id, bool pinned) {
    return Do([&](Transaction& tx) { return Pin(id, pinned, tx).status(); });
  }
  Status Delete(const std::string& run, DeletedRun* deleted = nullptr) {
    return Do([&](Transaction& tx) {
      auto done = DeleteRun(run, tx);
      if (done.ok() && deleted != nullptr) *deleted = *done;
      return done.status();
    });
  }
  const catalog::ArtifactRecord& Row(const std::string& id) {
    return *core_->state().FindArtifact(id);
  }
};

TEST_F(RetentionTest, ATrainingKeepsItsNewestThreeCheckpointsAndThenOne) {
  const std::string run = Start();
  SaveMany(run, 5);
  EXPECT_THAT(There(), ElementsAre("r-1-c3", "r-1-c4", "r-1-c5"));
  EXPECT_GT(Row("r-1-c1").removed_ms, 0);
  EXPECT_EQ(Row("r-1-c1").removed_why, "retention: path keeps its newest 3 checkpoints");
  ASSERT_TRUE(End(RankOf(run, "path"), "w", true).ok());
  EXPECT_THAT(There(), ElementsAre(std::string(64, 'a'), "r-1-c5")) << "and its model";
}

TEST_F(RetentionTest, AFailedTrainingKeepsWhatARetryContinues) {
  const std::string run = Start();
  SaveMany(run, 5);
  ASSERT_TRUE(Do([&](Transaction& tx) { return Cancel(run, tx); }).ok());
  ASSERT_TRUE(End(RankOf(run, "path"), "w", false, "cancelled", "asked for").ok());
  EXPECT_THAT(There(), ElementsAre("r-1-c3", "r-1-c4", "r-1-c5"));
}

TEST_F(RetentionTest, TheRecipeSaysHowMany) {
  const auto spec = [](int keep) {
    return Json{{"train", {{"checkpoint", {{"steps", 1}, {"keep", keep}}}}}};
  };
  const std::string two = Start(spec(2));
  SaveMany(two, 4);
  ASSERT_TRUE(End(RankOf(two, "path"), "w", true).ok());
  const std::string all = Start(spec(-1));
  SaveMany(all, 4);
  ASSERT_TRUE(End(RankOf(all, "path"), "w", true).ok());
  EXPECT_THAT(There(), ElementsAre(std::string(64, 'a'), "r-1-c3", "r-1-c4", "r-2-c1", "r-2-c2",
                                   "r-2-c3", "r-2-c4"));
}

TEST_F(RetentionTest, APinKeepsACheckpointUntilItIsTakenAway) {
  const std::string run = Start();
  SaveMany(run, 3);
  ASSERT_TRUE(PinIt("r-1-c1", true).ok());
  for (int i = 4; i < 7; ++i) ASSERT_TRUE(Save(run, i, "r-1-c" + std::to_string(i)).ok());
  EXPECT_TRUE(Row("r-1-c1").pinned);
  EXPECT_THAT(There(), ElementsAre("r-1-c1", "r-1-c4", "r-1-c5", "r-1-c6"));
  ASSERT_TRUE(PinIt("r-1-c1", false).ok());
  ASSERT_TRUE(Save(run, 7, "r-1-c7").ok());
  EXPECT_THAT(There(), ElementsAre("r-1-c5", "r-1-c6", "r-1-c7"));
  const Status late = PinIt("r-1-c1xxxxxxx", true);
  EXPECT_EQ(late.code(), StatusCode::kNotFound);
  const Status removed = PinIt("r-1-c1", true);
  EXPECT_EQ(removed.reason(), "ARTIFACT_REMOVED");
  EXPECT_THAT(removed.message(), HasSubstr("was removed on 2023-"));
  EXPECT_THAT(removed.message(), HasSubstr("path keeps its newest 3 checkpoints"));
}

TEST_F(RetentionTest, WhatAnotherRunUsesStays) {
  const std::string run = Start();
  SaveMany(run, 1);
  const std::string other = SubmitJobs({After("r-1-c1")});
  SaveMany(run, 5);
  EXPECT_THAT(There(), ElementsAre("r-1-c1", "r-1-c3", "r-1-c4", "r-1-c5"));
  EXPECT_EQ(core_->state().indices().UsesOf("r-1-c1"), 2) << "named by the recipe, and an input";
}

TEST_F(RetentionTest, TheCheckpointThatAnAttemptResumedFromStaysWhileItRuns) {
  const std::string run = Start();
  SaveMany(run, 1);
  ASSERT_TRUE(End(RankOf(run, "path"), "w", false, "infra", "gone").ok());
  clock_.Advance(600'000);
  (void)Beat(workers_["w"]);
  ASSERT_EQ(Job(run, "path").epoch, 2);
  for (int i = 2; i < 8; ++i) ASSERT_TRUE(Save(run, i, run + "-c" + std::to_string(i)).ok());
  EXPECT_THAT(There(), ElementsAre("r-1-c1", "r-1-c5", "r-1-c6", "r-1-c7"));
}

TEST_F(RetentionTest, ARemovedCheckpointThatIsMadeAgainIsThereAgain) {
  const std::string run = Start();
  SaveMany(run, 4);
  ASSERT_GT(Row("r-1-c1").removed_ms, 0);
  ASSERT_TRUE(Save(run, 9, "r-1-c1").ok());
  EXPECT_EQ(Row("r-1-c1").removed_ms, 0);
  EXPECT_EQ(Row("r-1-c1").removed_why, "");
  EXPECT_THAT(There(), ElementsAre("r-1-c1", "r-1-c3", "r-1-c4")) << "as the newest one";
}

// Its first maker may be gone: then nothing would say whose it is, and it would be removed at once.
TEST_F(RetentionTest, ARemovedCheckpointThatAnotherRunMakesIsKeptForThatRun) {
  const std::string run = Start();
  SaveMany(run, 4);
  ASSERT_GT(Row("r-1-c1").removed_ms, 0);
  ASSERT_TRUE(End(RankOf(run, "path"), "w", true).ok());
  ASSERT_TRUE(Do([&](Transaction& tx) { return DeleteRun(run, tx).status(); }).ok());
  const std::string later = Start();
  ASSERT_TRUE(Save(later, 1, "r-1-c1").ok());
  EXPECT_EQ(Row("r-1-c1").made_by, (AttemptKey{later, "path", 1}));
  ASSERT_TRUE(Save(later, 2, "r-2-c2").ok());
  EXPECT_EQ(Row("r-1-c1").removed_ms, 0) << "as one of the newest of its job";
}

TEST_F(RetentionTest, ARemovedArtifactIsNoInput) {
  const std::string run = Start();
  SaveMany(run, 4);
  const Status refused = Do(
      [&](Transaction& tx) { return Submit(CommandOf({After("r-1-c1")}), tx).status(); });
  EXPECT_EQ(refused.reason(), "ARTIFACT_REMOVED");
  EXPECT_THAT(refused.message(), HasSubstr("job after, input init"));
}

TEST_F(RetentionTest, AnEndedRunIsDeletedWithWhatNothingElseNeeds) {
  const std::string run = Start();
  SaveMany(run, 3);
  EXPECT_EQ(Delete(run).reason(), "RUN_ACTIVE");
  ASSERT_TRUE(PinIt("r-1-c2", true).ok());
  ASSERT_TRUE(Do([&](Transaction& tx) { return Cancel(run, tx); }).ok());
  ASSERT_TRUE(End(RankOf(run, "path"), "w", false, "cancelled", "asked for").ok());
  DeletedRun deleted;
  ASSERT_TRUE(Delete("small", &deleted).ok()) << "by its name";
  EXPECT_EQ(deleted.id, run);
  EXPECT_EQ(deleted.jobs, 1);
  EXPECT_EQ(deleted.artifacts, 2);
  EXPECT_EQ(deleted.bytes, 200);
  EXPECT_EQ(deleted.artifacts_kept, 1);
  EXPECT_EQ(core_->state().FindRun(run), nullptr);
  EXPECT_THAT(core_->state().image().jobs, IsEmpty());
  EXPECT_THAT(core_->state().image().attempts, IsEmpty());
  EXPECT_THAT(There(), ElementsAre("r-1-c2"));
  EXPECT_EQ(Row("r-1-c1").removed_why, "run r-1 (small) was deleted");
  EXPECT_EQ(Row("r-1-c1").made_by.run, run) << "its lineage stays";
  EXPECT_EQ(Delete(run).code(), StatusCode::kNotFound);
}

TEST_F(RetentionTest, ADeletedRunTakesTheUploadsThatHaveTheSourcesName) {
  AddWorker("w", 100);
  std::string run;
  ASSERT_TRUE(Do([&](Transaction& tx) -> Status {
                const StringMap names = {
                    {"corpus", "everybody's text"}, {"upload", ""}, {"source", "source.c"}};
                for (const auto& [id, name] : names) {
                  catalog::ArtifactRecord artifact;
                  artifact.id = id;
                  artifact.kind = "source";
                  artifact.name = name;
                  tx.Add(catalog::ArtifactCommitted{artifact});
                }
                SubmitCommand command = CommandOf({Training()});
                command.sources = {
                    {"source.a", "corpus"}, {"source.b", "upload"}, {"source.c", "source"}};
                BRAID_ASSIGN_OR_RETURN(run, Submit(command, tx));
                return Cancel(run, tx);
              }).ok());
  ASSERT_TRUE(Delete(run).ok());
  EXPECT_THAT(There(), ElementsAre("corpus", "upload"));
}

TEST_F(RetentionTest, ARunWhoseArtifactsALiveJobUsesIsNotDeleted) {
  const std::string run = Start();
  SaveMany(run, 1);
  ASSERT_TRUE(End(RankOf(run, "path"), "w", true).ok());
  const std::string other = SubmitJobs({After("r-1-c1")});
  const Status refused = Delete(run);
  EXPECT_EQ(refused.reason(), "ARTIFACT_IN_USE");
  EXPECT_THAT(refused.message(), HasSubstr("job after of run " + other + " (small)"));
  EXPECT_THAT(refused.message(), HasSubstr("checkpoint r-1-c1"));
  ASSERT_TRUE(Do([&](Transaction& tx) { return Cancel(other, tx); }).ok());
  (void)Beat(workers_["w"]);
  ASSERT_TRUE(End(RankOf(other, "after"), "w", false, "cancelled", "asked for").ok());
  ASSERT_TRUE(Delete(run).ok());
  EXPECT_THAT(There(), ElementsAre(std::string(64, 'a'), "r-1-c1"))
      << "the other run names it as long as it is there";
  ASSERT_TRUE(Delete(other).ok());
  EXPECT_EQ(WhyKept(Row("r-1-c1"), core_->state(), core_->options()), Keep::kNo);
}

// Whatever happens, no job names an artifact that was removed (I8), and the indices are those that
// a reload gives. The sequence follows from the seed, which a failure names.
TEST_F(RetentionTest, NothingThatIsNamedIsEverRemoved) {
  AddWorker("w", 100);
  compare_ = false;
  for (const uint32_t seed : {1U, 2U}) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 dice(seed);
    const auto below = [&](uint32_t bound) { return dice() % bound; };
    std::vector<std::string> runs;
    int step = 0;
    for (int i = 0; i < 120; ++i) {
      const std::string run = runs.empty() ? "none" : runs[below(runs.size())];
      // Most content is a run's own; some is made by several.
      const auto any_artifact = [&] {
        return (below(5) == 0 ? "shared" : run) + "-c" + std::to_string(below(12));
      };
      const std::string artifact = any_artifact();
      const JobRecord* job = core_->state().FindJob({run, "path"});
      const bool active = job != nullptr && job->state == JobState::kActive;
      const uint32_t what = below(10);
      if (what == 0 || runs.empty()) {
        std::vector<recipe::JobNode> jobs = {Training()};
        const auto* from = core_->state().FindArtifact(artifact);
        if (from != nullptr && below(2) == 0) jobs.push_back(After(artifact));
        (void)Do([&](Transaction& tx) {
          auto made = Submit(CommandOf(jobs), tx);
          if (made.ok()) runs.push_back(*made);
          return made.status();
        });
      } else if (what < 6 && active) {
        const RankKey rank = RankOf(run, "path");
        (void)Do([&](Transaction& tx) -> Status {
          for (int saved = 0; saved < 4; ++saved) {
            catalog::ArtifactRecord one = CheckpointOf(rank, any_artifact());
            one.created_ms = tx.wall_ms() + saved;
            BRAID_RETURN_IF_ERROR(CommitCheckpoint(rank, ++step, one, tx));
          }
          return OkStatus();
        });
      } else if (what == 6 && active) {
        (void)End(RankOf(run, "path"), "w", below(2) == 0, "infra", "x");
      } else if (what == 7) {
        (void)PinIt(artifact, below(3) == 0);
      } else if (what == 8) {
        (void)Do([&](Transaction& tx) { return Cancel(run, tx); });
        if (active) (void)End(RankOf(run, "path"), "w", false, "cancelled", "x");
      } else {
        (void)Delete(run);
      }
      clock_.Advance(below(400'000));
      (void)Beat(workers_["w"]);
      BringIn(store_.Load().value());
      for (const auto& [key, record] : core_->state().image().jobs) {
        std::set<std::string> named = {record.checkpoint};
        for (const auto& [role, id] : record.inputs) named.insert(id);
        for (const auto& [role, id] : record.outputs) named.insert(id);
        for (const auto& [role, source] : record.input_sources) named.insert(source.artifact);
        named.erase("");
        for (const std::string& id : named)
          ASSERT_EQ(Row(id).removed_ms, 0) << id << " of " << key.ToString();
      }
    }
    State reloaded;
    reloaded.Reset(store_.Load().value());
    ASSERT_TRUE(reloaded.image() == core_->state().image());
    int removed = 0;
    for (const auto& [id, artifact] : reloaded.image().artifacts) {
      removed += artifact.removed_ms > 0 ? 1 : 0;
      ASSERT_EQ(core_->state().IsUsed(id), reloaded.IsUsed(id)) << id;
      const JobKey job = artifact.made_by.Job();
      ASSERT_TRUE(core_->state().CheckpointsOf(job) == reloaded.CheckpointsOf(job)) << id;
    }
    EXPECT_GT(removed, 1) << "the test did not test much";
  }
}

}  // namespace
}  // namespace braid::coordinator
