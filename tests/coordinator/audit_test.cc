// Who asked for which change: a row for each, whatever came of it, and none for what changed
// nothing.
#include "braid/v1/admin.grpc.pb.h"
#include "braid/v1/keeping.grpc.pb.h"
#include "braid/v1/worker.grpc.pb.h"
#include "coordinator/api/garbage.h"
#include "tests/coordinator/tokens_fixture.h"

namespace braid::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class AuditTest : public TokensTest {
 protected:
  std::vector<v1::AuditRow> Rows(const v1::ListAuditRequest& request = {}) {
    // Refusals are written after their answer: whatever was asked before is decided before this.
    EXPECT_TRUE(core_->Query([](const State&) {}).ok());
    EXPECT_TRUE(core_->Query([](const State&) {}).ok());
    grpc::ClientContext context;
    v1::ListAuditResponse reply;
    const grpc::Status status = As()->ListAudit(&context, request, &reply);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return {reply.rows().begin(), reply.rows().end()};
  }
  std::vector<v1::AuditRow> RowsOf(const std::string& call) {
    v1::ListAuditRequest request;
    request.set_call(call);
    return Rows(request);
  }
  std::string Source() {
    EXPECT_TRUE(Upload("text", 0, 4, Sha256Hex("text")).ok());
    return Commit("text", "source", 1);
  }
};

