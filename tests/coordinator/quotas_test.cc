// Quotas as decisions apply them, and that what is used is counted right.
#include "coordinator/core/quotas.h"

#include "coordinator/api/changes.h"
#include "coordinator/core/retention.h"
#include "coordinator/sessions/reports.h"
#include "tests/coordinator/core_fixture.h"

namespace braid::coordinator {
namespace {

using scheduler::kNoLimit;
using scheduler::QuotaUse;
using ::testing::HasSubstr;

class QuotasTest : public CoreTest {
 protected:
  QuotasTest() {
    quotas_ = &table_;
    Restart();
  }
  Status TrySubmit(std::vector<recipe::JobNode> jobs, const std::string& user, std::string* run) {
    SubmitCommand command = CommandOf(std::move(jobs));
    command.user = user;
    return Do([&, command](Transaction& tx) -> Status {
      BRAID_ASSIGN_OR_RETURN(*run, Submit(command, tx));
      return OkStatus();
    });
  }
  Status Upload(const std::string& id, int64_t bytes, const std::string& user) {
    catalog::ArtifactRecord artifact = Artifact(id, "");
    artifact.kind = "source";
    artifact.bytes = bytes;
    artifact.user = user;
    CoreWork work = CommitArtifact("", artifact, [](const catalog::ArtifactRecord&) {});
    return Do([&](Transaction& tx) { return work.decide(tx); });
  }
  QuotaUse UseOf(const std::string& user) { return UseOfUser(user, core_->state()); }

