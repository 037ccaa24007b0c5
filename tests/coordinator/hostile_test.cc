// Clients and workers that mean harm: whatever they send, they get an error, and others are served.
#include <arpa/inet.h>
#include <grpcpp/generic/generic_stub.h>
#include <sys/socket.h>

#include <chrono>
#include <future>
#include <limits>

#include "base/endpoint.h"
#include "base/text.h"
#include "braid/v1/admin.grpc.pb.h"
#include "braid/v1/worker.grpc.pb.h"
#include "rpc/rate_limited.h"
#include "rpc/status.h"
#include "tests/coordinator/tokens_fixture.h"

namespace braid::coordinator {
namespace {

using ::testing::HasSubstr;

class HostileTest : public TokensTest {
 protected:
  explicit HostileTest(const RateLimits& limits = {}) : TokensTest(limits) {}
  grpc::Status WhoAmI(const std::string& token) {
    v1::Credential reply;
    return TokensTest::WhoAmI(token, &reply);
  }
  void ExpectOthersAreServed() {
    const grpc::Status status = WhoAmI(kToken);
    EXPECT_TRUE(status.ok()) << status.error_message();
  }
  // Sends these bytes as the request of any method.
  grpc::Status SendBytes(const std::string& method, const std::string& bytes) {
    grpc::GenericStub stub(channel_);
    grpc::ClientContext context;
    Limit(&context);
    const grpc::Slice slice(bytes);
    grpc::ByteBuffer request(&slice, 1), response;
    std::promise<grpc::Status> done;
    stub.UnaryCall(&context, method, grpc::StubOptions(), &request, &response,
                   [&](grpc::Status status) { done.set_value(std::move(status)); });
    return done.get_future().get();
  }
};

class SlowHostileTest : public HostileTest {
 protected:
  // So few that no machine is too slow to call more often.
  SlowHostileTest() : HostileTest({.people = 0.5, .workers = 0.5, .open = 2}) {}
};

TEST_F(SlowHostileTest, AFloodIsRefusedWithTheTimeToWaitAndNobodyElseIs) {
  Create("eve", v1::VIEWER, 'e');
  Create("ada", v1::VIEWER, 'd');
  Create("w1", v1::WORKER, 'w');
  for (const char who : {'e', 'w'}) {
    grpc::Status status;
    for (int call = 0; call < 10'000 && status.ok(); ++call) status = WhoAmI(Secret(who));
    EXPECT_EQ(status.error_code(), grpc::RESOURCE_EXHAUSTED);
    EXPECT_THAT(status.error_message(), HasSubstr("calls a second"));
    const Status said = rpc::FromGrpc(status);
    EXPECT_EQ(said.reason(), "RATE_LIMITED");
    EXPECT_GT(rpc::RetryAfterMs(said), 0);
    EXPECT_LE(rpc::RetryAfterMs(said), 2'000);
  }
  EXPECT_TRUE(WhoAmI(Secret('d')).ok());
  for (int call = 0; call < 100; ++call) ExpectOthersAreServed();
  // Who is not known at all is no quicker.
  EXPECT_EQ(WhoAmI(Secret('x')).error_code(), grpc::UNAUTHENTICATED);
}

TEST_F(SlowHostileTest, WhoKeepsTooManyCallsOpenGetsNoMore) {
  Create("eve", v1::VIEWER, 'e');
  const auto runs = v1::Runs::NewStub(rpc::MakeChannel(server_->address(), Secret('e')));
  v1::Run run;
  ASSERT_TRUE(Upload("text", 0, 4, Sha256Hex("text")).ok());
  ASSERT_TRUE(Submit("small", "", Commit("text", "source", 1), &run).ok());
  struct Watch {
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReader<v1::Event>> stream;
  };
  std::vector<std::unique_ptr<Watch>> watches;
  const auto watch = [&]() -> Watch& {
    auto& one = watches.emplace_back(std::make_unique<Watch>());
    Limit(&one->context);
    one->stream = runs->WatchEvents(&one->context, {});
    return *one;
  };
  v1::Event event;
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(watch().stream->Read(&event)) << "an event of the run";
  Watch& third = watch();
  EXPECT_FALSE(third.stream->Read(&event));
  const grpc::Status status = third.stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("eve has 2 calls open (--open-calls"));
  // One that has ended makes room; the server may hear of it a little later.
  watches[0]->context.TryCancel();
  (void)watches[0]->stream->Finish();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  bool again = false;
  while (!again && std::chrono::steady_clock::now() < deadline) {
    again = watch().stream->Read(&event);
    if (!again) (void)watches.back()->stream->Finish();
  }
  EXPECT_TRUE(again) << "nobody else was let in for a minute";
  if (!again) return;
  watches.back()->context.TryCancel();
  (void)watches.back()->stream->Finish();
  watches[1]->context.TryCancel();
  (void)watches[1]->stream->Finish();
}

TEST_F(HostileTest, BytesThatAreNoMessageAreAnError) {
  std::string noise;
  for (int i = 0; i < 10'000; ++i) noise += static_cast<char>((i * 2'654'435'761U) >> 13);
  for (const char* method :
       {"/braid.v1.Runs/SubmitRun", "/braid.v1.Artifacts/CommitArtifact",
        "/braid.v1.Artifacts/FindMissingBlobs", "/braid.v1.Workers/ReportEnded",
        "/braid.v1.Access/CreateToken", "/braid.v1.Runs/None", "/nobody/Home"}) {
    for (const std::string& bytes : {noise, std::string(1, '\xff'), noise.substr(0, 3)})
      EXPECT_FALSE(SendBytes(method, bytes).ok()) << method;
  }
  ExpectOthersAreServed();
}

TEST_F(HostileTest, AMessageThatIsTooLargeIsRefused) {
  const std::string large(static_cast<size_t>(rpc::kMaxMessageBytes) + 1, 'x');
  grpc::ClientContext context;
  Limit(&context);
  v1::CommitArtifactRequest request;
  request.set_manifest_json(large);
  v1::Artifact reply;
  EXPECT_EQ(artifacts_->CommitArtifact(&context, request, &reply).error_code(),
            grpc::RESOURCE_EXHAUSTED);
  EXPECT_EQ(Upload(large, 0, large.size(), Sha256Hex(large)).error_code(),
            grpc::RESOURCE_EXHAUSTED);
  ExpectOthersAreServed();
}

// More of them than there are threads for files, each with more than a connection's window.
TEST_F(HostileTest, ReadersThatDoNotReadHoldNobodyUp) {
  const std::string data(4 << 20, 'x');
  for (size_t offset = 0; offset < data.size(); offset += 1 << 20)
    ASSERT_TRUE(Upload(data, offset, 1 << 20, Sha256Hex(data)).ok());
  struct Reader {
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReader<v1::DownloadBlobResponse>> stream;
  };
  std::vector<std::unique_ptr<Reader>> readers;
  for (int i = 0; i < 40; ++i) {
    auto& reader = readers.emplace_back(std::make_unique<Reader>());
    Limit(&reader->context);
    v1::DownloadBlobRequest request;
    request.set_sha256(Sha256Hex(data));
    reader->stream = artifacts_->DownloadBlob(&reader->context, request);
    v1::DownloadBlobResponse first;
    ASSERT_TRUE(reader->stream->Read(&first)) << "it is under way";
  }
  EXPECT_EQ(Committed("another blob"), 0u) << "which takes a thread for files";
  ExpectOthersAreServed();
  for (const auto& reader : readers) {
    reader->context.TryCancel();
    (void)reader->stream->Finish();
  }
}

TEST_F(HostileTest, BytesThatAreNoHttpAreNoCall) {
  const std::string address = server_->address();
  const auto port = static_cast<uint16_t>(ParseInt(address.substr(address.rfind(':') + 1)).value());
  for (const std::string& bytes :
       {std::string("GET / HTTP/1.1\r\n\r\n"), std::string(100'000, '\0'),
        std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") + std::string(100'000, '\xff')}) {
    const UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
    (void)!send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  ExpectOthersAreServed();
}

// A worker says in its heartbeats that it has the ranks of another one, and how far they are.
TEST_F(HostileTest, AWorkerIsNotBelievedAboutTheRanksOfOthers) {
  Create("w3", v1::WORKER, '3');
  ASSERT_TRUE(core_
                  ->Do([](Transaction& tx) {
                    catalog::RunRecord run;
                    run.id = "r9";
                    tx.Add(catalog::RunCreated{run});
                    catalog::JobRecord job;
                    job.key = {"r9", "j"};
                    job.kind = "train";
                    job.state = catalog::JobState::kQueued;
                    tx.Add(catalog::JobCreated{job});
                    catalog::AttemptRecord attempt;
                    attempt.key = {"r9", "j", 1};
                    attempt.workers = {"w1"};
                    attempt.boots = {"b1"};
                    tx.Add(catalog::AttemptGranted{attempt});
                    return OkStatus();
                  })
                  .ok());
  grpc::ClientContext context;
  Limit(&context);
  const auto stub = v1::Workers::NewStub(rpc::MakeChannel(server_->address(), Secret('3')));
  const auto stream = stub->Session(&context);
  v1::WorkerSignal signal;
  signal.mutable_hello()->set_worker_id("w3");
  signal.mutable_hello()->set_boot_id("b3");
  v1::RankStatus* rank = signal.add_ranks();
  rank->mutable_id()->set_run_id("r9");
  rank->mutable_id()->set_job("j");
  rank->mutable_id()->set_epoch(1);
  rank->mutable_progress()->set_phase("forged");
  rank->mutable_progress()->set_time_ms(1);
  *signal.add_delivering() = rank->id();
  signal.set_applied_version(std::numeric_limits<int64_t>::max());
  ASSERT_TRUE(stream->Write(signal));
  v1::DesiredState desired;
  ASSERT_TRUE(stream->Read(&desired)) << "it has been heard";
  EXPECT_EQ(desired.ranks_size(), 0);
  ASSERT_TRUE(core_
                  ->Query([](const State& state) {
                    const auto live = state.attempts.find({"r9", "j", 1});
                    const bool known = live != state.attempts.end();
                    EXPECT_EQ(known ? live->second.progress.phase : "", "");
                    EXPECT_EQ(state.FindAttempt({"r9", "j", 1})->state,
                              catalog::AttemptState::kOffered);
                  })
                  .ok());
  // A session that begins without saying who it is.
  grpc::ClientContext second;
  Limit(&second);
  const auto silent = stub->Session(&second);
  silent->Write({});
  while (silent->Read(&desired)) {
  }
  EXPECT_EQ(silent->Finish().error_code(), grpc::INVALID_ARGUMENT);
  context.TryCancel();
  (void)stream->Finish();
}

}  // namespace
}  // namespace braid::coordinator
