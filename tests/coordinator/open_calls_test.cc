// Calls that wait, over a real channel: they hold no thread, and every way to end one ends it.
#include <gmock/gmock.h>

#include <deque>
#include <functional>

#include "braid/v1/jobs.grpc.pb.h"
#include "braid/v1/worker.grpc.pb.h"
#include "coordinator/bulk/bulk_names.h"
#include "rpc/status.h"
#include "tests/coordinator/services_fixture.h"

namespace braid::coordinator {
namespace {

using ::testing::HasSubstr;

// What happened so far, waited for. Thread-safe.
class Tally {
 public:
  void Add() {
    MutexLock lock(mutex_);
    ++count_;
    changed_.NotifyAll();
  }
  void WaitFor(int count) {
    MutexLock lock(mutex_);
    while (count_ < count) changed_.Wait(mutex_);
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  int count_ BRAID_GUARDED_BY(mutex_) = 0;
};

// One open call of a client, whose callbacks come in gRPC's threads: the client has none, either.
struct ClientCall {
  grpc::ClientContext context;
  Tally got;    // messages
  Tally ended;  // once
  grpc::Status status;

  void Ended(const grpc::Status& how) {
    status = how;
    ended.Add();
  }
};

constexpr int64_t kBeatVersion = 7;  // tells a heartbeat from a hello

struct OpenSession final : ClientCall, grpc::ClientBidiReactor<v1::WorkerSignal, v1::DesiredState> {
  void Open(v1::Workers::Stub* stub, const v1::WorkerSignal& hello) {
    signal = hello;
    stub->async()->Session(&context, this);
    AddHold();  // writes come from outside of its callbacks
    StartWrite(&signal);
    StartRead(&state);
    StartCall();
  }
  void Beat() {
    signal.clear_hello();
    signal.set_applied_version(kBeatVersion);
    StartWrite(&signal);
  }
  void OnReadDone(bool ok) override {
    if (!ok) return RemoveHold();
    got.Add();
    StartRead(&state);
  }
  void OnDone(const grpc::Status& how) override { Ended(how); }
  v1::WorkerSignal signal;
  v1::DesiredState state;
};

struct OpenLog final : ClientCall, grpc::ClientReadReactor<v1::LogChunk> {
  void Open(v1::Jobs::Stub* stub, const v1::ReadLogRequest& asked) {
    request = asked;
    stub->async()->ReadLog(&context, &request, this);
    StartRead(&chunk);
    StartCall();
  }
  void OnReadDone(bool ok) override {
    if (!ok) return;
    text += chunk.data();
    got.Add();
    StartRead(&chunk);
  }
  void OnDone(const grpc::Status& how) override { Ended(how); }
  v1::ReadLogRequest request;
  v1::LogChunk chunk;
  std::string text;
};

struct OpenKey final : ClientCall {
  void Open(v1::Workers::Stub* stub, const v1::GetRendezvousRequest& asked) {
    request = asked;
    stub->async()->GetRendezvous(&context, &request, &response,
                                 [this](const grpc::Status& how) { Ended(how); });
  }
  v1::GetRendezvousRequest request;
  v1::GetRendezvousResponse response;
};

size_t Threads() {
  return ListFolder("/proc/self/task").value().size();
}

class OpenCallsTest : public ServicesTest {
 protected:
  // gRPC holds on to each call of a client until it has ended.
  ~OpenCallsTest() override {
    server_->Stop();
    for (OpenSession& session : sessions_) session.ended.WaitFor(1);
    for (OpenLog& log : logs_open_) log.ended.WaitFor(1);
    for (OpenKey& key : keys_) key.ended.WaitFor(1);
  }

  static v1::WorkerSignal HelloOf(const std::string& worker, int slots,
                                  const std::string& boot = "boot") {
    v1::WorkerSignal signal;
    signal.mutable_hello()->set_worker_id(worker);
    signal.mutable_hello()->set_boot_id(boot);
    signal.mutable_hello()->set_instance("the folder of " + worker);
    signal.mutable_hello()->set_site("local");
    signal.mutable_hello()->set_cpu_slots(slots);
    return signal;
  }

