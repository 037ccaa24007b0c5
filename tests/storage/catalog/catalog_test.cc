#include "storage/catalog/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "storage/catalog/schema.h"

namespace braid::catalog {
namespace {

using ::testing::HasSubstr;

RunRecord SomeRun(const std::string& id) {
  RunRecord run;
  run.id = id;
  run.name = "quick \"start\"";
  run.recipe = "run: x\n# \xc3\xa4\n";
  run.recipe_sha256 = "ab";
  run.sources = {{"tokenizer", "t1"}};
  run.only = {"path_1"};
  run.created_ms = 5;
  return run;
}

JobRecord SomeJob(const std::string& run, const std::string& name, JobState state) {
  JobRecord job;
  job.key = {run, name};
  job.position = 3;
  job.kind = "train";
  job.parents = {"tokenizer"};
  job.wanted = {{"tokenizer", {"tokenizer", "tokenizer", ""}}, {"data.x", {"", "", "art"}}};
  job.spec = "{\"seed\":42}";
  job.slots = 2;
  job.site = "helsinki";
  job.flops = 1.5e12;
  job.tokens = 77;
  job.state = state;
  job.created_ms = 6;
  return job;
}

AttemptRecord SomeAttempt(const JobKey& job, int64_t epoch) {
  AttemptRecord attempt;
  attempt.key = {job.run, job.job, epoch};
  attempt.workers = {"w1", "w2"};
  attempt.boots = {"b1", "b2"};
  attempt.granted_ms = 9;
  return attempt;
}

ArtifactRecord SomeArtifact(const std::string& id) {
  ArtifactRecord artifact;
  artifact.id = id;
  artifact.kind = "checkpoint";
  artifact.manifest = "{}";
  artifact.bytes = 12;
  artifact.files = 1;
  artifact.metadata = "{}";
  artifact.parents = {"p"};
  artifact.made_by = {"r1", "path_1", 1};
  artifact.role = "model";
  return artifact;
}

WorkerRecord SomeWorker(const std::string& id) {
  WorkerRecord worker;
  worker.id = id;
  worker.boot_id = "b1";
  worker.site = "local";
  worker.labels = {{"disk", "fast"}};
  worker.cpu_slots = 2;
  worker.gpus = {{"GPU-1", "H100", 80}};
  worker.kinds = {"train"};
  return worker;
}

class CatalogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryFolder::Create();
    ASSERT_TRUE(folder.ok());
    folder_ = std::make_unique<TemporaryFolder>(std::move(*folder));
    path_ = JoinPath(folder_->path(), "braid.db");
  }
  std::unique_ptr<Catalog> Open(int64_t max_pages = 0) {
    auto catalog = Catalog::Open({path_, max_pages});
    EXPECT_TRUE(catalog.ok()) << catalog.status().ToString();
    return catalog.ok() ? std::move(*catalog) : nullptr;
  }
  // Through the one door: written, then applied.
  void Commit(Catalog& catalog, const Updates& updates) {
    const Status status = catalog.Commit(updates, 1000);
    ASSERT_TRUE(status.ok()) << status.ToString();
    for (const Update& update : updates) Apply(update, image_);
  }

  std::unique_ptr<TemporaryFolder> folder_;
  std::string path_;
  Image image_;
};