TEST_F(AuditTest, AChangeHasItsRow) {
  Create("ada", v1::SUBMITTER, 'd');
  const std::string source = Source();
  runs_service_ = v1::Runs::NewStub(rpc::MakeChannel(server_->address(), Secret('d')));
  v1::Run run, again;
  ASSERT_TRUE(Submit("small", "request-1", source, &run).ok());
  ASSERT_TRUE(Submit("small", "request-1", source, &again).ok());
  const auto submitted = RowsOf("submitrun");
  ASSERT_THAT(submitted, SizeIs(1)) << "the second call changed nothing";
  EXPECT_EQ(submitted[0].user(), "ada");
  EXPECT_EQ(submitted[0].role(), v1::SUBMITTER);
  EXPECT_EQ(submitted[0].credential(), IdOfToken('d'));
  EXPECT_EQ(submitted[0].peer(), "127.0.0.1");
  EXPECT_EQ(submitted[0].object(), run.id());
  EXPECT_EQ(submitted[0].outcome(), "OK");
  EXPECT_NEAR(static_cast<double>(submitted[0].time_ms()),
              static_cast<double>(SystemClock().WallMs()), 600'000);
  const auto created = RowsOf("CreateToken");
  ASSERT_THAT(created, SizeIs(1));
  EXPECT_EQ(created[0].user(), "the owner");
  EXPECT_EQ(created[0].credential(), "");
  EXPECT_EQ(created[0].object(), submitted[0].credential());
  EXPECT_THAT(RowsOf("CommitArtifact"), SizeIs(1));
  // Reading is no change.
  grpc::ClientContext context;
  v1::GetRunRequest get;
  get.set_id(run.id());
  ASSERT_TRUE(runs_service_->GetRun(&context, get, &again).ok());
  EXPECT_THAT(RowsOf("GetRun"), IsEmpty());
}

TEST_F(AuditTest, ARefusalHasItsRow) {
  Create("ada", v1::SUBMITTER, 'd');
  Create("bob", v1::SUBMITTER, 'b');
  const std::string source = Source();
  runs_service_ = v1::Runs::NewStub(rpc::MakeChannel(server_->address(), Secret('d')));
  v1::Run run;
  ASSERT_TRUE(Submit("small", "", source, &run).ok());
  grpc::ClientContext context;
  v1::CancelRunRequest cancel;
  cancel.set_id(run.id());
  v1::Run reply;
  EXPECT_FALSE(v1::Runs::NewStub(rpc::MakeChannel(server_->address(), Secret('b')))
                   ->CancelRun(&context, cancel, &reply)
                   .ok());
  const auto rows = RowsOf("CancelRun");
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_EQ(rows[0].user(), "bob");
  EXPECT_EQ(rows[0].object(), run.id());
  EXPECT_EQ(rows[0].outcome(), "PERMISSION_DENIED");
  EXPECT_THAT(rows[0].detail(), HasSubstr("is not bob's but ada's"));
  // What fails before the core is asked: a recipe that cannot be read.
  grpc::ClientContext second;
  v1::SubmitRunRequest bad;
  bad.set_recipe("run: [");
  bad.set_recipe_name("bad.yaml");
  EXPECT_FALSE(runs_service_->SubmitRun(&second, bad, &reply).ok());
  v1::ListAuditRequest filter;
  filter.set_user("ada");
  filter.set_outcome("INVALID_RECIPE");
  const auto refused = Rows(filter);
  ASSERT_THAT(refused, SizeIs(1));
  EXPECT_EQ(refused[0].object(), "bad.yaml");
}

TEST_F(AuditTest, RowsAreFilteredAndComeInPages) {
  Create("ada", v1::VIEWER, 'd');
  Create("bob", v1::VIEWER, 'b');
  Create("eve", v1::VIEWER, 'e');
  const auto names = [](const std::vector<v1::AuditRow>& rows) {
    std::vector<int64_t> seqs;
    for (const v1::AuditRow& row : rows) seqs.push_back(row.seq());
    return seqs;
  };
  EXPECT_THAT(names(Rows()), ElementsAre(3, 2, 1)) << "the newest first";
  v1::ListAuditRequest page;
  page.set_limit(2);
  EXPECT_THAT(names(Rows(page)), ElementsAre(3, 2));
  page.set_before_seq(2);
  EXPECT_THAT(names(Rows(page)), ElementsAre(1));
  v1::ListAuditRequest of_object;
  of_object.set_object(IdOfToken('b'));
  EXPECT_THAT(names(Rows(of_object)), ElementsAre(2));
  v1::ListAuditRequest by_time;
  by_time.set_until_ms(1);
  EXPECT_THAT(Rows(by_time), IsEmpty());
  by_time.set_until_ms(0);
  by_time.set_since_ms(SystemClock().WallMs() + 3'600'000);
  EXPECT_THAT(Rows(by_time), IsEmpty());
  v1::ListAuditRequest nobody;
  nobody.set_user("' OR 1=1 --");
  EXPECT_THAT(Rows(nobody), IsEmpty());
}

TEST_F(AuditTest, IsForOperators) {
  Create("ada", v1::SUBMITTER, 'd');
  Create("op", v1::OPERATOR, 'o');
  const auto list = [&](char who) {
    grpc::ClientContext context;
    v1::ListAuditResponse reply;
    return As(Secret(who))->ListAudit(&context, {}, &reply);
  };
  EXPECT_EQ(list('d').error_code(), grpc::PERMISSION_DENIED);
  const auto refused = RowsOf("ListAudit");
  ASSERT_THAT(refused, SizeIs(1)) << "who may not is there, too";
  EXPECT_EQ(refused[0].user(), "ada");
  EXPECT_THAT(refused[0].detail(), HasSubstr("needs role operator"));
  EXPECT_TRUE(list('o').ok());
}

TEST_F(AuditTest, AWorkerThatSpeaksForAnotherIsThereAndItsUsualCallsAreNot) {
  Create("w1", v1::WORKER, '1');
  const auto workers = v1::Workers::NewStub(rpc::MakeChannel(server_->address(), Secret('1')));
  const auto end = [&](const std::string& worker) {
    grpc::ClientContext context;
    v1::ReportEndedRequest request;
    request.mutable_id()->set_run_id("r1");
    request.mutable_id()->set_job("j");
    request.mutable_id()->set_epoch(1);
    request.set_worker_id(worker);
    v1::ReportEndedResponse reply;
    return workers->ReportEnded(&context, request, &reply);
  };
  EXPECT_EQ(end("w1").error_code(), grpc::ABORTED) << "there is no such attempt";
  PutAttempt();
  grpc::ClientContext context;
  v1::ReportStartedRequest started;
  started.mutable_id()->set_run_id("r1");
  started.mutable_id()->set_job("j");
  started.mutable_id()->set_epoch(1);
  v1::ReportStartedResponse reply;
  ASSERT_TRUE(workers->ReportStarted(&context, started, &reply).ok());
  EXPECT_THAT(RowsOf("ReportStarted"), IsEmpty()) << "it has an event";
  EXPECT_EQ(end("w2").error_code(), grpc::PERMISSION_DENIED);
  const auto rows = RowsOf("ReportEnded");
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_EQ(rows[0].user(), "w1");
  EXPECT_EQ(rows[0].role(), v1::WORKER);
  EXPECT_THAT(rows[0].detail(), HasSubstr("speaks for worker w2"));
}

TEST_F(AuditTest, AFloodOfRefusalsIsCountedAndNotWrittenDown) {
  Create("ada", v1::VIEWER, 'd');
  const auto refused = [&] {
    grpc::ClientContext context;
    v1::ListAuditResponse reply;
    EXPECT_FALSE(As(Secret('d'))->ListAudit(&context, {}, &reply).ok());
  };
  // A moment after this machine was started, there were two more than are written down at once.
  while (backend_.refusals.Take(0) == 0) {
  }
  EXPECT_EQ(backend_.refusals.Take(0), -1);
  refused();
  auto rows = RowsOf("ListAudit");
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_THAT(rows[0].detail(), HasSubstr("(2 refused calls before it are left out)"));
  // As if so many had come in the next hour that none may be written down now.
  while (backend_.refusals.Take(SystemClock().MonotonicMs() + 3'600'000) >= 0) {
  }
  for (int calls = 0; calls < 3; ++calls) refused();
  rows = RowsOf("ListAudit");
  EXPECT_THAT(rows, SizeIs(1));
}

// Names that a caller made up cost as much as a row may.
TEST_F(AuditTest, LongNamesAreCut) {
  grpc::ClientContext context;
  v1::CancelRunRequest cancel;
  cancel.set_id(std::string(3'000, 'x'));
  v1::Run reply;
  EXPECT_EQ(runs_service_->CancelRun(&context, cancel, &reply).error_code(), grpc::NOT_FOUND);
  const auto rows = RowsOf("CancelRun");
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_LE(rows[0].object().size(), 220u);
  EXPECT_LE(rows[0].detail().size(), 520u);
}

TEST_F(AuditTest, OldRowsAreDeletedAndNoneIsChanged) {
  Create("ada", v1::VIEWER, 'd');
  ASSERT_TRUE(core_
                  ->Do([](Transaction& tx) {
                    catalog::AuditRecord old;
                    old.time_ms = 1;
                    old.user = "of old";
                    old.role = "viewer";
                    old.call = "CancelRun";
                    old.outcome = "OK";
                    tx.Add(catalog::AuditWritten{old});
                    return OkStatus();
                  })
                  .ok());
  ASSERT_THAT(Rows(), SizeIs(2));
  ASSERT_TRUE(CollectGarbage(&backend_, /*dry_run=*/true).ok());
  EXPECT_THAT(Rows(), SizeIs(2));
  ASSERT_TRUE(CollectGarbage(&backend_, /*dry_run=*/false).ok());
  const auto rows = Rows();
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_EQ(rows[0].call(), "CreateToken");
}

}  // namespace
}  // namespace braid::coordinator
