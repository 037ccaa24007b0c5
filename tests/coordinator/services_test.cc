// The gRPC services over a real channel: pages, large messages, uploads that go on, request ids.
#include "coordinator/services/services.h"

#include <grpcpp/generic/generic_stub.h>

#include "braid/v1/admin.grpc.pb.h"
#include "braid/v1/jobs.grpc.pb.h"
#include "tests/coordinator/services_fixture.h"

namespace braid::coordinator {
namespace {

using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

TEST_F(ServicesTest, AnUploadGoesOnWhereItStopped) {
  const std::string data = "first half, second half";
  const std::string digest = Sha256Hex(data);
  EXPECT_EQ(Committed(data), 0U);
  EXPECT_TRUE(Upload(data, 0, 12, digest).ok());
  EXPECT_EQ(Committed(data), 12U);
  const grpc::Status gap = Upload(data, 15, 3, digest);
  EXPECT_EQ(gap.error_code(), grpc::StatusCode::OUT_OF_RANGE);
  EXPECT_THAT(gap.error_message(), HasSubstr("12"));
  EXPECT_TRUE(Upload(data, 12, 11, digest).ok());
  EXPECT_EQ(Committed(data), data.size());
}

// Whatever the method, also those that are not ours.
TEST_F(ServicesTest, EveryCallNeedsTheToken) {
  const auto call = [&](const std::string& token, const std::string& method) {
    const auto channel = rpc::MakeChannel(server_->address(), token);
    grpc::TemplatedGenericStub<v1::GetServerInfoRequest, v1::ServerInfo> stub(channel);
    grpc::ClientContext context;
    grpc::CompletionQueue queue;
    v1::ServerInfo response;
    grpc::Status status;
    auto reader = stub.PrepareUnaryCall(&context, method, v1::GetServerInfoRequest(), &queue);
    reader->StartCall();
    reader->Finish(&response, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    EXPECT_TRUE(queue.Next(&tag, &ok));
    return status;
  };
  for (const char* method :
       {"/braid.v1.Admin/GetServerInfo", "/braid.v1.Workers/Session", "/braid.v1.Runs/ListRuns",
        "/braid.v1.Artifacts/DownloadBlob", "/grpc.health.v1.Health/Check",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", "/no.such/Method"}) {
    const grpc::Status none = call("", method);
    EXPECT_EQ(none.error_code(), grpc::StatusCode::UNAUTHENTICATED) << method;
    EXPECT_THAT(none.error_message(), HasSubstr("no token was sent"));
    EXPECT_THAT(none.error_message(), HasSubstr("/state/token"));
    for (const std::string& wrong : {kToken.substr(1), kToken + "a", std::string(64, 'b')}) {
      const grpc::Status other = call(wrong, method);
      EXPECT_EQ(other.error_code(), grpc::StatusCode::UNAUTHENTICATED) << method;
      EXPECT_THAT(other.error_message(), HasSubstr("the token is not this coordinator's"));
      EXPECT_THAT(other.error_message(), ::testing::Not(HasSubstr(kToken)));
    }
  }
  EXPECT_TRUE(call(kToken, "/braid.v1.Admin/GetServerInfo").ok());
}

TEST_F(ServicesTest, AServerWithoutATokenDoesNotStart) {
  Backend open;
  EXPECT_FALSE(Server::Start("127.0.0.1:0", &open).ok());
}

TEST(CheckLoopbackTest, ANameThatBeginsLikeALoopbackAddressIsNone) {
  for (const char* address : {"127.evil.example:1", "0.0.0.0:1", "[::]:1", "10.0.0.1:1"}) {
    EXPECT_EQ(CheckLoopback(address, "gRPC").code(), StatusCode::kPermissionDenied) << address;
  }
  for (const char* address : {"127.0.0.1:0", "127.1.2.3:0", "localhost:0", "[::1]:0"})
    EXPECT_TRUE(CheckLoopback(address, "gRPC").ok()) << address;
}

TEST_F(ServicesTest, UploadsThatAreLeftOpenHoldNoDescriptors) {
  ASSERT_TRUE(Upload("ab", 0, 1, Sha256Hex("ab")).ok());  // what a first call opens
  const size_t before = ListFolder("/proc/self/fd").value().size();
  for (int i = 0; i < 50; ++i) {
    const std::string data = "abandoned " + std::to_string(i);
    ASSERT_TRUE(Upload(data, 0, 3, Sha256Hex(data)).ok());
  }
  EXPECT_EQ(ListFolder("/proc/self/fd").value().size(), before);
}

TEST_F(ServicesTest, BytesOfAnotherDigestAreDropped) {
  const std::string data = "not what it says";
  const std::string wrong = Sha256Hex("something else");
  const grpc::Status status = Upload(data, 0, data.size(), wrong);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr(wrong.substr(0, 12)));
}

// gRPC carries a message in trailing metadata, 8 KiB of it in all.
TEST_F(ServicesTest, AnErrorThatEchoesInputIsOneThatArrives) {
  for (const std::string& id : {std::string(3'000'000, 'x'), std::string(3'000, '\x01'),
                                "caf\xC3\xA9" + std::string(2'000, 'y')}) {
    v1::GetRunRequest request;
    request.set_id(id);
    v1::Run run;
    grpc::ClientContext context;
    const grpc::Status status = runs_service_->GetRun(&context, request, &run);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND)
        << status.error_message().substr(0, 200);
    EXPECT_LT(status.error_message().size(), 1700u);
    EXPECT_GT(status.error_message().size(), 20u);
  }
}

TEST_F(ServicesTest, ListsComeInPagesWithoutGapsOrRepeats) {
  const std::string data = "x";
  ASSERT_TRUE(Upload(data, 0, 1, Sha256Hex(data)).ok());
  std::vector<std::string> ids, listed;
  for (int files = 1; files <= 5; ++files) ids.push_back(Commit(data, "source", files));
  std::string token;
  int pages = 0;
  do {
    v1::ListArtifactsResponse page;
    ASSERT_TRUE(List(token, &page).ok());
    EXPECT_LE(page.artifacts_size(), 2);
    for (const v1::Artifact& artifact : page.artifacts()) listed.push_back(artifact.id());
    token = page.next_page_token();
    ++pages;
  } while (!token.empty() && pages < 9);
  EXPECT_EQ(pages, 3);
  EXPECT_THAT(listed, ::testing::UnorderedElementsAreArray(ids));
  v1::ListArtifactsResponse page;
  const grpc::Status status = List("nonsense", &page);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("page token nonsense is not one of ours"));
}

TEST_F(ServicesTest, RunsComeInPagesAndARequestIdMakesOne) {
  const std::string data = "{}\n";
  ASSERT_TRUE(Upload(data, 0, data.size(), Sha256Hex(data)).ok());
  const std::string source = Commit(data, "source", 1);
  v1::Run first, again, run;
  ASSERT_TRUE(Submit("one", "request-1", source, &first).ok());
  ASSERT_TRUE(Submit("one", "request-1", source, &again).ok());
  EXPECT_EQ(again.id(), first.id());
  const grpc::Status reused = Submit("other", "request-1", source, &run);
  EXPECT_EQ(reused.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(reused.error_message(), HasSubstr("request-1"));
  ASSERT_TRUE(Submit("two", "request-2", source, &run).ok());
  ASSERT_TRUE(Submit("three", "request-3", source, &run).ok());
  v1::ListRunsResponse page, rest;
  ASSERT_TRUE(ListRuns("", &page).ok());
  ASSERT_EQ(page.runs_size(), 2);
  ASSERT_TRUE(ListRuns(page.next_page_token(), &rest).ok());
  ASSERT_EQ(rest.runs_size(), 1);
  EXPECT_EQ(rest.next_page_token(), "");
  EXPECT_THAT(
      (std::vector<std::string>{page.runs(0).name(), page.runs(1).name(), rest.runs(0).name()}),
      UnorderedElementsAre("one", "two", "three"));
  EXPECT_THAT(ListRuns("r-999", &page).error_message(),
              HasSubstr("page token r-999 is not one of ours"));
}

// The same of a run that is in memory as of one that is read from the catalog.
TEST_F(ServicesTest, EndedRunsAreListedAndShownAsTheOthersAre) {
  const std::string data = "{}\n";
  ASSERT_TRUE(Upload(data, 0, data.size(), Sha256Hex(data)).ok());
  const std::string source = Commit(data, "source", 1);
  v1::Run live, ended;
  ASSERT_TRUE(Submit("one", "request-1", source, &live).ok());
  ASSERT_TRUE(Submit("two", "request-2", source, &ended).ok());
  v1::CancelRunRequest cancel;
  cancel.set_id(ended.id());
  grpc::ClientContext cancel_context;
  v1::Run cancelled;
  ASSERT_TRUE(runs_service_->CancelRun(&cancel_context, cancel, &cancelled).ok());
  ASSERT_EQ(cancelled.state(), v1::RUN_CANCELLED);
  for (const char* name : {"two", ended.id().c_str()}) {
    grpc::ClientContext context;
    v1::GetRunRequest request;
    request.set_id(name);
    v1::Run shown;
    ASSERT_TRUE(runs_service_->GetRun(&context, request, &shown).ok());
    EXPECT_EQ(shown.SerializeAsString(), cancelled.SerializeAsString());
  }
  v1::ListRunsResponse listed;
  ASSERT_TRUE(ListRuns("", &listed).ok());
  ASSERT_EQ(listed.runs_size(), 2);
  for (const v1::Run& run : listed.runs()) {
    EXPECT_EQ(run.jobs_size(), 5) << run.id();
    EXPECT_EQ(run.state(), run.id() == ended.id() ? v1::RUN_CANCELLED : v1::RUN_ACTIVE);
    EXPECT_EQ(run.recipe(), "");
    for (const v1::Job& job : run.jobs()) {
      EXPECT_EQ(job.state() == v1::JOB_CANCELLED, run.id() == ended.id()) << job.name();
      EXPECT_EQ(job.pending_detail().starts_with("waits for"), job.state() == v1::JOB_BLOCKED)
          << "which the loop knows";
    }
  }
  grpc::ClientContext context;
  v1::ListJobsResponse jobs;
  ASSERT_TRUE(v1::Jobs::NewStub(channel_)->ListJobs(&context, {}, &jobs).ok());
  EXPECT_EQ(jobs.jobs_size(), 10);
  EXPECT_EQ(std::count_if(jobs.jobs().begin(), jobs.jobs().end(),
                          [](const v1::Job& job) { return job.state() == v1::JOB_CANCELLED; }),
            5);
}

// What no command of ours asks for.
TEST_F(ServicesTest, OtherClientsMayAskForPartsAndTryWithoutStoring) {
  const std::string data = "{}\n";
  ASSERT_TRUE(Upload(data, 0, data.size(), Sha256Hex(data)).ok());
  const std::string source = Commit(data, "source", 1);
  v1::Run run;
  ASSERT_TRUE(Submit("one", "request-1", source, &run).ok());
  const auto jobs = v1::Jobs::NewStub(channel_);
  const auto names = [&](v1::JobState state) {
    grpc::ClientContext context;
    v1::ListJobsRequest request;
    request.set_run_id(run.id());
    request.add_states(state);
    v1::ListJobsResponse response;
    EXPECT_TRUE(jobs->ListJobs(&context, request, &response).ok());
    std::vector<std::string> found;
    for (const v1::Job& job : response.jobs()) found.push_back(job.name());
    return found;
  };
  EXPECT_THAT(names(v1::JOB_QUEUED), UnorderedElementsAre("tokenizer"));
  EXPECT_THAT(names(v1::JOB_BLOCKED),
              UnorderedElementsAre("prepare:c", "m", "evaluate:m", "report"));

  grpc::ClientContext events_context, preview_context;
  v1::ListEventsRequest events_request;
  events_request.set_page_size(1);
  events_request.set_newest(true);
  v1::ListEventsResponse events;
  ASSERT_TRUE(runs_service_->ListEvents(&events_context, events_request, &events).ok());
  ASSERT_EQ(events.events_size(), 1);
  EXPECT_EQ(events.events(0).seq(), events.as_of_seq());

  v1::SubmitRunRequest preview;
  preview.set_recipe(
      "run: two\ntokenizer: {train: {vocab: 300}}\ncorpora: {c: {files: [a.jsonl]}}\n"
      "baselines: [{name: m, d: 8, heads: 2, blocks: 1}]\n");
  (*preview.mutable_sources())["source.c"] = source;
  preview.set_validate_only(true);
  v1::Run shown;
  ASSERT_TRUE(runs_service_->SubmitRun(&preview_context, preview, &shown).ok());
  EXPECT_EQ(shown.jobs_total(), 5);
  v1::ListRunsResponse page;
  ASSERT_TRUE(ListRuns("", &page).ok());
  EXPECT_EQ(page.runs_size(), 1) << "nothing was stored";
}

// Two paths of equal shape whose corpora have no caps cost as their files are large. Without sizes
// they would cost nothing, and the jobs before the longer one would wait behind the others.
TEST_F(ServicesTest, SizesThatAreSubmittedBecomeCosts) {
  const std::string data = "{}\n";
  ASSERT_TRUE(Upload(data, 0, data.size(), Sha256Hex(data)).ok());
  const std::string source = Commit(data, "source", 1);
  v1::SubmitRunRequest request;
  request.set_recipe(
      "run: sized\ntokenizer: {train: {vocab: 300}}\n"
      "corpora: {s: {files: [s.jsonl]}, l: {files: [l.jsonl]}}\n"
      "paths: [{name: short, corpus: s, d: 8, heads: 2, blocks: 1},\n"
      "        {name: long, corpus: l, d: 8, heads: 2, blocks: 1}]\n");
  (*request.mutable_sources())["source.s"] = source;
  (*request.mutable_sources())["source.l"] = source;
  const auto submit = [&](v1::Run* run) {
    grpc::ClientContext context;
    return runs_service_->SubmitRun(&context, request, run);
  };
  const auto flops = [&](const v1::Run& run, const std::string& job) {
    double found = -1;
    EXPECT_TRUE(
        core_->Query([&](const State& state) { found = state.FindJob({run.id(), job})->flops; })
            .ok());
    return found;
  };
  v1::Run run;
  ASSERT_TRUE(submit(&run).ok());
  EXPECT_EQ(flops(run, "long"), 0);
  (*request.mutable_sizes()->mutable_corpus_tokens())["s"] = 100'000;
  (*request.mutable_sizes()->mutable_corpus_tokens())["l"] = 300'000;
  ASSERT_TRUE(submit(&run).ok());
  EXPECT_GT(flops(run, "short"), 0);
  EXPECT_NEAR(flops(run, "long") / flops(run, "short"), 3, 1e-6);
  (*request.mutable_sizes()->mutable_corpus_tokens())["l"] = -1;
  const grpc::Status refused = submit(&run);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(refused.error_message(), "sizes.corpus_tokens: corpus l cannot have -1 tokens");
}

TEST_F(ServicesTest, AnArtifactOfManyFilesIsOneMessage) {
  const std::string data = "y";
  ASSERT_TRUE(Upload(data, 0, 1, Sha256Hex(data)).ok());
  const std::string id = Commit(data, "source", 45'000);  // more than gRPC's usual limit of 4 MiB
  grpc::ClientContext context;
  v1::GetArtifactRequest request;
  request.set_id(id);
  v1::Artifact artifact;
  ASSERT_TRUE(artifacts_->GetArtifact(&context, request, &artifact).ok());
  EXPECT_GT(artifact.manifest_json().size(), size_t{4} << 20);
  EXPECT_EQ(artifact.files(), 45'000);
}

}  // namespace
}  // namespace braid::coordinator