// Every kind of update, in an order that may happen.
Updates OneOfEach() {
  const JobKey path{"r1", "path_1"};
  const JobKey other{"r1", "path_2"};
  const JobKey third{"r1", "path_3"};
  Counters counters{1, 2, 3, 1};
  return {
      RunCreated{SomeRun("r1")},
      JobCreated{SomeJob("r1", "path_1", JobState::kBlocked)},
      JobCreated{SomeJob("r1", "path_2", JobState::kQueued)},
      JobCreated{SomeJob("r1", "path_3", JobState::kQueued)},
      WorkerRegistered{SomeWorker("w1")},
      WorkerAdmitted{"w1", WorkerAdmit::kCordoned},
      WorkerSeen{"w1", 99},
      WorkerLinkChanged{"w1", "connected", ""},
      JobQueued{path, {{"tokenizer", "t1"}}},
      AttemptGranted{SomeAttempt(path, 1)},
      AttemptStarted{{"r1", "path_1", 1}, 11},
      ArtifactCommitted{SomeArtifact("a1")},
      CheckpointCommitted{{"r1", "path_1", 1}, 40, "a1"},
      AttemptEnded{{"r1", "path_1", 1}, AttemptState::kFailed, {"infra", "gone", "wait", false}, 12},
      JobRequeued{{"r1", "path_1", 1}, counters, 500},
      AttemptGranted{SomeAttempt(path, 2)},
      AttemptEnded{{"r1", "path_1", 2}, AttemptState::kSucceeded, {}, 13},
      JobEnded{path, 2, JobState::kSucceeded, {{"model", "a1"}}, "{\"loss\":1}", "", "", counters, 13},
      AttemptGranted{SomeAttempt(other, 1)},
      AttemptStopping{{"r1", "path_2", 1}, "cancel", {}},
      JobCancelling{other},
      RunCancelRequested{"r1"},
      AttemptEnded{{"r1", "path_2", 1}, AttemptState::kCancelled, {"cancelled", "asked for", "", false}, 14},
      JobEnded{other, 1, JobState::kCancelled, {}, "", "cancelled", "", {}, 14},
      JobEnded{third, 0, JobState::kSkipped, {}, "", "", "", {}, 14},
      RunEnded{"r1", RunState::kCancelled, "cancelled", 15},
      RequestRemembered{{"SubmitRun", "u1", "cd", "r1", 20}},
      RequestRemembered{{"SubmitRun", "u2", "cd", "r1", 40}},
      RequestsForgotten{30},
  };
}

TEST_F(CatalogTest, MemoryEqualsWhatIsLoadedAfterEveryKindOfUpdate) {
  std::set<size_t> kinds;
  auto catalog = Open();
  for (const Update& update : OneOfEach()) {
    kinds.insert(update.index());
    Commit(*catalog, {update});
    auto loaded = catalog->Load();
    ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
    ASSERT_TRUE(*loaded == image_) << "update kind " << update.index();
  }
  EXPECT_EQ(kinds.size(), std::variant_size_v<Update>) << "a kind of update is missing from OneOfEach";
  catalog.reset();
  auto again = Open()->Load();
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(*again == image_);
}

TEST_F(CatalogTest, EventsHaveNoGapsAndOneForEachChange) {
  auto catalog = Open();
  int64_t expected = 0;
  for (const Update& update : OneOfEach()) expected += EventOf(update).has_value() ? 1 : 0;
  Commit(*catalog, OneOfEach());
  auto events = catalog->ReadEvents({});
  ASSERT_TRUE(events.ok());
  ASSERT_EQ(static_cast<int64_t>(events->size()), expected);
  for (size_t i = 0; i < events->size(); ++i) EXPECT_EQ((*events)[i].seq, static_cast<int64_t>(i) + 1);
  EXPECT_EQ(image_.last_seq, expected);

  auto last = catalog->ReadEvents({.since_seq = 0, .run = "r1", .limit = 2, .newest = true});
  ASSERT_TRUE(last.ok());
  ASSERT_EQ(last->size(), 2u);
  EXPECT_EQ((*last)[1].kind, "run.cancelled");
}

TEST_F(CatalogTest, AStaleEpochChangesNothing) {
  auto catalog = Open();
  Commit(*catalog, {RunCreated{SomeRun("r1")}, JobCreated{SomeJob("r1", "path_1", JobState::kQueued)},
                    AttemptGranted{SomeAttempt({"r1", "path_1"}, 1)}});
  const Updates stale = {ArtifactCommitted{SomeArtifact("a1")}, CheckpointCommitted{{"r1", "path_1", 7}, 40, "a1"}};
  const Status status = catalog->Commit(stale, 1);
  EXPECT_EQ(status.code(), StatusCode::kAborted);
  EXPECT_EQ(status.reason(), "STALE_LEASE");
  EXPECT_THAT(status.message(), HasSubstr("r1/path_1#7"));
  EXPECT_TRUE(*catalog->Load() == image_) << "the artifact of the same batch must not be there either";
  // The next batch counts on from the last event that was written.
  Commit(*catalog, {AttemptStarted{{"r1", "path_1", 1}, 3}});
  EXPECT_EQ(catalog->ReadEvents({})->back().seq, image_.last_seq);
}

