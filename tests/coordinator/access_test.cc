// Who may call what: the table of calls, credentials and their ends, and what bounds a worker.
#include "coordinator/access/access.h"

#include <google/protobuf/descriptor.h>

#include <thread>

#include "braid/v1/admin.grpc.pb.h"
#include "braid/v1/jobs.grpc.pb.h"
#include "braid/v1/keeping.grpc.pb.h"
#include "braid/v1/merge.grpc.pb.h"
#include "braid/v1/worker.grpc.pb.h"
#include "coordinator/access/bounds.h"
#include "coordinator/access/credentials.h"
#include "rpc/status.h"
#include "tests/coordinator/tokens_fixture.h"

namespace braid::coordinator {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Rules, EveryMethodOfTheApiHasOne) {
  std::vector<std::string> without;
  const std::string protos = JoinPath(BRAID_SOURCE_DIR, "proto/braid/v1");
  const std::vector<std::string> names = ListFolder(protos).value();
  for (const std::string& name : names) {
    const auto* file = google::protobuf::DescriptorPool::generated_pool()->FindFileByName(
        "braid/v1/" + name);
    if (file == nullptr) {
      const std::string text = ReadFile(JoinPath(protos, name)).value();
      EXPECT_EQ(text.find("\nservice "), std::string::npos) << name << " is not in the coordinator";
      continue;
    }
    for (int i = 0; i < file->service_count(); ++i) {
      const auto* service = file->service(i);
      for (int j = 0; j < service->method_count(); ++j) {
        const std::string method = "/" + service->full_name() + "/" + service->method(j)->name();
        if (RuleOf(method) == nullptr) without.push_back(method);
      }
    }
  }
  EXPECT_THAT(without, IsEmpty());
  EXPECT_EQ(RuleOf("/braid.v1.Runs/None"), nullptr);
}

TEST(Rules, ARoleMayWhatTheRolesBeforeItMayAndAWorkerOnlyItsOwn) {
  const CallRule& submit = *RuleOf("/braid.v1.Runs/SubmitRun");
  EXPECT_FALSE(CheckRole(Role::kViewer, "v", submit).ok());
  for (const Role role : {Role::kSubmitter, Role::kOperator, Role::kAdmin})
    EXPECT_TRUE(CheckRole(role, "x", submit).ok());
  EXPECT_THAT(CheckRole(Role::kViewer, "eve", submit).message(),
              AllOf(HasSubstr("eve has role viewer"), HasSubstr("SubmitRun needs role submitter")));
  EXPECT_FALSE(CheckRole(Role::kWorker, "w", submit).ok());
  EXPECT_TRUE(CheckRole(Role::kWorker, "w", *RuleOf("/braid.v1.Workers/Session")).ok());
  EXPECT_FALSE(CheckRole(Role::kOperator, "o", *RuleOf("/braid.v1.Workers/Session")).ok());
  EXPECT_FALSE(CheckRole(Role::kOperator, "o", *RuleOf("/braid.v1.Access/CreateToken")).ok());
}

TEST(Rules, RolesHaveNames) {
  for (const Role role :
       {Role::kViewer, Role::kSubmitter, Role::kOperator, Role::kAdmin, Role::kWorker})
    EXPECT_EQ(RoleNamed(NameOf(role)).value(), role);
  EXPECT_THAT(RoleNamed("king").status().message(), HasSubstr("there are viewer"));
}

// What a worker says in the metadata of what it commits gives it no file of others.
TEST(InputBlobs, AreTheFilesOfTheManifestWhateverItsMetadataSay) {
  storage::Manifest manifest;
  manifest.kind = "checkpoint";
  manifest.files = {{"a", std::string(64, '1'), 1}, {"b],\"kind\":\"", std::string(64, '2'), 1}};
  manifest.metadata = {{"x", {{"sha256", std::string(64, '3')}}}};
  catalog::ArtifactRecord artifact;
  artifact.id = "a";
  artifact.manifest = manifest.Canonical();
  InputBlobs blobs;
  EXPECT_TRUE(blobs.Has(artifact, std::string(64, '1')));
  EXPECT_TRUE(blobs.Has(artifact, std::string(64, '2')));
  EXPECT_FALSE(blobs.Has(artifact, std::string(64, '3')));
  EXPECT_FALSE(blobs.Has(artifact, ""));
  EXPECT_EQ(blobs.read(), 1u) << "its manifest, once";
}

class AccessTest : public TokensTest {
 protected:
  grpc::Status Revoke(const std::string& id, const std::string& as = kToken) {
    grpc::ClientContext context;
    v1::RevokeTokenRequest request;
    request.set_id(id);
    v1::Credential reply;
    return As(as)->RevokeToken(&context, request, &reply);
  }
  // A session of w1 with this token, whose hello was answered.
  struct WorkerSession {
    grpc::ClientContext context;
    std::unique_ptr<v1::Workers::Stub> stub;
    std::unique_ptr<grpc::ClientReaderWriter<v1::WorkerSignal, v1::DesiredState>> stream;
    // Until the coordinator ends it.
    grpc::Status End() {
      v1::DesiredState state;
      while (stream->Read(&state)) {
      }
      return stream->Finish();
    }
  };
  std::unique_ptr<WorkerSession> OpenSession(const std::string& token) {
    auto session = std::make_unique<WorkerSession>();
    Limit(&session->context);
    session->stub = v1::Workers::NewStub(rpc::MakeChannel(server_->address(), token));
    session->stream = session->stub->Session(&session->context);
    v1::WorkerSignal signal;
    signal.mutable_hello()->set_worker_id("w1");
    signal.mutable_hello()->set_boot_id("b1");
    session->stream->Write(signal);
    v1::DesiredState state;
    EXPECT_TRUE(session->stream->Read(&state));
    EXPECT_EQ(state.coordinator_id(), catalog_->id());
    return session;
  }
  catalog::AttemptState StateOfAttempt() {
    catalog::AttemptState state{};
    EXPECT_TRUE(
        core_->Query([&](const State& all) { state = all.FindAttempt({"r1", "j", 1})->state; })
            .ok());
    return state;
  }
};

