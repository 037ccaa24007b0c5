// Ranks of a whole worker but for gRPC, with task programs that are shell scripts.
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <optional>
#include <thread>

#include "base/file.h"
#include "base/mutex.h"
#include "base/sha256.h"
#include "worker/attempt/task_runner.h"
#include "worker/carrier.h"

namespace braid::worker {
namespace {

using storage::BlobStore;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A coordinator that keeps what it is told. Its store is another BlobStore.
class FakeLink : public CoordinatorLink {
 public:
  explicit FakeLink(BlobStore& store) : store_(store) {}

  Result<uint64_t> CommittedBytes(const std::string& sha256, uint64_t, bool* complete) override {
    *complete = store_.Has(sha256);
    return 0;
  }
  Status Upload(const Sending& sending) override {
    while (true) {
      MutexLock lock(mutex_);
      if (!holding_) break;
      holds_ = true;
      (void)changed_.WaitFor(mutex_, 1000);
    }
    return store_.AddFile(sending.path, sending.sha256);
  }
  Status Download(const std::string&, const std::string&, uint64_t offset,
                  const std::function<Status(std::string_view)>& use) override {
    return use(std::string_view(sent_).substr(offset));
  }
  Result<KnownArtifact> GetArtifact(const std::string&) override {
    if (sent_.empty()) return NotFound("nothing to fetch");
    storage::Manifest manifest;
    manifest.kind = "shards";
    manifest.files = {{"shards.bin", Sha256Hex(promised_), promised_.size()}};
    return KnownArtifact{manifest};
  }
  Status VerifyArtifact(const std::string& artifact) override {
    MutexLock lock(mutex_);
    verified_.push_back(artifact);
    return stored_;
  }
  Result<std::vector<std::string>> FindMissing(const std::vector<std::string>& sha256) override {
    return sha256;
  }
  Status ReportStarted(const RankKey&) override { return OkStatus(); }
  Status CommitCheckpoint(const RankKey&, int64_t step, const std::string& manifest,
                          bool) override {
    MutexLock lock(mutex_);
    checkpoints_[step] = manifest;
    metrics_then_ = metrics_;
    return OkStatus();
  }
  Status ReportEnded(const RankKey&, const Outcome& end) override {
    MutexLock lock(mutex_);
    ends_.push_back(end);
    return refused_-- > 0 ? Status(StatusCode::kFailedPrecondition, ErrorReason::kBlobMissing,
                                   "blob abc is not here")
                          : OkStatus();
  }
  Result<int64_t> AppendLog(const RankKey&, int64_t offset, std::string_view data) override {
    return offset + static_cast<int64_t>(data.size());
  }
  Result<int64_t> AppendMetrics(const RankKey&, int64_t offset, std::string_view data) override {
    MutexLock lock(mutex_);
    metrics_ += data;
    return offset + static_cast<int64_t>(data.size());
  }
  Status PutRendezvous(const RankKey&, const std::string&, std::string_view) override {
    return OkStatus();
  }
  Result<std::string> GetRendezvous(const RankKey&, const std::string&, int64_t) override {
    return std::string();
  }

  void RefuseEnds(int count) { refused_ = count; }
  // There is one artifact of one file: what its digest is of, what arrives, and what the
  // coordinator says of its own copy. Before the first rank.
  void Hold(const std::string& promised, const std::string& sent,
            const Status& stored = OkStatus()) {
    promised_ = promised;
    sent_ = sent;
    stored_ = stored;
  }
  std::vector<std::string> verified() {
    MutexLock lock(mutex_);
    return verified_;
  }
  // Uploads wait until they are let go.
  void HoldUploads(bool hold) {
    MutexLock lock(mutex_);
    holding_ = hold;
    changed_.NotifyAll();
  }
  bool holds() {
    MutexLock lock(mutex_);
    return holds_;
  }
  std::vector<Outcome> ends() {
    MutexLock lock(mutex_);
    return ends_;
  }
  std::string metrics() {
    MutexLock lock(mutex_);
    return metrics_;
  }
  // That were here when the newest checkpoint was.
  std::string metrics_then() {
    MutexLock lock(mutex_);
    return metrics_then_;
  }
  std::map<int64_t, std::string> checkpoints() {
    MutexLock lock(mutex_);
    return checkpoints_;
  }