  QuotaTable table_;
};

TEST_F(QuotasTest, MoreJobsThanAUserMayHaveAreRefusedUntilSomeHaveEnded) {
  table_.Put({{kNoLimit, 3}, {}, {}, {}});
  std::string run, other;
  EXPECT_TRUE(TrySubmit({Node("a", "train"), Node("b", "train")}, "ada", &run).ok());
  const Status refused = TrySubmit({Node("a", "train"), Node("b", "train")}, "ada", &other);
  EXPECT_EQ(refused.code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(refused.message(), HasSubstr("the quota of user ada is 3 jobs that have not ended; 2 "
                                           "are there, and this would be 2 more"));
  EXPECT_TRUE(TrySubmit({Node("a", "train"), Node("b", "train")}, "eve", &other).ok());
  EXPECT_EQ(UseOf("ada").jobs, 2);
  // Running ones count, too, and ended ones do not.
  FakeWorker& worker = AddWorker("w1", 1);
  EXPECT_TRUE(Beat(worker).ok());
  EXPECT_EQ(UseOf("ada").jobs, 2);
  EXPECT_TRUE(End(RankOf(run, "a"), "w1", true).ok());
  EXPECT_EQ(UseOf("ada").jobs, 1);
  EXPECT_TRUE(TrySubmit({Node("a", "train"), Node("b", "train")}, "ada", &other).ok());
  Restart();
  EXPECT_EQ(UseOf("ada").jobs, 3) << "as after a restart";
  // A retry is a submission: what has succeeded is not counted again.
  EXPECT_TRUE(Do([&](Transaction& tx) { return Cancel(other, tx); }).ok());
  EXPECT_TRUE(Do([&](Transaction& tx) { return Cancel(run, tx); }).ok());
  table_.Put({{kNoLimit, 0}, {}, {}, {}});
  EXPECT_THAT(Do([&](Transaction& tx) { return Retry(other, tx).status(); }).message(),
              HasSubstr("this would be 2 more"));
}

TEST_F(QuotasTest, ARunOfAHigherPriorityThanItsUserMayChooseIsRefused) {
  scheduler::Quotas quotas;
  quotas.each_user.priority = 2;
  table_.Put(quotas);
  const auto submit = [&](const std::string& user, int64_t priority) {
    SubmitCommand command = CommandOf({Node("a", "train")});
    command.user = user;
    command.priority = priority;
    return Do([&](Transaction& tx) { return Submit(command, tx).status(); });
  };
  EXPECT_TRUE(submit("ada", 2).ok());
  EXPECT_THAT(submit("ada", 3).message(),
              HasSubstr("priority 3: the highest that user ada may choose is 2"));
  EXPECT_TRUE(submit("", 3).ok()) << "nobody's limits";
  EXPECT_EQ(core_->state().image().runs.size(), 2U);
}

TEST_F(QuotasTest, JobsThatAreBoundToASiteCountForIt) {
  scheduler::Quotas quotas;
  quotas.sites["lab"].jobs = 1;
  table_.Put(quotas);
  recipe::JobNode bound = Node("a", "train");
  bound.site = "lab";
  std::string run;
  EXPECT_TRUE(TrySubmit({bound, Node("b", "train")}, "ada", &run).ok());
  EXPECT_EQ(UseOfSite("lab", core_->state()).jobs, 1);
  EXPECT_THAT(TrySubmit({bound}, "eve", &run).message(), HasSubstr("the quota of site lab is 1"));
  EXPECT_TRUE(TrySubmit({Node("b", "train")}, "eve", &run).ok());
}

TEST_F(QuotasTest, BytesCountForWhoUploadedThemAndForWhoseRunMadeThem) {
  table_.Put({{1000, kNoLimit}, {}, {}, {}});
  EXPECT_TRUE(Upload(std::string(64, 'c'), 600, "ada").ok());
  EXPECT_TRUE(Upload(std::string(64, 'd'), 600, "eve").ok());
  const Status refused = Upload(std::string(64, 'e'), 600, "ada");
  EXPECT_EQ(refused.code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(refused.message(), HasSubstr("the quota of user ada is 1000 B of artifacts; 600 B "
                                           "are used, and this would be 600 B more"));
  EXPECT_TRUE(Upload(std::string(64, 'c'), 600, "ada").ok()) << "it is there already";
  EXPECT_EQ(UseOf("ada").artifact_bytes, 600);
  // What a job makes is never refused, and counts for its run's user and its worker's site.
  FakeWorker& worker = AddWorker("w1", 8);
  worker.record.site = "lab";
  Connect(worker);
  std::string run;
  EXPECT_TRUE(TrySubmit({Node("a", "train")}, "ada", &run).ok());
  EXPECT_TRUE(Beat(worker).ok());
  EXPECT_TRUE(Do([&](Transaction& tx) {
                catalog::ArtifactRecord made = Artifact(std::string(64, 'f'), "checkpoint");
                made.bytes = 500;
                made.made_by = RankOf(run, "a").attempt();
                Attribute(RankOf(run, "a"), tx, &made);
                return CommitCheckpoint(RankOf(run, "a"), 5, made, tx);
              }).ok());
  EXPECT_EQ(UseOf("ada").artifact_bytes, 1100);
  EXPECT_EQ(UseOfSite("lab", core_->state()).artifact_bytes, 500);
  std::string other;
  EXPECT_THAT(TrySubmit({Node("a", "train")}, "ada", &other).message(),
              HasSubstr("of artifacts; 1.1 KiB are used: delete runs"));
  Restart();
  EXPECT_EQ(UseOf("ada").artifact_bytes, 1100) << "as after a restart";
  // The rows of the run have left memory, and are still counted; once it is deleted they are not.
  EXPECT_TRUE(Do([&](Transaction& tx) { return Cancel(run, tx); }).ok());
  workers_["w1"].ranks.clear();
  Connect(workers_["w1"]);
  EXPECT_TRUE(End(RankOf(run, "a"), "w1", false, "cancelled", "stopped").ok());
  Turn();
  EXPECT_EQ(UseOf("ada").artifact_bytes, 1100);
  EXPECT_TRUE(Do([&](Transaction& tx) { return DeleteRun(run, tx).status(); }).ok());
  EXPECT_EQ(UseOf("ada").artifact_bytes, 600);
  EXPECT_EQ(UseOfSite("lab", core_->state()).artifact_bytes, 0);
}

TEST_F(QuotasTest, TheListHasWhoUsesSomethingAndWhoIsNamed) {
  scheduler::Quotas quotas;
  quotas.each_user.jobs = 9;
  quotas.users["zoe"] = {5, kNoLimit};
  quotas.sites["lab"] = {6, 7};
  table_.Put(quotas);
  std::string run;
  EXPECT_TRUE(TrySubmit({Node("a", "train")}, "ada", &run).ok());
  const std::vector<QuotaRow> rows = QuotaRows(core_->state(), &table_);
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].kind + " " + rows[0].name, "user ada");
  EXPECT_EQ(rows[0].use, (QuotaUse{0, 1}));
  EXPECT_EQ(rows[0].limits.jobs, 9);
  EXPECT_EQ(rows[1].kind + " " + rows[1].name, "user zoe");
  EXPECT_EQ(rows[1].limits.artifact_bytes, 5);
  EXPECT_EQ(rows[2].kind + " " + rows[2].name, "site lab");
  EXPECT_EQ(rows[2].limits.jobs, 7);
}

}  // namespace
}  // namespace braid::coordinator
