// Workers on this machine, played by a shell script that does what the name of the run says.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <string>
#include <thread>

#include "base/file.h"
#include "pool/agent.h"
#include "pool/local/local.h"

namespace braid::pool::local {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr int64_t kCommandMs = 60'000;
// It writes its words to a file of the folder and does what the file `do` there says.
constexpr char kWorker[] =
    "#!/bin/sh\n"
    "cd \"$(dirname \"$0\")\"\n"
    "trap 'echo handed back; exit 0' TERM\n"
    "for word in \"$@\"; do echo \"$word\"; done > \"words.$$\"\n"
    "mv \"words.$$\" \"said.$$\"\n"
    ". ./do\n";

class LocalPoolTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryFolder::Create("braid-pool");
    ASSERT_TRUE(folder.ok());
    folder_.emplace(*std::move(folder));
    settings_.name = "lab";
    settings_.engine = "local";
    settings_.mark = "0badcafe";
    settings_.worker_dir = "";
    settings_.address_file = "/home/ada/it's here/address.json";
    settings_.worker_program = JoinPath(folder_->path(), "braid-worker");
    Write("braid-worker", kWorker);
    Write("do", "while :; do sleep 0.01; done");
    ASSERT_TRUE(Local(settings_, PoolFolder(), kCommandMs).Check(false).ok());
  }

  std::string PoolFolder() const { return JoinPath(folder_->path(), "pool's"); }

  void Write(const std::string& name, const std::string& text) const {
    const std::string path = JoinPath(folder_->path(), name);
    ASSERT_TRUE(WriteFileAtomic(path, text).ok());
    chmod(path.c_str(), 0700);
  }

  // The words of the workers that were started, one file each.
  std::vector<std::string> Said() const {
    std::vector<std::string> said;
    const auto names = ListFolder(folder_->path());
    for (const std::string& name : *names) {
      if (name.starts_with("said.")) said.push_back(*ReadFile(JoinPath(folder_->path(), name)));
    }
    std::sort(said.begin(), said.end());
    return said;
  }

  static void Pause() { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }
  void WaitForWorkers(size_t count) const {
    while (Said().size() < count) Pause();
  }

  // The list, once the first job has ended.
  static EngineJob Ended(Local* local) {
    while (true) {
      const auto jobs = local->List();
      if (!jobs.ok() || jobs->empty()) return {};
      if (jobs->front().ended) return jobs->front();
      Pause();
    }
  }

  std::optional<TemporaryFolder> folder_;
  Settings settings_;
};

TEST_F(LocalPoolTest, AJobIsAsManyWorkersAsItNeedsUntilTheyHaveLeft) {
  Local local(settings_, PoolFolder(), kCommandMs);
  EXPECT_THAT(*local.List(), IsEmpty());
  const Submission submission = local.Submit({2, "r-1"});
  ASSERT_EQ(submission.kind, Submission::Kind::kAccepted) << submission.error;
  WaitForWorkers(2);
  EXPECT_THAT(*local.List(), ElementsAre(EngineJob{"1", "r-1", 2, "r-1", "RUNNING"}));
  for (const int rank : {0, 1}) {
    const std::string words = Said()[static_cast<size_t>(rank)];
    EXPECT_THAT(words, HasSubstr("--address-file\n/home/ada/it's here/address.json\n"));
    EXPECT_THAT(words, HasSubstr("--until-idle\n60s\n--ephemeral\n--gpus\nnone\n"));
    EXPECT_THAT(words, HasSubstr("--id\n" + WorkerId("lab", "1", rank) + "\n--dir\n" +
                                 PoolFolder() + "/workers/1." + std::to_string(rank) + "\n"));
  }
  // Nothing waits here.
  EXPECT_TRUE(local.Cancel({"1"}, true).ok());
  EXPECT_FALSE(local.List()->front().ended);
  EXPECT_TRUE(local.Cancel({"1", "7"}, false).ok());
  const EngineJob ended = Ended(&local);
  EXPECT_EQ(ended.state, "COMPLETED");
  EXPECT_EQ(ended.advice, "it printed last: handed back");
  EXPECT_THAT(*local.List(), IsEmpty());
}

TEST_F(LocalPoolTest, WhatFailsSaysItsLastLineAndWhatToDo) {
  Local local(settings_, PoolFolder(), kCommandMs);
  const std::string log = PoolFolder() + "/logs/";
  const struct {
    std::string what, advice;
  } cases[] = {
      {"echo no such token; exit 78", "code 78; it printed last: no such token; its log is " + log +
                                          "1.0.log: mend what it says, or delete the pool and "
                                          "create it again"},
      {"exit 1", "code 1; it printed nothing; its log is " + log + "2.0.log"},
      {"kill -9 $$",
       "it was killed, perhaps as the memory of this machine was used up (dmesg says "
       "so): create the pool again with a smaller --max-workers; it printed nothing"},
      {"kill -11 $$", "it was ended by signal 11; it printed nothing"},
  };
  for (const auto& [what, advice] : cases) {
    Write("do", what);
    ASSERT_EQ(local.Submit({1, "r-1"}).kind, Submission::Kind::kAccepted);
    const EngineJob ended = Ended(&local);
    EXPECT_EQ(ended.state, "FAILED");
    EXPECT_EQ(ended.advice, advice);
  }
}