  OpenSession& Session(const v1::WorkerSignal& hello) {
    OpenSession& session = sessions_.emplace_back();
    session.Open(workers_.get(), hello);
    return session;
  }
  OpenLog& Follow(const std::string& run) {
    v1::ReadLogRequest request;
    request.set_run_id(run);
    request.set_job("tokenizer");
    request.set_follow(true);
    OpenLog& log = logs_open_.emplace_back();
    log.Open(jobs_.get(), request);
    return log;
  }
  OpenKey& Wait(const RankKey& rank, const std::string& name, int64_t timeout_ms = 60'000) {
    v1::GetRendezvousRequest request;
    request.mutable_id()->set_run_id(rank.run);
    request.mutable_id()->set_job(rank.job);
    request.mutable_id()->set_epoch(rank.epoch);
    request.set_key(name);
    request.set_timeout_ms(timeout_ms);
    OpenKey& key = keys_.emplace_back();
    key.Open(workers_.get(), request);
    return key;
  }

  // A run whose first job runs on worker w0 of the session that is opened for it.
  RankKey RunningJob() {
    const std::string data = "{}\n";
    EXPECT_TRUE(Upload(data, 0, data.size(), Sha256Hex(data)).ok());
    v1::Run run;
    EXPECT_TRUE(Submit("one", "", Commit(data, "source", 1), &run).ok());
    const RankKey rank{{run.id(), "tokenizer", 1}, 0};
    OpenSession& worker = Session(HelloOf("w0", 1));
    for (int seen = 1; !Live(rank); ++seen) worker.got.WaitFor(seen);
    return rank;
  }
  bool Live(const RankKey& rank) {
    bool live = false;
    EXPECT_TRUE(
        core_->Query([&](const State& state) { live = state.live().contains(rank.attempt()); })
            .ok());
    return live;
  }
  void Put(const RankKey& rank, const std::string& name, const std::string& value) {
    grpc::ClientContext context;
    v1::PutRendezvousRequest request;
    request.mutable_id()->set_run_id(rank.run);
    request.mutable_id()->set_job(rank.job);
    request.mutable_id()->set_epoch(rank.epoch);
    request.set_key(name);
    request.set_value(value);
    v1::PutRendezvousResponse response;
    EXPECT_TRUE(workers_->PutRendezvous(&context, request, &response).ok());
  }
  // Workers whose heartbeat the core has.
  int Beating() {
    int beating = 0;
    EXPECT_TRUE(core_
                    ->Query([&](const State& state) {
                      for (const auto& [id, worker] : state.workers)
                        beating += worker.applied_version == kBeatVersion ? 1 : 0;
                    })
                    .ok());
    return beating;
  }
  void WaitForWaiters(size_t count) {
    while (rendezvous_.waiting() != count) std::this_thread::yield();
  }