TEST_F(CatalogTest, EndedRowsDoNotChange) {
  auto catalog = Open();
  Commit(*catalog, {RunCreated{SomeRun("r1")}, JobCreated{SomeJob("r1", "path_1", JobState::kQueued)},
                    JobEnded{{"r1", "path_1"}, 0, JobState::kCancelled, {}, "", "", "", {}, 1}});
  EXPECT_FALSE(catalog->Commit({JobEnded{{"r1", "path_1"}, 0, JobState::kSucceeded, {}, "", "", "", {}, 1}}, 1).ok());
  // Not even by hand: a trigger keeps them.
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &raw), SQLITE_OK);
  EXPECT_NE(sqlite3_exec(raw, "UPDATE jobs SET state = 2", nullptr, nullptr, nullptr), SQLITE_OK);
  EXPECT_THAT(sqlite3_errmsg(raw), HasSubstr("the job has ended"));
  sqlite3_close(raw);
}

TEST_F(CatalogTest, RefusesTheFileOfANewerBraid) {
  Open().reset();
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &raw), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(raw, "PRAGMA user_version = 99", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(raw);
  auto catalog = Catalog::Open({path_});
  ASSERT_FALSE(catalog.ok());
  EXPECT_THAT(catalog.status().message(), HasSubstr("written by a newer braid (schema 99"));
  EXPECT_THAT(catalog.status().message(), HasSubstr(path_));
}

TEST_F(CatalogTest, RefusesTheFileOfAnotherProgram) {
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &raw), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(raw, "CREATE TABLE notes (x)", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(raw);
  EXPECT_THAT(Catalog::Open({path_}).status().message(), HasSubstr("another program"));
}

TEST_F(CatalogTest, AFullDiskLosesNothingAndMayBeTriedAgain) {
  {
    auto catalog = Open(/*max_pages=*/60);
    Status status;
    for (int i = 0; status.ok() && i < 10000; ++i) {
      RunRecord run = SomeRun("r" + std::to_string(i));
      run.recipe.assign(2000, 'x');
      status = catalog->Commit({RunCreated{run}}, 1);
      if (status.ok()) Apply(RunCreated{run}, image_);
    }
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.reason(), "STORAGE_FULL") << status.ToString();
    EXPECT_THAT(status.message(), HasSubstr("free space"));
    EXPECT_TRUE(*catalog->Load() == image_);
  }
  auto catalog = Open();
  Commit(*catalog, {RunCreated{SomeRun("after")}});
  EXPECT_TRUE(*catalog->Load() == image_);
}

TEST_F(CatalogTest, WhatWasAcknowledgedSurvivesSigkill) {
  for (int round = 0; round < 5; ++round) {
    int pipe_fds[2];
    ASSERT_EQ(pipe(pipe_fds), 0);
    const pid_t child = fork();
    if (child == 0) {
      auto catalog = Catalog::Open({path_});
      for (int i = 0; catalog.ok(); ++i) {
        const std::string id = std::to_string(round) + "." + std::to_string(i);
        if (!(*catalog)->Commit({RunCreated{SomeRun(id)}}, 1).ok()) _exit(3);
        if (write(pipe_fds[1], &i, sizeof i) != sizeof i) _exit(4);
      }
      _exit(2);
    }
    close(pipe_fds[1]);
    int last = -1;
    while (last < 20 * (round + 1)) ASSERT_EQ(read(pipe_fds[0], &last, sizeof last), static_cast<ssize_t>(sizeof last));
    kill(child, SIGKILL);
    int value = 0;
    while (read(pipe_fds[0], &value, sizeof value) == sizeof value) last = value;
    close(pipe_fds[0]);
    waitpid(child, nullptr, 0);
    auto loaded = Open()->Load();
    ASSERT_TRUE(loaded.ok());
    for (int i = 0; i <= last; ++i) {
      ASSERT_TRUE(loaded->runs.contains(std::to_string(round) + "." + std::to_string(i))) << i << " of " << last;
    }
    EXPECT_EQ(loaded->last_seq, static_cast<int64_t>(loaded->runs.size()));
  }
}

}  // namespace
}  // namespace braid::catalog