TEST_F(LocalPoolTest, WhatCannotStartIsRefusedWithWhatToDo) {
  Local local(settings_, PoolFolder(), kCommandMs);
  ASSERT_TRUE(RemoveFile(settings_.worker_program).ok());
  const Submission submission = local.Submit({1, "r-1"});
  EXPECT_EQ(submission.kind, Submission::Kind::kRefused);
  EXPECT_EQ(submission.error, settings_.worker_program +
                                  " is not there: install braid again, or create the pool again "
                                  "with --bin; the agent tries again, later each time");
  EXPECT_THAT(*local.List(), IsEmpty());
}

TEST_F(LocalPoolTest, TheNextAgentTakesNoNameASecondTimeAndRemovesWhatWasLeft) {
  {
    Local first(settings_, PoolFolder(), kCommandMs);
    ASSERT_EQ(first.Submit({1, "r-1"}).id, "1");
    WaitForWorkers(1);
  }  // its worker hands back and ends with it
  // Some shells say first how the command ended for which they waited.
  EXPECT_THAT(*ReadFile(PoolFolder() + "/logs/1.0.log"), EndsWith("handed back\n"));
  ASSERT_TRUE(MakeFolder(PoolFolder() + "/workers/1.0").ok());
  Local second(settings_, PoolFolder(), kCommandMs);
  EXPECT_THAT(*second.List(), IsEmpty());
  EXPECT_THAT(*ListFolder(PoolFolder() + "/workers"), IsEmpty());
  EXPECT_EQ(second.Submit({1, "r-1"}).id, "2");
}

TEST_F(LocalPoolTest, OldLogsGo) {
  Local local(settings_, PoolFolder(), kCommandMs);
  for (const char* name : {"1.0.log", "1.1.log", "2.0.log", "notes"})
    ASSERT_TRUE(WriteFileAtomic(PoolFolder() + "/logs/" + name, "").ok());
  ASSERT_TRUE(WriteFileAtomic(PoolFolder() + "/last-job", "100\n").ok());
  ASSERT_EQ(local.Submit({1, "r-1"}).id, "101");
  EXPECT_THAT(*ListFolder(PoolFolder() + "/logs"),
              UnorderedElementsAre("2.0.log", "101.0.log", "notes"));
}

TEST_F(LocalPoolTest, MoreThanThisMachineHasIsRefusedBeforehand) {
  settings_.max_workers = 1000;
  settings_.cpu_slots = 1000;
  const Status refused = Local(settings_, PoolFolder(), kCommandMs).Check(true);
  EXPECT_EQ(refused.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(refused.message(),
              HasSubstr("1000 workers with 1000 CPUs each need 1000000, and this machine has "));
  EXPECT_THAT(refused.message(),
              HasSubstr(": lower --max-workers or --cpus (--no-check takes it as it is)"));
  EXPECT_TRUE(Local(settings_, PoolFolder(), kCommandMs).Check(false).ok());
}

TEST_F(LocalPoolTest, EachWorkerHasGpusOfItsOwn) {
  Write("nvidia-smi", "#!/bin/sh\necho GPU-a\necho GPU-b\necho 'GPU-c '\n");
  const std::string path = std::getenv("PATH");
  setenv("PATH", (folder_->path() + ":" + path).c_str(), 1);
  settings_.gpus = 1;
  settings_.max_workers = 3;
  Local local(settings_, PoolFolder(), kCommandMs);
  ASSERT_EQ(local.Submit({2, "r-1"}).kind, Submission::Kind::kAccepted);
  ASSERT_EQ(local.Submit({1, "r-1"}).kind, Submission::Kind::kAccepted);
  WaitForWorkers(3);
  std::string words;
  for (const std::string& said : Said()) words += said;
  for (const char* gpu : {"a", "b", "c"})
    EXPECT_THAT(words, HasSubstr(std::string("--gpus\nGPU-") + gpu + "\n"));
  EXPECT_THAT(local.Submit({1, "r-1"}).error,
              HasSubstr("a worker needs 1 GPUs, and of the 3 of this machine 0 are free"));
  // Those of a job that has ended are free again.
  ASSERT_TRUE(local.Cancel({"2"}, false).ok());
  while (local.List()->size() > 1) Pause();
  EXPECT_EQ(local.Submit({1, "r-1"}).kind, Submission::Kind::kAccepted);
  Write("nvidia-smi", "#!/bin/sh\necho no driver >&2\nexit 9\n");
  EXPECT_THAT(local.Submit({1, "r-1"}).error, HasSubstr("nvidia-smi ended with code 9: no driver"));
  setenv("PATH", path.c_str(), 1);
}

TEST_F(LocalPoolTest, SettingsOfSlurmAreRefused) {
  EXPECT_TRUE(Check(settings_).ok());
  settings_.partition = "gpu";
  EXPECT_EQ(Check(settings_).message(),
            "--partition is for Slurm: leave it out with --engine local");
  settings_.partition = "";
  settings_.time = "soon";
  EXPECT_THAT(Check(settings_).message(), HasSubstr("--time"));
  settings_.time = "1-12:00:00";
  EXPECT_TRUE(Check(settings_).ok());
  EXPECT_THAT(WorkerLine(settings_, "/p", "3", 0, {"GPU-a", "GPU-b"}),
              HasSubstr("--gpus GPU-a,GPU-b --id 'lab.3.0' --dir '/p/workers/3.0' --max-time "
                        "'1-12:00:00'"));
  settings_.worker_dir = "$SCRATCH";
  EXPECT_THAT(WorkerLine(settings_, "/p", "3", 0, {}),
              HasSubstr("--dir \"$SCRATCH/braid-lab-0badcafe-3.0\""));
  settings_.engine = "ray";
  EXPECT_EQ(Check(settings_).message(), "--engine ray: there are slurm, kubernetes and local");
}

}  // namespace
}  // namespace braid::pool::local