TEST_F(AccessTest, ATokenIsItsNameAndRoleUntilItIsRevoked) {
  ASSERT_TRUE(Create("eve", v1::VIEWER, Secret('e')).ok());
  v1::Credential own;
  ASSERT_TRUE(WhoAmI(Secret('e'), &own).ok());
  EXPECT_EQ(own.name(), "eve");
  EXPECT_EQ(own.role(), v1::VIEWER);
  // The same again is the same; another's secret, or another role, is not.
  EXPECT_TRUE(Create("eve", v1::VIEWER, Secret('e')).ok());
  EXPECT_EQ(Create("bob", v1::VIEWER, Secret('e')).error_code(), grpc::ALREADY_EXISTS);
  EXPECT_EQ(Create("eve", v1::ADMIN, Secret('f')).error_code(), grpc::ALREADY_EXISTS);
  // What is beyond its role names the role.
  const grpc::Status denied = Create("x", v1::ADMIN, Secret('x'), 0, Secret('e'));
  EXPECT_EQ(denied.error_code(), grpc::PERMISSION_DENIED);
  EXPECT_THAT(denied.error_message(),
              AllOf(HasSubstr("eve has role viewer"), HasSubstr("needs role admin")));
  ASSERT_TRUE(Revoke("eve").ok());
  const grpc::Status gone = WhoAmI(Secret('e'), &own);
  EXPECT_EQ(gone.error_code(), grpc::UNAUTHENTICATED);
  EXPECT_THAT(gone.error_message(),
              AllOf(HasSubstr("was revoked at"), HasSubstr("by the owner"),
                    HasSubstr("braid token create --role viewer --name eve")));
  EXPECT_EQ(Revoke("eve").error_code(), grpc::NOT_FOUND);
}

TEST_F(AccessTest, ATokenEndsByItself) {
  ASSERT_TRUE(Create("eve", v1::VIEWER, Secret('e'), 1).ok());
  v1::Credential own;
  grpc::Status status;
  do {  // a millisecond passes
    status = WhoAmI(Secret('e'), &own);
  } while (status.ok());
  EXPECT_EQ(status.error_code(), grpc::UNAUTHENTICATED);
  EXPECT_THAT(status.error_message(), HasSubstr("has expired at"));
}

TEST_F(AccessTest, ImpossibleTokensAreRefused) {
  for (const char* name : {"", "with space", "line\n", "\xc3\xa4"})
    EXPECT_EQ(Create(name, v1::VIEWER, Secret('1')).error_code(), grpc::INVALID_ARGUMENT) << name;
  EXPECT_EQ(Create("eve", v1::ROLE_UNSPECIFIED, Secret('1')).error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(Create("eve", v1::VIEWER, Secret('1'), -1).error_code(), grpc::INVALID_ARGUMENT);
  // The secret itself, sent by mistake, is not stored as if it were a digest.
  grpc::ClientContext context;
  v1::CreateTokenRequest request;
  request.set_name("eve");
  request.set_role(v1::VIEWER);
  request.set_secret_sha256("my secret");
  v1::Credential reply;
  const grpc::Status status = As()->CreateToken(&context, request, &reply);
  EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("64 lower-case hex digits"));
}

