// What is said to Slurm's commands, and what their answers mean.
#include "pool/slurm/slurm.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstdlib>

#include "base/file.h"
#include "pool/slurm/advice.h"

namespace braid::pool::slurm {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

Settings Lab() {
  Settings settings;
  settings.name = "lab";
  settings.mark = "0badcafe";
  settings.cpu_slots = 2;
  settings.address_file = "/home/ada/it's here/address.json";
  settings.worker_program = "/opt/braid/braid-worker";
  return settings;
}

TEST(SlurmTest, JobsAreFoundAgainByTheirNames) {
  const auto jobs = ParseQueue(Lab(),
                               "12|RUNNING|None|braid:lab:0badcafe:1:r-1\n"
                               "13|PENDING|PartitionTimeLimit|braid:lab:0badcafe:2:r-2\n"
                               "14|TIMEOUT|TimeLimit|braid:lab:0badcafe:1:r-1\n"
                               "15|PENDING|Resources|braid:lab2:0badcafe:1:r-1\n"
                               "16|PENDING|Resources|something else\n"
                               "17|PENDING|Resources|braid:lab:0badcafe:x:r-1\n"
                               "18|RUNNING|None|braid:lab:12345678:1:r-1\n"
                               "garbage\n");
  ASSERT_THAT(jobs, SizeIs(3));
  EXPECT_EQ(jobs[0], (EngineJob{"12", "braid:lab:0badcafe:1:r-1", 1, "r-1", "RUNNING"}));
  EXPECT_EQ(jobs[1].workers, 2);
  EXPECT_EQ(jobs[1].run, "r-2");
  EXPECT_THAT(jobs[1].advice, HasSubstr("shorter --time"));
  EXPECT_TRUE(jobs[2].ended);
  EXPECT_THAT(jobs[2].advice, HasSubstr("goes on from its last checkpoint"));
  // Whatever a coordinator calls its runs, its jobs are found again.
  for (const char* run : {"r-9", "r:9|x", "", "r\n9"}) {
    const auto found = ParseQueue(Lab(), "19|PENDING|None|" + JobName(Lab(), {3, run}));
    ASSERT_THAT(found, SizeIs(1)) << run;
    EXPECT_EQ(found[0].workers, 3);
  }
}

TEST(SlurmTest, WhatAUserSetsIsPassedOn) {
  Settings settings = Lab();
  settings.account = "ai";
  settings.partition = "gpu";
  settings.qos = "low";
  settings.constraint = "a100";
  settings.time = "1-00:00:00";
  settings.gpus = 2;
  settings.extra = {"--mem=16G"};
  const auto words = SubmitWords(settings, "/home/ada/.braid/pools/lab", {3, "r-1"});
  for (const char* word : {"--account=ai", "--partition=gpu", "--qos=low", "--constraint=a100",
                           "--time=1-00:00:00", "--gpus-per-task=2", "--ntasks=3",
                           "--cpus-per-task=2", "--job-name=braid:lab:0badcafe:3:r-1",
                           "--output=/home/ada/.braid/pools/lab/logs/%j.log", "--no-requeue"})
    EXPECT_THAT(words, Contains(word));
  EXPECT_EQ(words.back(), "--mem=16G");
  settings.gres = "gpu:a100:2";
  EXPECT_THAT(SubmitWords(settings, "/x", {1, "r"}), Contains("--gres=gpu:a100:2"));
  EXPECT_THAT(SubmitWords(settings, "/x", {1, "r"}), Not(Contains(HasSubstr("--gpus-per-task"))));
  EXPECT_THAT(SubmitWords(Lab(), "/x", {1, "r"}), Not(Contains(HasSubstr("--account"))));
}

TEST(SlurmTest, MemoryIsAskedForAndTheWorkerKeepsToIt) {
  Settings settings = Lab();
  settings.memory = "16Gi";
  EXPECT_THAT(SubmitWords(settings, "/x", {1, "r"}), Contains("--mem=16384M"));
  EXPECT_THAT(SubmitWords(settings, "/x", {2, "r"}), Contains("--mem-per-cpu=8192M"));
  EXPECT_THAT(ScriptOf(settings), HasSubstr("--memory '17179869184B'"));
  EXPECT_THAT(ScriptOf(Lab()), Not(HasSubstr("--memory")));
  settings.extra = {"--mem-per-cpu=1G"};
  EXPECT_EQ(Check(settings).message(),
            "--memory with --sbatch=--mem-per-cpu=1G: say it once, by --memory");
}

TEST(SlurmTest, TheIdOfAJobIsFoundAmongWhatASitesSbatchPrints) {
  EXPECT_EQ(IdFrom("42\n"), "42");
  EXPECT_EQ(IdFrom("42;cluster\n"), "42");
  EXPECT_EQ(IdFrom("Welcome to the cluster!\n42;cluster\n"), "42");
  EXPECT_EQ(IdFrom("Welcome to the cluster!\n"), "");
  EXPECT_EQ(IdFrom(""), "");
}

// Slurm's programs as `sbatch` says.
TEST(SlurmTest, AnAnswerThatIsNoneMayHideAJob) {
  const TemporaryFolder folder = TemporaryFolder::Create().value();
  const std::string sbatch = JoinPath(folder.path(), "sbatch");
  const std::string path = std::getenv("PATH");
  ASSERT_EQ(setenv("PATH", (folder.path() + ":" + path).c_str(), 1), 0);
  const std::pair<const char*, Submission::Kind> cases[] = {
      {"echo 42", Submission::Kind::kAccepted},
      {"echo hello", Submission::Kind::kUnknown},
      {"kill -KILL $$", Submission::Kind::kUnknown},
      {"echo 'sbatch: error: Invalid qos' >&2; exit 1", Submission::Kind::kRefused}};
  for (const auto& [script, kind] : cases) {
    ASSERT_TRUE(WriteFileAtomic(sbatch, "#!/bin/sh\n" + std::string(script) + "\n").ok());
    ASSERT_EQ(chmod(sbatch.c_str(), 0755), 0);
    EXPECT_EQ(Slurm(Lab(), folder.path(), 60'000).Submit({1, "r-1"}).kind, kind) << script;
  }
  setenv("PATH", path.c_str(), 1);
}

TEST(SlurmTest, TheScriptStartsWorkersThatLeave) {
  Settings settings = Lab();
  settings.setup = {"module load cuda"};
  const std::string script = ScriptOf(settings);
  EXPECT_THAT(script, HasSubstr("module load cuda\n"));
  EXPECT_THAT(script, HasSubstr("--ephemeral"));
  EXPECT_THAT(script, HasSubstr("--until-idle '60s'"));
  EXPECT_THAT(script, HasSubstr("--max-time \"$BRAID_TIME_LEFT\""));
  EXPECT_THAT(script, HasSubstr("--address-file '/home/ada/it'\\''s here/address.json'"));
  EXPECT_THAT(script, HasSubstr("srun"));
}

TEST(SlurmTest, ErrorsSayWhatToDo) {
  const std::pair<const char*, const char*> cases[] = {
      {"sbatch: error: invalid partition specified: nope\n"
       "sbatch: error: Batch job submission failed: Invalid partition name specified",
       "another --partition"},
      {"sbatch: error: Batch job submission failed: Invalid account or account/partition "
       "combination specified",
       "another --account"},
      {"sbatch: error: Batch job submission failed: Invalid qos specification", "another --qos"},
      {"sbatch: error: Batch job submission failed: Requested time limit is invalid (missing or "
       "exceeds some limit)",
       "shorter --time"},
      {"sbatch: error: Batch job submission failed: Requested node configuration is not available",
       "fewer --cpus or --gpus"},
      {"sbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit "
       "limit, user's size and/or time limits)",
       "a limit of your account"},
      {"slurm_load_jobs error: Unable to contact slurm controller (connect failure)",
       "tries again by itself"},
      {"no such program: sbatch", "load Slurm's module"},
      {"something new", "tries again, later each time"}};
  for (const auto& [error, advice] : cases) {
    const std::string said = AdviceOn(error);
    EXPECT_THAT(said, HasSubstr(advice)) << error;
    EXPECT_THAT(said, Not(HasSubstr("\n")));
  }
  EXPECT_THAT(AdviceOn(cases[0].first), HasSubstr("invalid partition specified: nope; sbatch"));
}

TEST(SlurmTest, EndsSayWhatToDo) {
  EXPECT_THAT(AdviceOnEnd("OUT_OF_MEMORY", ""), HasSubstr("--sbatch --mem=16G"));
  EXPECT_THAT(AdviceOnEnd("CANCELLED", ""), HasSubstr("braid pool delete"));
  EXPECT_THAT(AdviceOnEnd("NODE_FAIL", ""), HasSubstr("last checkpoint"));
  EXPECT_EQ(AdviceOnEnd("FAILED", "braid-worker: not found\n"),
            "it printed last: braid-worker: not found");
  EXPECT_THAT(AdviceOnEnd("FAILED", ""), HasSubstr("scontrol show job"));
  EXPECT_EQ(AdviceOnReason("Priority"), "");
  EXPECT_EQ(AdviceOnReason("Resources"), "");
  EXPECT_THAT(AdviceOnReason("QOSMaxJobsPerUserLimit"), HasSubstr("limit of the QOS"));
}

TEST(SlurmTest, ACommandThatIsMissingOrSlowSaysSo) {
  const auto missing = RunCommand({"no-such-sbatch"}, 1'000);
  EXPECT_EQ(missing.status().code(), StatusCode::kNotFound);
  EXPECT_EQ(missing.status().message(), "no such program: no-such-sbatch");
  const auto slow = RunCommand({"sleep", "600"}, 50);
  EXPECT_EQ(slow.status().code(), StatusCode::kDeadlineExceeded);
  const auto fails = RunCommand({"sh", "-c", "echo out; echo err >&2; exit 3"}, 60'000);
  ASSERT_TRUE(fails.ok());
  EXPECT_EQ(fails->code, 3);
  EXPECT_EQ(fails->out, "out\n");
  EXPECT_EQ(fails->err, "err\n");
}

TEST(SlurmTest, SettingsAreReadAsTheyWereWritten) {
  const TemporaryFolder folder = TemporaryFolder::Create().value();
  Settings settings = Lab();
  settings.kinds = {"train"};
  settings.fetch_from = {"public", "files.lan:8443"};
  settings.extra = {"--exclusive"};
  settings.memory = "16Gi";
  ASSERT_TRUE(WriteSettings(folder.path(), settings).ok());
  const auto read = ReadSettings(folder.path());
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_TRUE(*read == settings);
  settings.name = "Lab 2";
  EXPECT_THAT(Check(settings).message(), HasSubstr("\"Lab 2\" is no name of a pool"));
  settings = Lab();
  settings.engine = "pbs";
  EXPECT_THAT(Check(settings).message(),
              HasSubstr("--engine pbs: there are slurm, kubernetes and local"));
  settings = Lab();
  settings.max_workers = 0;
  EXPECT_THAT(Check(settings).message(), HasSubstr("--max-workers 0"));
  settings = Lab();
  settings.until_idle = "soon";
  EXPECT_THAT(Check(settings).message(), HasSubstr("--until-idle"));
}

}  // namespace
}  // namespace braid::pool::slurm
