// What a worker may do and read: what concerns its own attempts.
#include <thread>

#include "braid/v1/admin.grpc.pb.h"
#include "braid/v1/worker.grpc.pb.h"
#include "coordinator/access/bounds.h"
#include "tests/coordinator/tokens_fixture.h"

namespace braid::coordinator {
namespace {

using ::testing::HasSubstr;

using WorkerAccessTest = TokensTest;

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

// Every call of a worker, for a rank that is leased to another one.
TEST_F(WorkerAccessTest, AWorkerSpeaksForItsOwnRanksAlone) {
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

TEST_F(WorkerAccessTest, AWorkerReadsTheInputsOfItsOwnAttemptsAlone) {
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

TEST_F(WorkerAccessTest, AWorkerSaysHelloUnderItsOwnIdAlone) {
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

TEST_F(WorkerAccessTest, WhatAWorkerSaysOfItsMachineIsShown) {
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

// One rule for the ids of workers, however a worker gets one.
TEST_F(WorkerAccessTest, AWorkersIdIsWhatAHelloMaySay) {
  EXPECT_TRUE(Create("lab machine 3", v1::WORKER, Secret('1')).ok());
  EXPECT_EQ(Create("line\n", v1::WORKER, Secret('2')).error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(Create(std::string(256, 'w'), v1::WORKER, Secret('2')).error_code(),
            grpc::INVALID_ARGUMENT);
  EXPECT_EQ(Create("", v1::WORKER, Secret('2')).error_code(), grpc::INVALID_ARGUMENT);
}

}  // namespace
}  // namespace braid::coordinator