TEST_F(AccessTest, ACredentialTellsWhenItWasLastUsed) {
  ASSERT_TRUE(Create("eve", v1::VIEWER, Secret('e')).ok());
  ASSERT_TRUE(core_
                  ->Do([&](Transaction& tx) {
                    NoteUses({{IdOfToken('e'), 1'234}, {"t-none", 5}}, backend_.access.get(), tx);
                    return OkStatus();
                  })
                  .ok());
  v1::Credential own;
  ASSERT_TRUE(WhoAmI(Secret('e'), &own).ok());
  EXPECT_EQ(own.last_used_ms(), 1'234);
}

TEST_F(AccessTest, SecretsAreNowhereInTheCatalog) {
  ASSERT_TRUE(Create("eve", v1::VIEWER, Secret('e')).ok());
  for (const char* file : {"braid.db", "braid.db-wal"})
    EXPECT_EQ(ReadFile(JoinPath(folder_.path(), file)).value().find(Secret('e')),
              std::string::npos);
}

TEST_F(AccessTest, ARunsUserIsWhoseTokenItWas) {
  ASSERT_TRUE(Create("eve", v1::SUBMITTER, Secret('e')).ok());
  ASSERT_TRUE(Create("bob", v1::SUBMITTER, Secret('b')).ok());
  ASSERT_TRUE(Create("op", v1::OPERATOR, Secret('o')).ok());
  ASSERT_TRUE(Upload("text", 0, 4, Sha256Hex("text")).ok());
  const std::string source = Commit("text", "source", 1);
  runs_service_ = v1::Runs::NewStub(rpc::MakeChannel(server_->address(), Secret('e')));
  v1::Run run;
  ASSERT_TRUE(Submit("mine", "", source, &run).ok());
  EXPECT_EQ(run.user(), "eve");
  // Whatever they say: the owner alone submits for others.
  for (const auto& [token, user] : {std::pair(Secret('e'), "eve"), std::pair(kToken, "bob")}) {
    grpc::ClientContext context;
    v1::SubmitRunRequest request;
    request.set_recipe(
        "run: x\ntokenizer: {train: {vocab: 300}}\n"
        "corpora: {c: {files: [a.jsonl]}}\n"
        "baselines: [{name: m, d: 8, heads: 2, blocks: 1}]\n");
    (*request.mutable_sources())["source.c"] = source;
    request.set_user("bob");
    v1::Run reply;
    ASSERT_TRUE(v1::Runs::NewStub(rpc::MakeChannel(server_->address(), token))
                    ->SubmitRun(&context, request, &reply)
                    .ok());
    EXPECT_EQ(reply.user(), user);
  }
  const auto cancel = [&](char who) {
    grpc::ClientContext context;
    v1::CancelRunRequest request;
    request.set_id(run.id());
    v1::Run reply;
    return v1::Runs::NewStub(rpc::MakeChannel(server_->address(), Secret(who)))
        ->CancelRun(&context, request, &reply);
  };
  const grpc::Status others = cancel('b');
  EXPECT_EQ(others.error_code(), grpc::PERMISSION_DENIED);
  EXPECT_THAT(others.error_message(),
              AllOf(HasSubstr("is not bob's but eve's"), HasSubstr("role operator")));
  const auto pause = [&](char who, v1::Run* reply) {
    grpc::ClientContext context;
    v1::PauseRunRequest request;
    request.set_id(run.id());
    request.set_reason("it is night");
    request.set_user("somebody else");
    return v1::Runs::NewStub(rpc::MakeChannel(server_->address(), Secret(who)))
        ->PauseRun(&context, request, reply);
  };
  const auto resume = [&](char who, v1::Run* reply) {
    grpc::ClientContext context;
    v1::ResumeRunRequest request;
    request.set_id(run.id());
    return v1::Runs::NewStub(rpc::MakeChannel(server_->address(), Secret(who)))
        ->ResumeRun(&context, request, reply);
  };
  v1::Run paused;
  EXPECT_EQ(pause('b', &paused).error_code(), grpc::PERMISSION_DENIED);
  EXPECT_TRUE(pause('e', &paused).ok()) << "it is hers";
  EXPECT_GT(paused.paused_ms(), 0);
  EXPECT_EQ(paused.paused_by(), "eve") << "whatever she says";
  EXPECT_EQ(paused.pause_reason(), "it is night");
  EXPECT_EQ(resume('b', &paused).error_code(), grpc::PERMISSION_DENIED);
  EXPECT_TRUE(resume('o', &paused).ok());
  EXPECT_EQ(paused.paused_ms(), 0);
  const auto tag = [&](char who, v1::Run* reply) {
    grpc::ClientContext context;
    v1::TagRunRequest request;
    request.set_id(run.id());
    request.add_add("by " + std::string(1, who));
    request.set_request_id(std::string("tag ") + who);
    return v1::Runs::NewStub(rpc::MakeChannel(server_->address(), Secret(who)))
        ->TagRun(&context, request, reply);
  };
  v1::Run tagged;
  EXPECT_EQ(tag('b', &tagged).error_code(), grpc::PERMISSION_DENIED);
  EXPECT_TRUE(tag('e', &tagged).ok()) << "it is hers";
  EXPECT_TRUE(tag('e', &tagged).ok()) << "the same request again";
  EXPECT_TRUE(cancel('o').ok());
  EXPECT_TRUE(tag('o', &tagged).ok()) << "also when it has ended";
  EXPECT_THAT(tagged.tags(), ElementsAre("by e", "by o"));
  const auto remove = [&](char who) {
    grpc::ClientContext context;
    v1::DeleteRunRequest request;
    request.set_id(run.id());
    v1::DeleteRunResponse reply;
    return v1::Keeping::NewStub(rpc::MakeChannel(server_->address(), Secret(who)))
        ->DeleteRun(&context, request, &reply);
  };
  EXPECT_EQ(remove('b').error_code(), grpc::PERMISSION_DENIED);
  EXPECT_TRUE(remove('e').ok()) << "it is hers";
}

TEST_F(AccessTest, AnArtifactOfARunIsPinnedByItsUser) {
  PutAttempt();  // of ada
  ASSERT_TRUE(Create("ada", v1::SUBMITTER, Secret('a')).ok());
  ASSERT_TRUE(Create("bob", v1::SUBMITTER, Secret('b')).ok());
  ASSERT_TRUE(core_
                  ->Do([](Transaction& tx) {
                    catalog::ArtifactRecord artifact;
                    artifact.id = std::string(64, 'c');
                    artifact.kind = "checkpoint";
                    artifact.manifest = "{}";
                    artifact.made_by = {"r1", "j", 1};
                    tx.Add(catalog::ArtifactCommitted{artifact});
                    return OkStatus();
                  })
                  .ok());
  const auto pin = [&](char who, bool pinned) {
    grpc::ClientContext context;
    v1::PinArtifactRequest request;
    request.set_id(std::string(8, 'c'));
    request.set_pinned(pinned);
    v1::Artifact reply;
    return v1::Keeping::NewStub(rpc::MakeChannel(server_->address(), Secret(who)))
        ->PinArtifact(&context, request, &reply);
  };
  EXPECT_TRUE(pin('a', true).ok());
  const grpc::Status others = pin('b', false);
  EXPECT_EQ(others.error_code(), grpc::PERMISSION_DENIED);
  EXPECT_THAT(others.error_message(), HasSubstr("is not bob's but ada's"));
  EXPECT_TRUE(pin('a', false).ok());
}

// Every call of a worker, for a rank that is leased to another one.
TEST_F(AccessTest, AWorkerSpeaksForItsOwnRanksAlone) {
  ASSERT_TRUE(Create("w1", v1::WORKER, Secret('1')).ok());
  ASSERT_TRUE(Create("w3", v1::WORKER, Secret('3')).ok());
  PutAttempt();
  const auto workers = [&](char who) {
    return v1::Workers::NewStub(rpc::MakeChannel(server_->address(), Secret(who)));
  };
  const auto rank = [](int32_t number, v1::RankId* id) {
    id->set_run_id("r1");
    id->set_job("j");
    id->set_epoch(1);
    id->set_rank(number);
  };
  const auto call = [&](auto method, char who, int32_t number, auto request, auto reply) {
    rank(number, request.mutable_id());
    if constexpr (requires { request.set_worker_id(""); }) request.set_worker_id("w1");
    if constexpr (requires { request.set_key(""); }) request.set_key("k");
    if constexpr (requires { request.set_timeout_ms(1); }) request.set_timeout_ms(1);
    grpc::ClientContext context;
    const auto stub = workers(who);
    return ((*stub).*method)(&context, request, &reply);
  };
  using S = v1::Workers::Stub;
  const auto everything = [&](char who, int32_t number) {
    std::vector<grpc::Status> said;
    said.push_back(call(&S::ReportStarted, who, number, v1::ReportStartedRequest(),
                        v1::ReportStartedResponse()));
    said.push_back(call(&S::AppendLog, who, number, v1::AppendLogRequest(), v1::AppendResponse()));
    said.push_back(call(&S::PutRendezvous, who, number, v1::PutRendezvousRequest(),
                        v1::PutRendezvousResponse()));
    said.push_back(call(&S::GetRendezvous, who, number, v1::GetRendezvousRequest(),
                        v1::GetRendezvousResponse()));
    said.push_back(
        call(&S::ReportEnded, who, number, v1::ReportEndedRequest(), v1::ReportEndedResponse()));
    return said;
  };
  for (const auto& [who, number] : {std::pair('3', 0), std::pair('1', 1)}) {
    for (const grpc::Status& status : everything(who, number))
      EXPECT_EQ(status.error_code(), grpc::PERMISSION_DENIED) << status.error_message();
  }
  for (const int32_t none : {7, -1}) {  // ranks that the attempt does not have
    for (const grpc::Status& status : everything('1', none)) EXPECT_FALSE(status.ok());
  }
  EXPECT_EQ(call(&S::AppendMetrics, '3', 0, v1::AppendMetricsRequest(), v1::AppendResponse())
                .error_code(),
            grpc::PERMISSION_DENIED);
  // A forged epoch is no attempt at all.
  {
    grpc::ClientContext context;
    v1::ReportStartedRequest request;
    rank(0, request.mutable_id());
    request.mutable_id()->set_epoch(2);
    v1::ReportStartedResponse reply;
    EXPECT_EQ(workers('1')->ReportStarted(&context, request, &reply).error_code(), grpc::ABORTED);
  }
  // Its own rank: nothing is forbidden.
  for (const grpc::Status& status : everything('1', 0))
    EXPECT_NE(status.error_code(), grpc::PERMISSION_DENIED) << status.error_message();
}

TEST_F(AccessTest, AWorkerReadsTheInputsOfItsOwnAttemptsAlone) {
  PutAttempt();
  const Identity w1{"w1", Role::kWorker, "", "k-1", false},
      w3{"w3", Role::kWorker, "", "k-3", false};
  const Identity viewer{"eve", Role::kViewer, "", "t-1", false};
  InputBlobs blobs;
  ASSERT_TRUE(core_
                  ->Query([&](const State& state) {
                    for (const Identity& who : {w1, viewer}) {
                      EXPECT_TRUE(CheckOwnInput(who, "a1", state).ok());
                      EXPECT_TRUE(CheckOwnBlob(who, std::string(64, '1'), state, &blobs).ok());
                    }
                    EXPECT_TRUE(CheckOwnInput(w1, "a2", state).ok()) << "from which it began";
                    EXPECT_TRUE(CheckOwnInput(w1, "a3", state).ok()) << "which it has written";
                    EXPECT_TRUE(CheckOwnInput(viewer, "a4", state).ok());
                    for (const Status& status :
                         {CheckOwnInput(w1, "a4", state), CheckOwnInput(w3, "a1", state),
                          CheckOwnInput(w3, "a2", state), CheckOwnInput(w3, "a3", state),
                          CheckOwnBlob(w1, std::string(64, '2'), state, &blobs),
                          CheckOwnBlob(w1, "", state, &blobs),
                          CheckOwnBlob(w3, std::string(64, '1'), state, &blobs)})
                      EXPECT_EQ(status.code(), StatusCode::kPermissionDenied);
                  })
                  .ok());
  // Through the API as well.
  ASSERT_TRUE(Create("w3", v1::WORKER, Secret('3')).ok());
  const auto artifacts = v1::Artifacts::NewStub(rpc::MakeChannel(server_->address(), Secret('3')));
  v1::Artifact artifact;
  v1::GetArtifactRequest get;
  get.set_id("a1");
  grpc::ClientContext first, second, third, fourth;
  EXPECT_EQ(artifacts->GetArtifact(&first, get, &artifact).error_code(), grpc::PERMISSION_DENIED);
  v1::VerifyArtifactResponse verified;
  EXPECT_EQ(artifacts->VerifyArtifact(&second, get, &verified).error_code(),
            grpc::PERMISSION_DENIED);
  v1::DownloadBlobRequest download;
  download.set_sha256(std::string(64, '1'));
  const auto reader = artifacts->DownloadBlob(&third, download);
  v1::DownloadBlobResponse piece;
  EXPECT_FALSE(reader->Read(&piece));
  EXPECT_EQ(reader->Finish().error_code(), grpc::PERMISSION_DENIED);
  // Nor is it told who has them, and it cannot say that it has.
  const auto workers = v1::Workers::NewStub(rpc::MakeChannel(server_->address(), Secret('3')));
  for (const char* speaker : {"w3", "w1"}) {
    grpc::ClientContext find_context, report_context;
    v1::FindNeighboursRequest find;
    find.set_worker_id(speaker);
    find.set_artifact("a1");
    find.set_sha256(std::string(64, '1'));
    v1::FindNeighboursResponse found;
    EXPECT_EQ(workers->FindNeighbours(&find_context, find, &found).error_code(),
              grpc::PERMISSION_DENIED);
    v1::ReportFetchedRequest report;
    report.set_worker_id(speaker);
    report.set_artifact("a1");
    report.set_sha256(std::string(64, '1'));
    v1::ReportFetchedResponse reported;
    EXPECT_EQ(workers->ReportFetched(&report_context, report, &reported).error_code(),
              grpc::PERMISSION_DENIED);
  }
  v1::ListArtifactsResponse list;
  EXPECT_EQ(artifacts->ListArtifacts(&fourth, {}, &list).error_code(), grpc::PERMISSION_DENIED);
}

// Run r2 has an attempt of worker w1, whose output `shards` is bound to the site lab.
TEST_F(AccessTest, AFileOfABoundOutputIsNotTaken) {
  Create("w1", v1::WORKER, '1');
  Create("w2", v1::WORKER, '2');
  ASSERT_TRUE(core_
                  ->Do([](Transaction& tx) {
                    catalog::RunRecord run;
                    run.id = "r2";
                    tx.Add(catalog::RunCreated{run});
                    catalog::JobRecord job;
                    job.key = {"r2", "prepare:a"};
                    job.kind = "prepare";
                    job.site = "lab";
                    job.binding = task::Binding::kShards;
                    job.state = catalog::JobState::kQueued;
                    tx.Add(catalog::JobCreated{job});
                    catalog::AttemptRecord attempt;
                    attempt.key = {"r2", "prepare:a", 1};
                    attempt.workers = {"w1"};
                    attempt.boots = {"b1"};
                    tx.Add(catalog::AttemptGranted{attempt});
                    return OkStatus();
                  })
                  .ok());
  const std::string text = "tokens of the documents of the paths";
  // How an upload ends: by whom, and as which output; "" names none.
  const auto upload = [&](const std::string& token, const std::string& role) {
    grpc::ClientContext context;
    Limit(&context);
    v1::QueryUploadResponse response;
    const auto stub = v1::Artifacts::NewStub(rpc::MakeChannel(server_->address(), token));
    const auto writer = stub->UploadBlob(&context, &response);
    v1::UploadBlobRequest request;
    request.set_sha256(Sha256Hex(text));
    request.set_size(text.size());
    request.set_data(text);
    if (!role.empty()) {
      request.mutable_rank()->set_run_id("r2");
      request.mutable_rank()->set_job("prepare:a");
      request.mutable_rank()->set_epoch(1);
      request.set_role(role);
    }
    writer->Write(request);
    writer->WritesDone();
    return rpc::FromGrpc(writer->Finish());
  };
  for (const std::string& token : {Secret('1'), kToken}) {
    const Status refused = upload(token, "shards");
    EXPECT_TRUE(refused.Is(ErrorReason::kBoundToSite)) << refused.message();
    EXPECT_THAT(refused.message(), HasSubstr("output shards of r2/prepare:a is bound to site lab"));
  }
  EXPECT_TRUE(upload(Secret('1'), "").Is(ErrorReason::kBoundToSite)) << "of what?";
  EXPECT_EQ(upload(Secret('2'), "shared").code(), StatusCode::kPermissionDenied)
      << "of another worker's rank";
  EXPECT_EQ(Committed(text), 0u) << "not a byte was kept";
  EXPECT_FALSE(blobs_->Has(Sha256Hex(text)));
  EXPECT_TRUE(upload(Secret('1'), "shared").ok());
  EXPECT_TRUE(blobs_->Has(Sha256Hex(text)));
}

// Files of an artifact that is bound are not given out, even if equal ones are here.
TEST_F(AccessTest, FilesOfABoundArtifactAreNotGivenOut) {
  const std::string text = "what stays";
  ASSERT_TRUE(Upload(text, 0, text.size(), Sha256Hex(text)).ok());
  ASSERT_TRUE(core_
                  ->Do([&](Transaction& tx) {
                    catalog::ArtifactRecord artifact;
                    artifact.id = std::string(64, 'b');
                    artifact.kind = "shards";
                    artifact.manifest = "{\"files\":[]}";
                    artifact.metadata = "{}";
                    artifact.site = "lab";
                    artifact.worker = "w1";
                    artifact.bound = true;
                    tx.Add(catalog::ArtifactCommitted{artifact});
                    return OkStatus();
                  })
                  .ok());
  grpc::ClientContext context, verifying;
  v1::DownloadBlobRequest request;
  request.set_sha256(Sha256Hex(text));
  request.set_artifact(std::string(64, 'b'));
  const auto reader = artifacts_->DownloadBlob(&context, request);
  v1::DownloadBlobResponse piece;
  EXPECT_FALSE(reader->Read(&piece));
  const Status refused = rpc::FromGrpc(reader->Finish());
  EXPECT_TRUE(refused.Is(ErrorReason::kBoundToSite)) << refused.message();
  EXPECT_THAT(refused.message(), HasSubstr("is bound to site lab and does not leave it: its files "
                                           "are on worker w1"));
  v1::GetArtifactRequest which;
  which.set_id(std::string(64, 'b'));
  v1::VerifyArtifactResponse verified;
  EXPECT_TRUE(rpc::FromGrpc(artifacts_->VerifyArtifact(&verifying, which, &verified))
                  .Is(ErrorReason::kBoundToSite));
  grpc::ClientContext looking;
  v1::Artifact artifact;
  ASSERT_TRUE(artifacts_->GetArtifact(&looking, which, &artifact).ok());
  EXPECT_TRUE(artifact.bound());
}

TEST_F(AccessTest, AWorkerSaysHelloUnderItsOwnIdAlone) {
  ASSERT_TRUE(Create("w1", v1::WORKER, Secret('1')).ok());
  grpc::ClientContext context;
  const auto stub = v1::Workers::NewStub(rpc::MakeChannel(server_->address(), Secret('1')));
  Limit(&context);
  const auto stream = stub->Session(&context);
  v1::WorkerSignal signal;
  signal.mutable_hello()->set_worker_id("w2");
  signal.mutable_hello()->set_boot_id("b");
  stream->Write(signal);
  v1::DesiredState state;
  while (stream->Read(&state)) {
  }
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::PERMISSION_DENIED);
  EXPECT_THAT(status.error_message(), HasSubstr("is worker w1 and speaks for worker w2"));
}

TEST_F(AccessTest, WhatAWorkerSaysOfItsMachineIsShown) {
  ASSERT_TRUE(Create("w1", v1::WORKER, Secret('1')).ok());
  ASSERT_TRUE(Create("eve", v1::VIEWER, Secret('e')).ok());
  const auto session = OpenSession(Secret('1'));
  v1::WorkerSignal signal;
  signal.mutable_load()->set_cpu_percent(37);
  signal.mutable_load()->set_memory_used_mib(1);
  signal.mutable_load()->set_memory_mib(4);
  session->stream->Write(signal);
  const auto admin = v1::Admin::NewStub(rpc::MakeChannel(server_->address(), Secret('e')));
  const auto listed = [&] {
    grpc::ClientContext context;
    Limit(&context);
    v1::ListWorkersResponse list;
    EXPECT_TRUE(admin->ListWorkers(&context, {}, &list).ok());
    return list.workers_size() == 0 ? v1::Worker() : list.workers(0);
  };
  while (!listed().has_load()) std::this_thread::yield();
  EXPECT_EQ(listed().load().cpu_percent(), 37);
  v1::GetWorkerLoadsRequest request;
  v1::WorkerLoads loads;
  request.add_workers("w1");
  request.add_workers("nobody");
  const auto ask = [&] {
    grpc::ClientContext context;
    Limit(&context);
    return admin->GetWorkerLoads(&context, request, &loads);
  };
  ASSERT_TRUE(ask().ok());
  ASSERT_EQ(loads.workers_size(), 1);
  EXPECT_EQ(loads.workers(0).worker(), "w1");
  ASSERT_EQ(loads.workers(0).cpu_size(), 120);
  EXPECT_THAT(loads.workers(0).cpu(), testing::Contains(37));
  EXPECT_THAT(loads.workers(0).memory(), testing::Contains(25));
  EXPECT_EQ(loads.workers(0).gpu_size(), 0);
  EXPECT_EQ(loads.piece_interval_ms(), 30'000);
  for (int i = 0; i < 500; ++i) request.add_workers("w");
  EXPECT_EQ(ask().error_message(), "at most 500 workers, not 502");
  session->context.TryCancel();
  (void)session->End();
}

// Decisions about invitations, step by step.
TEST_F(AccessTest, AnInvitationIsGoodOnceAndNotForEver) {
  Access& access = *backend_.access;
  const Identity owner{"the owner", Role::kAdmin, "", "", false};
  const auto invite = [&](char secret, int64_t lifetime_ms, const std::string& worker) {
    std::string id;
    EXPECT_TRUE(core_
                    ->Do([&](Transaction& tx) -> Status {
                      BRAID_ASSIGN_OR_RETURN(
                          const CredentialRecord made,
                          InviteWorker({Sha256Hex(Secret(secret)), worker, "here", lifetime_ms},
                                       owner, &access, tx));
                      id = made.id;
                      return OkStatus();
                    })
                    .ok());
    return id;
  };
  const auto join = [&](const std::string& invitation, char key, const std::string& worker) {
    return core_->Do([&](Transaction& tx) {
      return JoinWorker({invitation, std::string(64, key), worker, "host-" + std::string(1, key)},
                        &access, tx)
          .status();
    });
  };
  const std::string first = invite('1', 60'000, "");
  ASSERT_TRUE(Create("bob", v1::ADMIN, Secret('b')).ok());
  EXPECT_THAT(join("t-" + Sha256Hex(Secret('b')).substr(0, 12), 'a', "w1").message(),
              HasSubstr("a worker joins with an invitation"));
  EXPECT_TRUE(join(first, 'a', "w1").ok());
  EXPECT_TRUE(join(first, 'a', "w1").ok()) << "the answer may have been lost";
  const Status again = join(first, 'b', "w2");
  EXPECT_EQ(again.code(), StatusCode::kPermissionDenied);
  EXPECT_THAT(again.message(), AllOf(HasSubstr("was used at"), HasSubstr("worker w1 on host-a")));
  const Status taken = join(invite('2', 60'000, ""), 'b', "w1");
  EXPECT_EQ(taken.code(), StatusCode::kAlreadyExists);
  EXPECT_THAT(taken.message(), HasSubstr("braid worker remove w1"));
  const Status other = join(invite('3', 60'000, "w3"), 'b', "w4");
  EXPECT_THAT(other.message(), AllOf(HasSubstr("is for worker w3"), HasSubstr("leave --id out")));
  const std::string old = invite('4', 1, "");
  const int64_t made = SystemClock().WallMs();
  while (SystemClock().WallMs() <= made + 1) {
  }
  EXPECT_THAT(join(old, 'b', "w5").message(), HasSubstr("has expired at"));
  // Removed, it is unknown; invited again, it is known again.
  ASSERT_TRUE(
      core_->Do([&](Transaction& tx) { return RemoveWorker("w1", owner, &access, tx).status(); })
          .ok());
  EXPECT_EQ(
      core_->Do([&](Transaction& tx) { return RemoveWorker("w1", owner, &access, tx).status(); })
          .code(),
      StatusCode::kNotFound);
  EXPECT_FALSE(join(first, 'a', "w1").ok());
  const auto put_admit = [&](catalog::WorkerAdmit admit) {
    EXPECT_TRUE(core_
                    ->Do([&](Transaction& tx) {
                      catalog::WorkerRecord worker;
                      worker.id = "w1";
                      worker.admit = admit;
                      tx.Add(catalog::WorkerRegistered{worker});
                      return OkStatus();
                    })
                    .ok());
  };
  put_admit(catalog::WorkerAdmit::kCordoned);  // as a removed worker is
  EXPECT_TRUE(join(invite('5', 60'000, "w1"), 'a', "").ok());
  ASSERT_TRUE(core_
                  ->Query([](const State& state) {
                    EXPECT_EQ(state.image().workers.at("w1").admit, catalog::WorkerAdmit::kOpen);
                  })
                  .ok());
  // Whoever comes back with its key comes back under its id, under which it may have leases.
  ASSERT_TRUE(join(invite('6', 60'000, ""), 'a', "").ok());
  for (const auto& [id, credential] : core_->state().image().credentials) {
    if (credential.ended_ms == 0 && credential.sha256 == std::string(64, 'a')) {
      EXPECT_EQ(credential.name, "w1");
    }
  }
}

TEST_F(AccessTest, TheSecretOfAnInvitationIsForJoiningAlone) {
  ASSERT_TRUE(core_
                  ->Do([&](Transaction& tx) {
                    return InviteWorker({Sha256Hex(Secret('1')), "", "", 60'000},
                                        {"the owner", Role::kAdmin, "", "", false},
                                        backend_.access.get(), tx)
                        .status();
                  })
                  .ok());
  v1::Credential own;
  const grpc::Status status = WhoAmI(Secret('1'), &own);
  EXPECT_EQ(status.error_code(), grpc::PERMISSION_DENIED);
  EXPECT_THAT(status.error_message(), HasSubstr("--join"));
}

TEST_F(AccessTest, WithoutTlsNobodyIsInvited) {
  grpc::ClientContext context;
  v1::InviteWorkerRequest request;
  request.set_secret_sha256(Sha256Hex(Secret('1')));
  request.set_lifetime_ms(1'000);
  v1::Invitation reply;
  const grpc::Status status = As(kToken)->InviteWorker(&context, request, &reply);
  EXPECT_EQ(status.error_code(), grpc::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), HasSubstr("--tls"));
}

// A stream, an upload and a wait, which would go on for hours.
TEST_F(AccessTest, ARevokedTokenEndsTheCallsThatAreOpen) {
  PutAttempt();
  ASSERT_TRUE(Create("eve", v1::SUBMITTER, Secret('e')).ok());
  const auto channel = rpc::MakeChannel(server_->address(), Secret('e'));
  const auto runs = v1::Runs::NewStub(channel);
  const auto artifacts = v1::Artifacts::NewStub(channel);
  grpc::ClientContext watching, uploading, waiting;
  for (grpc::ClientContext* context : {&watching, &uploading, &waiting}) Limit(context);
  const auto events = runs->WatchEvents(&watching, {});
  v1::Event event;
  ASSERT_TRUE(events->Read(&event));
  v1::QueryUploadResponse uploaded;
  const auto upload = artifacts->UploadBlob(&uploading, &uploaded);
  v1::UploadBlobRequest piece;
  piece.set_sha256(Sha256Hex("two pieces"));
  piece.set_size(10);
  piece.set_data("two ");
  ASSERT_TRUE(upload->Write(piece));
  v1::WaitRunRequest wait;
  wait.set_id("r1");
  wait.set_timeout_ms(3'600'000);
  v1::Run run;
  grpc::Status waited;
  std::thread waiter([&] { waited = runs->WaitRun(&waiting, wait, &run); });
  EXPECT_TRUE(Revoke("eve").ok());
  while (events->Read(&event)) {
  }
  waiter.join();
  for (const grpc::Status& status : {events->Finish(), upload->Finish(), waited}) {
    EXPECT_EQ(status.error_code(), grpc::UNAUTHENTICATED);
    EXPECT_THAT(status.error_message(), AllOf(HasSubstr("was revoked at"), HasSubstr("the owner")));
  }
}

TEST_F(AccessTest, AnExpiredTokenEndsTheCallsThatAreOpen) {
  ASSERT_TRUE(Create("eve", v1::VIEWER, Secret('e'), 300).ok());
  grpc::ClientContext context;
  Limit(&context);
  const auto events = v1::Runs::NewStub(rpc::MakeChannel(server_->address(), Secret('e')))
                          ->WatchEvents(&context, {});
  v1::Event event;
  while (events->Read(&event)) {
  }
  const grpc::Status status = events->Finish();
  EXPECT_EQ(status.error_code(), grpc::UNAUTHENTICATED);
  EXPECT_THAT(status.error_message(), HasSubstr("has expired at"));
}

TEST_F(AccessTest, AWorkersLastTokenTakesTheWorkerAlong) {
  ASSERT_TRUE(Create("w1", v1::WORKER, Secret('1')).ok());
  ASSERT_TRUE(Create("w1", v1::WORKER, Secret('2')).ok());
  PutAttempt();
  const auto first = OpenSession(Secret('1'));
  EXPECT_EQ(Revoke("w1").error_code(), grpc::INVALID_ARGUMENT) << "which of the two?";
  ASSERT_TRUE(Revoke(IdOfToken('1')).ok());
  const grpc::Status rotated = first->End();
  EXPECT_EQ(rotated.error_code(), grpc::UNAUTHENTICATED);
  EXPECT_THAT(rotated.error_message(), HasSubstr("was revoked at"));
  EXPECT_EQ(StateOfAttempt(), catalog::AttemptState::kOffered) << "it has another one";

  const auto second = OpenSession(Secret('2'));
  ASSERT_TRUE(Revoke("w1").ok());
  const grpc::Status removed = second->End();
  EXPECT_EQ(removed.error_code(), grpc::ALREADY_EXISTS)
      << "the worker ends, and does not try again";
  EXPECT_THAT(removed.error_message(),
              AllOf(HasSubstr("worker w1 was removed by the owner, who revoked its token"),
                    HasSubstr(IdOfToken('2'))));
  EXPECT_TRUE(Ended(StateOfAttempt())) << "its leases are lost";
  v1::Credential own;
  EXPECT_EQ(WhoAmI(Secret('2'), &own).error_code(), grpc::UNAUTHENTICATED);
  // A new token lets it come back, and get new attempts.
  ASSERT_TRUE(Create("w1", v1::WORKER, Secret('3')).ok());
  const auto third = OpenSession(Secret('3'));
  ASSERT_TRUE(core_
                  ->Query([](const State& state) {
                    EXPECT_EQ(state.image().workers.at("w1").admit, catalog::WorkerAdmit::kOpen);
                  })
                  .ok());
}

TEST_F(AccessTest, AKeyIsRevokedAsATokenIs) {
  Access& access = *backend_.access;
  const Identity owner{"the owner", Role::kAdmin, "", "", false};
  std::string key;
  ASSERT_TRUE(core_
                  ->Do([&](Transaction& tx) -> Status {
                    BRAID_ASSIGN_OR_RETURN(const CredentialRecord invitation,
                                           InviteWorker({Sha256Hex(Secret('1')), "w1", "", 60'000},
                                                        owner, &access, tx));
                    BRAID_ASSIGN_OR_RETURN(
                        const CredentialRecord made,
                        JoinWorker({invitation.id, std::string(64, 'a'), "", "host"}, &access, tx));
                    key = made.id;
                    return OkStatus();
                  })
                  .ok());
  EXPECT_EQ(Revoke("w1").error_code(), grpc::NOT_FOUND) << "a name is that of tokens";
  EXPECT_TRUE(Revoke(key).ok());
  ASSERT_TRUE(core_->Query([](const State& state) { EXPECT_TRUE(IsRemoved("w1", state)); }).ok());
}

TEST_F(AccessTest, AnOperatorRevokesWhatWorkersComeWithAndNoTokenOfPeople) {
  ASSERT_TRUE(Create("op", v1::OPERATOR, Secret('o')).ok());
  ASSERT_TRUE(Create("eve", v1::VIEWER, Secret('e')).ok());
  ASSERT_TRUE(Create("w1", v1::WORKER, Secret('1')).ok());
  std::string invitation;
  ASSERT_TRUE(core_
                  ->Do([&](Transaction& tx) -> Status {
                    BRAID_ASSIGN_OR_RETURN(
                        const CredentialRecord made,
                        InviteWorker({Sha256Hex(Secret('2')), "", "", 60'000},
                                     {"op", Role::kOperator, "", IdOfToken('o'), false},
                                     backend_.access.get(), tx));
                    invitation = made.id;
                    return OkStatus();
                  })
                  .ok());
  EXPECT_TRUE(Revoke(invitation, Secret('o')).ok());
  EXPECT_TRUE(Revoke("w1", Secret('o')).ok());
  const grpc::Status denied = Revoke("eve", Secret('o'));
  EXPECT_EQ(denied.error_code(), grpc::PERMISSION_DENIED);
  EXPECT_THAT(denied.error_message(),
              AllOf(HasSubstr("is of eve, role viewer"), HasSubstr("takes role admin")));
  EXPECT_EQ(Revoke("eve", Secret('e')).error_code(), grpc::PERMISSION_DENIED);
}

// Whoever holds the line of an open invitation must not become a worker that is away for a moment.
TEST_F(AccessTest, AnOpenInvitationGivesNobodyTheIdOfAKnownWorker) {
  Access& access = *backend_.access;
  const Identity owner{"the owner", Role::kAdmin, "", "", false};
  int joined = 0;
  const auto join = [&](const std::string& invited, const std::string& worker) {
    const std::string secret = Secret(static_cast<char>('A' + ++joined));
    return core_->Do([&](Transaction& tx) -> Status {
      BRAID_ASSIGN_OR_RETURN(
          const CredentialRecord invitation,
          InviteWorker({Sha256Hex(secret), invited, "", 60'000}, owner, &access, tx));
      return JoinWorker({invitation.id, Sha256Hex(secret + "key"), worker, "host"}, &access, tx)
          .status();
    });
  };
  ASSERT_TRUE(core_
                  ->Do([](Transaction& tx) {
                    catalog::WorkerRecord worker;
                    worker.id = "w9";
                    worker.boot_id = "b9";
                    tx.Add(catalog::WorkerRegistered{worker});
                    return OkStatus();
                  })
                  .ok());
  const Status open = join("", "w9");
  EXPECT_EQ(open.code(), StatusCode::kAlreadyExists);
  EXPECT_THAT(open.message(), AllOf(HasSubstr("there is a worker w9 already"),
                                    HasSubstr("braid worker invite --worker-id w9")));
  EXPECT_TRUE(join("w9", "").ok()) << "an operator has named it";
  ASSERT_TRUE(Create("w8", v1::WORKER, Secret('8')).ok());
  EXPECT_EQ(join("", "w8").code(), StatusCode::kAlreadyExists) << "it has a token";
  // Nor is one that is connected.
  ASSERT_TRUE(Create("w1", v1::WORKER, Secret('1')).ok());
  const auto session = OpenSession(Secret('1'));
  EXPECT_THAT(join("w1", "").message(), HasSubstr("a worker w1 is connected"));
  // One with leases is not replaced even by name: its attempts go on.
  PutAttempt();
  const Status leases = join("w2", "");
  EXPECT_EQ(leases.code(), StatusCode::kAlreadyExists);
  EXPECT_THAT(leases.message(), HasSubstr("has attempts that go on"));
  EXPECT_TRUE(join("", "w10").ok());
}

// One rule for the ids of workers, however a worker gets one.
TEST_F(AccessTest, AWorkersIdIsWhatAHelloMaySay) {
  EXPECT_TRUE(Create("lab machine 3", v1::WORKER, Secret('1')).ok());
  EXPECT_EQ(Create("line\n", v1::WORKER, Secret('2')).error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(Create(std::string(256, 'w'), v1::WORKER, Secret('2')).error_code(),
            grpc::INVALID_ARGUMENT);
  EXPECT_EQ(Create("", v1::WORKER, Secret('2')).error_code(), grpc::INVALID_ARGUMENT);
}

}  // namespace
}  // namespace braid::coordinator