 private:
  BlobStore& store_;
  Mutex mutex_;
  CondVar changed_;
  bool holding_ BRAID_GUARDED_BY(mutex_) = false;
  bool holds_ BRAID_GUARDED_BY(mutex_) = false;
  int refused_ = 0;
  std::string promised_, sent_;
  Status stored_;
  std::vector<std::string> verified_ BRAID_GUARDED_BY(mutex_);
  std::vector<Outcome> ends_ BRAID_GUARDED_BY(mutex_);
  std::string metrics_ BRAID_GUARDED_BY(mutex_);
  std::string metrics_then_ BRAID_GUARDED_BY(mutex_);
  std::map<int64_t, std::string> checkpoints_ BRAID_GUARDED_BY(mutex_);
};

// A worker's folder, a coordinator, and a task program that is a shell script: lines to the worker
// go to descriptor 3.
struct Site {
  TemporaryFolder folder = TemporaryFolder::Create().value();
  std::unique_ptr<BlobStore> cache = BlobStore::Open(folder.path() + "/cache").value();
  std::unique_ptr<BlobStore> store = BlobStore::Open(folder.path() + "/store").value();
  FakeLink link{*store};

  void Program(const std::string& script) {
    const std::string path = folder.path() + "/braid-prepare";
    ASSERT_TRUE(WriteFileAtomic(path, "#!/bin/sh\n" + script).ok());
    ASSERT_EQ(chmod(path.c_str(), 0755), 0);
  }
};

Assignment SomeAssignment(int64_t epoch = 1) {
  Assignment assignment;
  assignment.key = {"r-1", "prepare:x", epoch, 0};
  assignment.kind = "prepare";
  assignment.spec = "{}";
  assignment.slots = 1;
  assignment.device = Device::kCpu;
  return assignment;
}

template <typename Condition>
bool Eventually(Condition condition) {
  for (int i = 0; i < 6000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

// A session with a coordinator that wants what a test says.
class FakeSession final : public SessionLink {
 public:
  explicit FakeSession(EventSink& events) : events_(events) {}
  void Open(int64_t session) override { events_.Post(SessionOpened{session_ = session}); }
  void Send(int64_t session, const Signal& signal) override {
    {
      MutexLock lock(mutex_);
      last_ = signal;
    }
    events_.Post(SignalSent{session, signal.draining});
  }
  void Close(int64_t) override {}

  bool is_open() const { return session_ > 0; }
  void Want(const std::vector<Assignment>& ranks) {
    events_.Post(DesiredArrived{
        session_, {.version = ++version_, .ranks = ranks, .heartbeat_interval_ms = 50}});
  }
  // What the worker has, once it knows what is wanted.
  std::optional<std::vector<RankStatus>> inventory() {
    MutexLock lock(mutex_);
    if (last_.applied_version < version_) return std::nullopt;
    return last_.ranks;
  }

 private:
  EventSink& events_;
  std::atomic<int64_t> session_{0};
  int64_t version_ = 0;
  Mutex mutex_;
  Signal last_ BRAID_GUARDED_BY(mutex_);
};

// A worker as the program has it, but for the coordinator.
struct Running {
  explicit Running(Site& site, std::vector<std::string> gpus = {}, ProgramContext context = {})
      : loop({"boot", std::move(gpus)}, SystemClock()), session(loop) {
    context.folder = context.programs = site.folder.path();
    thread = std::thread([this, &site, context] {
      TaskRunner runner(context, loop);
      MachineWork work(site.link, *site.cache, context.folder);
      MachineCarrier carrier(session, runner, work, loop, nullptr);
      EXPECT_TRUE(loop.Run(carrier).ok());
    });
    EXPECT_TRUE(Eventually([&] { return session.is_open(); }));
  }
  ~Running() {
    loop.Post(StopRequested{});
    thread.join();
  }
  // Runs this rank to its end.
  void RunToEnd(const Assignment& assignment) {
    session.Want({assignment});
    EXPECT_TRUE(Eventually([&] {
      const auto inventory = session.inventory();
      return inventory.has_value() && inventory->empty();
    }));
  }

  AgentLoop loop;
  FakeSession session;
  std::thread thread;
};

std::vector<Outcome> EndsOf(Site& site) {
  Running(site).RunToEnd(SomeAssignment());
  return site.link.ends();
}

std::vector<Outcome> EndsWithInput(Site& site) {
  Assignment assignment = SomeAssignment();
  assignment.inputs = {{"data", "artifact-1"}};
  Running(site).RunToEnd(assignment);
  return site.link.ends();
}

TEST(RankTest, WhatArrivesDamagedAndIsWholeInTheStoreIsThisWorkersFault) {
  Site site;
  site.link.Hold("what was stored", "what was $tored");
  const auto ends = EndsWithInput(site);
  ASSERT_THAT(ends, SizeIs(1));
  EXPECT_EQ(ends[0].failure.category, "system");
  EXPECT_FALSE(ends[0].failure.deterministic);
  EXPECT_THAT(ends[0].failure.error, HasSubstr("shards.bin"));
  EXPECT_THAT(ends[0].failure.hint, HasSubstr("of this worker"));
  EXPECT_THAT(site.link.verified(), ::testing::ElementsAre("artifact-1"));
}

TEST(RankTest, WhatIsDamagedInTheStoreIsForTheUserToMend) {
  Site site;
  site.link.Hold("what was stored", "what was $tored",
                 DataLoss("artifact artifact-1, file shards.bin: blob abc has changed"));
  const auto ends = EndsWithInput(site);
  ASSERT_THAT(ends, SizeIs(1));
  EXPECT_EQ(ends[0].failure.category, "user");
  EXPECT_TRUE(ends[0].failure.deterministic);
  EXPECT_THAT(ends[0].failure.error, HasSubstr("blob abc has changed"));
  EXPECT_THAT(ends[0].failure.hint, HasSubstr("braid artifact verify"));
}

// A limit on the size of files stands for a full disk.
class FullDisk {
 public:
  FullDisk() {
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit few{100'000, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &few);
  }
  ~FullDisk() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

TEST(RankTest, AnInputThatDoesNotFitOnTheDiskIsReportedNotWaitedFor) {
  Site site;
  const std::string large(1'000'000, 'x');
  site.link.Hold(large, large);
  const FullDisk full;
  const auto ends = EndsWithInput(site);
  ASSERT_THAT(ends, SizeIs(1));
  EXPECT_EQ(ends[0].failure.category, "infra");
  EXPECT_EQ(ends[0].failure.reason, "STORAGE_FULL");
  EXPECT_THAT(ends[0].failure.error, HasSubstr("shards.bin"));
}

TEST(RankTest, AProgramsFullDiskKeepsItsReason) {
  Site site;
  site.Program(
      "echo '{\"event\":\"error\",\"category\":\"infra\",\"message\":\"writing x: No space left on "
      "device\",\"reason\":\"STORAGE_FULL\"}' >&3\nexit 1\n");
  const auto ends = EndsOf(site);
  ASSERT_THAT(ends, SizeIs(1));
  EXPECT_EQ(ends[0].failure.category, "infra");
  EXPECT_EQ(ends[0].failure.reason, "STORAGE_FULL");
}

TEST(RankTest, ReasonsOnWhichSomethingDependsAreKept) {
  for (const auto& [said, kept] : {std::pair("PLUGIN_MISSING", "PLUGIN_MISSING"),
                                   std::pair("DIVERGED", "DIVERGED"), std::pair("NOT_FOUND", "")}) {
    Site site;
    site.Program(
        "echo '{\"event\":\"error\",\"category\":\"infra\",\"message\":\"m\",\"reason\":\"" +
        std::string(said) + "\"}' >&3\nexit 1\n");
    const auto ends = EndsOf(site);
    ASSERT_THAT(ends, SizeIs(1));
    EXPECT_EQ(ends[0].failure.reason, kept);
  }
}

TEST(RankTest, ARefusedEndIsToldAsAFailure) {
  Site site;
  site.Program("echo '{\"event\":\"result\",\"outputs\":{},\"summary\":{}}' >&3\n");
  site.link.RefuseEnds(1);
  const auto ends = EndsOf(site);
  ASSERT_THAT(ends, SizeIs(2));
  EXPECT_TRUE(ends[0].success);
  EXPECT_FALSE(ends[1].success);
  EXPECT_EQ(ends[1].failure.category, "system");
  EXPECT_THAT(ends[1].failure.error, HasSubstr("blob abc is not here"));
}

TEST(RankTest, TheTailOfALogIsWholeCharacters) {
  Site site;
  // 3 bytes a character, so that 4,096 bytes from the end lies within one; and a byte that is no
  // character at all.
  site.Program(
      "i=0; while [ $i -lt 200 ]; do echo "
      "'\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2"
      "\x82\xac'; "
      "i=$((i+1)); done\nprintf '\\377end'\nexit 3\n");
  const auto ends = EndsOf(site);
  ASSERT_THAT(ends, SizeIs(1));
  EXPECT_THAT(ends[0].failure.log_tail, HasSubstr("\xe2\x82\xac\xe2\x82\xac"));
  EXPECT_TRUE(ends[0].failure.log_tail.ends_with("\nend"));
  EXPECT_NO_THROW((void)Json(ends[0].failure.log_tail).dump());  // throws for what is not UTF-8
}

TEST(RankTest, NonsenseOfAProgramDoesNotEndTheWorker) {
  Site site;
  site.Program(R"(cat >&3 <<'LINES'
{"event":"progress","phase":7,"done":"many","total":null,"tokens_per_s":null,"eta_s":null}
{"event":3}
[1,2]
not json
{"event":"metric","step":"one","values":[]}
{"event":"metric","step":2,"values":{"loss":null}}
{"event":"rendezvous","id":{},"op":5,"key":null}
{"event":"result","outputs":{"model":5},"summary":"none"}
LINES
)");
  const auto ends = EndsOf(site);
  ASSERT_THAT(ends, SizeIs(1));
  EXPECT_THAT(site.link.metrics(),
              testing::MatchesRegex(
                  ".*\\{\"step\":2,\"time_ms\":[0-9]+,\"values\":\\{\"loss\":null\\}\\}\n"));
}

TEST(RankTest, ATaskProgramGetsNoSecretsOfItsWorker) {
  const std::vector<std::string> secrets = {
      "AWS_SECRET_ACCESS_KEY", "HF_TOKEN",       "PGPASSWORD",
      "SSH_AUTH_SOCK",         "MY_SERVICE_URL", "BRAID_TOKEN_FILE"};
  for (const std::string& name : secrets) setenv(name.c_str(), "do-not-tell", 1);
  setenv("BRAID_TEST_MARK", "told", 1);
  setenv("LC_MEASUREMENT", "C.UTF-8", 1);
  Site site;
  site.Program("env; exit 3\n");
  const auto ends = EndsOf(site);
  for (const std::string& name : secrets) unsetenv(name.c_str());
  ASSERT_THAT(ends, SizeIs(1));
  EXPECT_THAT(ends[0].failure.log_tail, ::testing::Not(HasSubstr("do-not-tell")));
  for (const char* kept : {"PATH=", "BRAID_TEST_MARK=told", "LC_MEASUREMENT=C.UTF-8",
                           "OMP_NUM_THREADS=1", "BRAID_TASK_FD=3"}) {
    EXPECT_THAT(ends[0].failure.log_tail, HasSubstr(kept));
  }
}

TEST(RankTest, ATaskKnowsTheDataRootsOfItsWorker) {
  Site site;
  site.Program("tr -d ' \\n' < \"$1\"; exit 3\n");
  EXPECT_THAT(EndsOf(site)[0].failure.log_tail, HasSubstr("\"data_roots\":[]"));
  ProgramContext context;
  context.data_roots = {"/data"};
  Running(site, {}, context).RunToEnd(SomeAssignment(2));
  EXPECT_THAT(site.link.ends().back().failure.log_tail, HasSubstr("\"data_roots\":[\"/data\"]"));
}

TEST(RankTest, ATaskKnowsFromWhereItsWorkerFetches) {
  Site site;
  site.Program("tr -d ' \\n' < \"$1\"; exit 3\n");
  EXPECT_THAT(EndsOf(site)[0].failure.log_tail, HasSubstr("\"fetch_from\":[]"));
  ProgramContext context;
  context.fetch_from = {"files.lan"};
  Running(site, {}, context).RunToEnd(SomeAssignment(2));
  EXPECT_THAT(site.link.ends().back().failure.log_tail,
              HasSubstr("\"fetch_from\":[\"files.lan\"]"));
}

// 100 KB of zeros as a checkpoint of step 5; the program goes on when the worker has answered.
constexpr char kCheckpoint[] = R"sh(
work=$(sed -n 's/.*"work": *"\([^"]*\)".*/\1/p' "$1")
mkdir -p "$work/checkpoints/step-5"
head -c 100000 /dev/zero > "$work/checkpoints/step-5/model.safetensors"
echo '{}' > "$work/checkpoints/step-5/state.json"
echo "{\"event\":\"checkpoint\",\"step\":5,\"folder\":\"$work/checkpoints/step-5\",\"metadata\":{}}" >&3
head -n 1 <&3 >&2
)sh";

TEST(RankTest, AStoredCheckpointLeavesTheCache) {
  Site site;
  site.Program(std::string(kCheckpoint) +
               "echo '{\"event\":\"result\",\"outputs\":{},\"summary\":{}}' >&3\n");
  const auto ends = EndsOf(site);
  ASSERT_THAT(ends, SizeIs(1));
  EXPECT_TRUE(ends[0].success) << ends[0].failure.error << ends[0].failure.log_tail;
  const auto checkpoints = site.link.checkpoints();
  ASSERT_TRUE(checkpoints.contains(5));
  const auto manifest = storage::ParseManifest(checkpoints.at(5), "checkpoint").value();
  ASSERT_THAT(manifest.files, SizeIs(2));
  for (const auto& file : manifest.files) {
    EXPECT_TRUE(site.store->Has(file.sha256)) << file.path;
    if (file.path == "model.safetensors") {
      EXPECT_FALSE(site.cache->Has(file.sha256));
    }
  }
}

// Who resumes from a checkpoint does not say the numbers before it again: they must have arrived.
TEST(RankTest, NumbersArriveBeforeTheCheckpointBehindThem) {
  Site site;
  site.Program("echo '{\"event\":\"metric\",\"step\":5,\"values\":{\"loss\":1.5}}' >&3\n" +
               std::string(kCheckpoint) +
               "echo '{\"event\":\"result\",\"outputs\":{},\"summary\":{}}' >&3\n");
  ASSERT_THAT(EndsOf(site), SizeIs(1));
  EXPECT_THAT(site.link.metrics_then(), HasSubstr("\"step\":5"));
}

TEST(RankTest, ADroppedRankThatIsBusyDoesNotHoldUpTheOthers) {
  Site site;
  site.Program(kCheckpoint);
  site.link.HoldUploads(true);
  Running worker(site);
  worker.session.Want({SomeAssignment()});
  ASSERT_TRUE(Eventually([&] { return site.link.holds(); }));
  // Its upload hangs; the worker is told to run another attempt instead.
  worker.session.Want({SomeAssignment(/*epoch=*/2)});
  ASSERT_TRUE(Eventually([&] {
    const auto inventory = worker.session.inventory();
    return inventory.has_value() && inventory->size() == 1 && inventory->at(0).key.epoch == 2 &&
           inventory->at(0).progress.phase == "starting";
  }));
  EXPECT_THAT(site.link.ends(), IsEmpty());
  worker.session.Want({});
  site.link.HoldUploads(false);
}

Assignment OnGpu(int32_t slots = 1) {
  Assignment assignment = SomeAssignment();
  assignment.device = Device::kCuda;
  assignment.slots = slots;
  return assignment;
}

constexpr char kSaysItsEnvironment[] =
    "echo "
    "\"{\\\"event\\\":\\\"result\\\",\\\"outputs\\\":{},\\\"summary\\\":{\\\"gpus\\\":\\\"$CUDA_"
    "VISIBLE_DEVICES\\\",\\\"omp\\\":$OMP_NUM_THREADS,"
    "\\\"threads\\\":$(sed -n 's/.*\"threads\": *\\([0-9]*\\).*/\\1/p' \"$1\")}}\" >&3\n";

TEST(RankTest, AGpuJobHasItsGpuAndThreadsToFeedIt) {
  Site site;
  site.Program(kSaysItsEnvironment);
  ProgramContext context;
  context.gpu_threads = 3;
  Running(site, {"GPU-2"}, context).RunToEnd(OnGpu());
  ASSERT_THAT(site.link.ends(), SizeIs(1));
  EXPECT_EQ(Json::parse(site.link.ends()[0].summary),
            (Json{{"gpus", "GPU-2"}, {"omp", 3}, {"threads", 3}}))
      << site.link.ends()[0].failure.error;
}

TEST(RankTest, WithoutItsGpuAJobDoesNotStart) {
  Site site;
  site.Program("exit 0\n");
  Running(site, {"GPU-2"}).RunToEnd(OnGpu(/*slots=*/2));
  ASSERT_THAT(site.link.ends(), SizeIs(1));
  EXPECT_EQ(site.link.ends()[0].failure.category, "infra");
  EXPECT_EQ(site.link.ends()[0].failure.error, "1 of 2 GPUs are free on this worker");
}

TEST(RankTest, AProgramThatThisMachineCannotRunIsTheMachinesFault) {
  Site site;
  site.Program("echo 'first line' >&2\necho 'braid-trainer: this CPU has no AVX2' >&2\nexit 69\n");
  const auto ends = EndsOf(site);
  ASSERT_THAT(ends, SizeIs(1));
  EXPECT_EQ(ends[0].failure.category, "infra");
  EXPECT_TRUE(ends[0].failure.deterministic) << "so that it goes to another worker";
  EXPECT_EQ(ends[0].failure.error, "braid-trainer: this CPU has no AVX2");
}

}  // namespace
}  // namespace braid::worker