  // What is given to gRPC stays where it is until the test has ended.
  std::deque<OpenSession> sessions_;
  std::deque<OpenLog> logs_open_;
  std::deque<OpenKey> keys_;
  std::unique_ptr<v1::Workers::Stub> workers_ = v1::Workers::NewStub(channel_);
  std::unique_ptr<v1::Jobs::Stub> jobs_ = v1::Jobs::NewStub(channel_);
};

TEST_F(OpenCallsTest, HundredsOfOpenCallsAddNoThreadsAndAllAreAnswered) {
  constexpr int kOfEach = 200;
  const RankKey rank = RunningJob();
  const std::string log = LogName(rank);
  ASSERT_TRUE(logs_->Append(log, 0, "first\n").ok());
  // What is begun when it is first needed is there: gRPC's threads and those of the pools.
  for (int i = 0; i < 10; ++i) {
    Follow(rank.run);
    Wait(rank, "early");
  }
  for (OpenLog& followed : logs_open_) followed.got.WaitFor(1);
  Put(rank, "early", "x");
  for (OpenKey& key : keys_) key.ended.WaitFor(1);
  const size_t before = Threads();

  for (int i = 1; i <= kOfEach; ++i) {
    Session(HelloOf("w" + std::to_string(i), 0));
    Follow(rank.run);
    Wait(rank, "address");
  }
  for (OpenSession& session : sessions_) session.got.WaitFor(1);
  for (OpenLog& followed : logs_open_) followed.got.WaitFor(1);
  WaitForWaiters(kOfEach);
  const size_t with_all = Threads();
  RecordProperty("threads_before", static_cast<int>(before));
  RecordProperty("threads_with_600_open_calls", static_cast<int>(with_all));
  // Pools that were not full, and gRPC's own, which it begins as it likes: none for a call.
  EXPECT_LT(with_all, before + kOfEach / 10) << before << " threads before";

  Put(rank, "address", "127.0.0.1:5");
  ASSERT_TRUE(logs_->Append(log, 6, "second\n").ok());
  for (OpenLog& followed : logs_open_) followed.got.WaitFor(2);
  for (OpenKey& key : keys_) {
    key.ended.WaitFor(1);
    EXPECT_TRUE(key.status.ok()) << key.status.error_message();
    EXPECT_EQ(key.response.value(), key.request.key() == "early" ? "x" : "127.0.0.1:5");
  }
  for (OpenSession& session : sessions_) session.Beat();
  while (Beating() != kOfEach + 1) std::this_thread::yield();

  // A server that stops ends them all, and says why.
  server_->Stop();
  for (OpenLog& followed : logs_open_) {
    followed.ended.WaitFor(1);
    EXPECT_EQ(followed.text, "first\nsecond\n");
    EXPECT_EQ(followed.status.error_code(), grpc::StatusCode::UNAVAILABLE);
    EXPECT_EQ(followed.status.error_message(), "the coordinator is stopping");
  }
  for (OpenSession& session : sessions_) {
    session.ended.WaitFor(1);
    EXPECT_EQ(session.status.error_code(), grpc::StatusCode::UNAVAILABLE);
  }
}

TEST_F(OpenCallsTest, AWaitForAKeyEndsInTimeOrWithItsCall) {
  const RankKey rank = RunningJob();
  OpenKey& late = Wait(rank, "address", 1);
  late.ended.WaitFor(1);
  EXPECT_EQ(late.status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_THAT(late.status.error_message(), HasSubstr("rendezvous key address of " + rank.run));
  EXPECT_THAT(late.status.error_message(), HasSubstr("is another rank missing?"));

  OpenKey& dropped = Wait(rank, "address");
  WaitForWaiters(1);
  dropped.context.TryCancel();
  WaitForWaiters(0);
  dropped.ended.WaitFor(1);
  OpenKey& stale = Wait({{rank.run, rank.job, 7}, 0}, "address");
  stale.ended.WaitFor(1);
  EXPECT_EQ(rpc::FromGrpc(stale.status).reason(), "STALE_LEASE");

  OpenKey& stopped = Wait(rank, "address");
  WaitForWaiters(1);
  server_->Stop();
  stopped.ended.WaitFor(1);
  EXPECT_EQ(stopped.status.error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(OpenCallsTest, ASessionThatIsReplacedHearsWhyAtOnce) {
  OpenSession& elder = Session(HelloOf("w1", 1, "boot-1"));
  elder.got.WaitFor(1);
  Session(HelloOf("w1", 1, "boot-2"));
  elder.ended.WaitFor(1);
  EXPECT_EQ(elder.status.error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(rpc::FromGrpc(elder.status).reason(), "WORKER_REPLACED");
  EXPECT_THAT(elder.status.error_message(), HasSubstr("worker id w1 was taken over"));
}

TEST_F(OpenCallsTest, WhoGoesAwayIsForgotten) {
  const RankKey rank = RunningJob();
  ASSERT_TRUE(logs_->Append(LogName(rank), 0, "first\n").ok());
  const size_t before = logs_->changed().subscriptions();
  OpenLog& log = Follow(rank.run);
  log.got.WaitFor(1);
  while (logs_->changed().subscriptions() != before + 1) std::this_thread::yield();
  log.context.TryCancel();
  while (logs_->changed().subscriptions() != before) std::this_thread::yield();

  OpenSession& worker = sessions_.front();
  worker.context.TryCancel();
  const auto connected = [&] {
    bool there = false;
    EXPECT_TRUE(
        core_->Query([&](const State& state) { there = state.workers.at("w0").session != nullptr; })
            .ok());
    return there;
  };
  while (connected()) std::this_thread::yield();
}

// A call whose client does not read waits in the middle of a message.
TEST_F(OpenCallsTest, AClientThatDoesNotReadDoesNotKeepTheServerFromStopping) {
  const std::string data(16 << 20, 'x');
  const std::string digest = blobs_->AddBytes(data).value();
  grpc::ClientContext context;
  v1::DownloadBlobRequest request;
  request.set_sha256(digest);
  const auto reader = artifacts_->DownloadBlob(&context, request);
  v1::DownloadBlobResponse piece;
  ASSERT_TRUE(reader->Read(&piece));
  server_->Stop();
  while (reader->Read(&piece)) {
  }
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(OpenCallsTest, WhatAClientThatDisappearsHasSentIsKept) {
  const std::string data = "first half, second half";
  grpc::ClientContext context;
  v1::QueryUploadResponse response;
  const auto writer = artifacts_->UploadBlob(&context, &response);
  v1::UploadBlobRequest request;
  request.set_sha256(Sha256Hex(data));
  request.set_size(data.size());
  request.set_data(data.substr(0, 12));
  ASSERT_TRUE(writer->Write(request));
  // Written, and not counted yet, as nobody has made it durable.
  const std::string path = JoinPath(
      folder_.path(), "store/uploads/" + Sha256Hex(data) + "." + std::to_string(data.size()));
  const auto written = [&] {
    const auto size = FileSize(path);
    return size.ok() && *size == 12;
  };
  while (!written()) std::this_thread::yield();
  context.TryCancel();
  (void)writer->Finish();
  while (Committed(data) != 12) std::this_thread::yield();
}

TEST_F(OpenCallsTest, AWaitForARunEndsWithTheRun) {
  RunningJob();  // the only slot is taken, so that the next run waits
  const std::string data = "{}\n";
  v1::Run waits, run, ended;
  ASSERT_TRUE(Submit("two", "", Commit(data, "source", 1), &waits).ok());
  v1::WaitRunRequest request;
  request.set_id(waits.id());
  request.set_timeout_ms(1);
  grpc::ClientContext short_context, long_context, cancel_context;
  ASSERT_TRUE(runs_service_->WaitRun(&short_context, request, &run).ok());
  EXPECT_EQ(run.state(), v1::RUN_ACTIVE);

  request.set_timeout_ms(200'000);
  Tally over;
  grpc::Status status;
  runs_service_->async()->WaitRun(&long_context, &request, &ended, [&](const grpc::Status& done) {
    status = done;
    over.Add();
  });
  while (core_->events().subscriptions() == 0) std::this_thread::yield();
  v1::CancelRunRequest cancel;
  cancel.set_id(waits.id());
  ASSERT_TRUE(runs_service_->CancelRun(&cancel_context, cancel, &run).ok());
  over.WaitFor(1);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(ended.state(), v1::RUN_CANCELLED);

  grpc::ClientContext none_context;
  v1::WaitRunRequest none;  // without a timeout: it is over at once, and wrong all the same
  none.set_id("r-none");
  EXPECT_EQ(runs_service_->WaitRun(&none_context, none, &run).error_code(),
            grpc::StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace braid::coordinator
