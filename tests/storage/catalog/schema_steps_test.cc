#include <fcntl.h>
#include <gtest/gtest.h>

#include "tests/storage/catalog/catalog_fixture.h"

namespace braid::catalog {
namespace {

#define WITHOUT_MEMORY                         \
  "ALTER TABLE jobs DROP COLUMN memory_bytes;" \
  "ALTER TABLE workers DROP COLUMN memory_bytes;"
#define WITHOUT_TAGS                                                                    \
  WITHOUT_MEMORY                                                                        \
  "DROP TRIGGER run_tags_new; DROP TRIGGER run_tags_change; DROP TRIGGER run_tags_end;" \
  "DROP TABLE run_tags; ALTER TABLE runs DROP COLUMN tags;"
#define WITHOUT_TRACES WITHOUT_TAGS "ALTER TABLE runs DROP COLUMN traceparent;"
#define WITHOUT_TRAFFIC WITHOUT_TRACES "DROP TABLE traffic;"
#define WITHOUT_BINDING                                                                   \
  WITHOUT_TRAFFIC                                                                         \
  "DROP TRIGGER artifacts_maker; ALTER TABLE jobs DROP COLUMN binding;"                   \
  "ALTER TABLE artifacts DROP COLUMN bound;"                                              \
  "CREATE TRIGGER artifacts_maker BEFORE UPDATE OF run, job, epoch, role, worker, name, " \
  "user, site ON artifacts WHEN OLD.removed_ms = 0 "                                      \
  "BEGIN SELECT RAISE(ABORT, 'artifacts keep their maker'); END;"
#define WITHOUT_RUNGS                        \
  WITHOUT_BINDING                            \
  "ALTER TABLE jobs DROP COLUMN rung_model;" \
  "ALTER TABLE jobs DROP COLUMN rung;"       \
  "ALTER TABLE jobs DROP COLUMN rung_trial;" \
  "ALTER TABLE jobs DROP COLUMN rung_keep;"  \
  "ALTER TABLE jobs DROP COLUMN left_behind;"
#define WITHOUT_PREEMPTION WITHOUT_RUNGS "ALTER TABLE runs DROP COLUMN preempts;"
#define WITHOUT_PAUSES                         \
  WITHOUT_PREEMPTION                           \
  "ALTER TABLE runs DROP COLUMN paused_ms;"    \
  "ALTER TABLE runs DROP COLUMN paused_by;"    \
  "ALTER TABLE runs DROP COLUMN pause_reason;" \
  "ALTER TABLE runs DROP COLUMN paused_before_ms;"
#define WITHOUT_LIMITS                           \
  WITHOUT_PAUSES                                 \
  "ALTER TABLE runs DROP COLUMN max_duration_s;" \
  "ALTER TABLE jobs DROP COLUMN max_duration_s;"
#define WITHOUT_OWNERS                                                                   \
  WITHOUT_LIMITS                                                                         \
  "DROP INDEX artifacts_owner; DROP TRIGGER artifacts_maker;"                            \
  "ALTER TABLE artifacts DROP COLUMN user; ALTER TABLE artifacts DROP COLUMN site;"      \
  "CREATE TRIGGER artifacts_maker BEFORE UPDATE OF run, job, epoch, role, worker, name " \
  "ON artifacts WHEN OLD.removed_ms = 0 "                                                \
  "BEGIN SELECT RAISE(ABORT, 'artifacts keep their maker'); END;"
#define WITHOUT_HEALTH                                   \
  WITHOUT_OWNERS                                         \
  "ALTER TABLE workers DROP COLUMN failures;"            \
  "ALTER TABLE workers DROP COLUMN quarantine_until_ms;" \
  "ALTER TABLE workers DROP COLUMN quarantines;"
#define WITHOUT_JOB_SETTINGS                       \
  WITHOUT_HEALTH                                   \
  "ALTER TABLE jobs DROP COLUMN keep_checkpoints;" \
  "ALTER TABLE jobs DROP COLUMN stall_timeout_s;"
#define WITHOUT_EPHEMERAL WITHOUT_JOB_SETTINGS "ALTER TABLE workers DROP COLUMN ephemeral;"
// SQL that undoes the migration which lets rows of ended runs leave memory.
#define WITHOUT_PAST                                                                            \
  WITHOUT_EPHEMERAL                                                                             \
  "DROP VIEW named; DROP VIEW counted; DROP TABLE uses; DROP TABLE ended_rows;"                 \
  "DROP INDEX runs_active; DROP INDEX runs_time; DROP INDEX runs_name; DROP INDEX jobs_place; " \
  "DROP INDEX artifacts_run; DROP INDEX artifacts_time;"
// And what the steps for artifacts that are made again, the catalog's id and the audit added.
#define WITHOUT_IDENTITY \
  WITHOUT_PAST "DROP TABLE audit; DROP TABLE identity; DROP TRIGGER artifacts_maker;"
// And what the step for retention added.
#define WITHOUT_RETENTION                                                                         \
  WITHOUT_IDENTITY                                                                                \
  "DROP TABLE compaction; DROP TRIGGER artifacts_keep; ALTER TABLE artifacts DROP COLUMN pinned;" \
  "ALTER TABLE artifacts DROP COLUMN removed_ms; ALTER TABLE artifacts DROP COLUMN removed_why;"  \
  "CREATE TRIGGER artifacts_keep BEFORE UPDATE ON artifacts "                                     \
  "BEGIN SELECT RAISE(ABORT, 'artifacts do not change'); END;"
// The versions before that: without credentials, and without gangs across sites.
#define WITHOUT_CREDENTIALS WITHOUT_RETENTION "DROP TABLE credentials;"
#define WITHOUT_GANGS WITHOUT_CREDENTIALS "ALTER TABLE jobs DROP COLUMN across_sites;"

// Whether SQLite holds the lock of a living connection on the file: bytes behind 1 GiB, as its file
// format says. Asked through a lock of another kind, which conflicts with those of this process,
// too. Closing the file here drops them, so nothing may follow that needs them.
bool IsLocked(const std::string& path) {
  const UniqueFd file(open(path.c_str(), O_RDWR | O_CLOEXEC));
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = (1 << 30) + 2;
  lock.l_len = 510;
  return fcntl(file.get(), F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

// As it was stored before jobs had ranks at several sites.
JobRecord OneSiteJob() {
  JobRecord job = SomeJob("r1", "path_1", JobState::kQueued);
  job.across_sites = false;
  job.binding = task::Binding::kNothing;
  return job;
}

class SchemaStepsTest : public CatalogTest {
 protected:
  // Makes the image that of a catalog from before anybody said how much memory there is.
  void ForgetMemory() {
    for (auto& [key, job] : image_.jobs) job.memory_bytes = 0;
    for (auto& [id, worker] : image_.workers) worker.memory_bytes = 0;
  }
  // Makes the image that of a catalog from before runs had tags.
  void ForgetTags() {
    ForgetMemory();
    for (auto& [id, run] : image_.runs) run.tags.clear();
  }
  // Makes the image that of a catalog from before runs were parts of traces.
  void ForgetTraces() {
    ForgetTags();
    for (auto& [id, run] : image_.runs) run.traceparent.clear();
  }
  // Makes the image that of a catalog from before anything was bound to a site.
  void ForgetBinding() {
    ForgetTraces();
    image_.traffic.clear();  // nobody had counted yet
    for (auto& [key, job] : image_.jobs) job.binding = task::Binding::kNothing;
    for (auto& [id, artifact] : image_.artifacts) artifact.bound = false;
  }
  // Makes the image that of a catalog from before trainings were compared at rungs.
  void ForgetRungs() {
    ForgetBinding();
    for (auto& [key, job] : image_.jobs) {
      job.rung = {};
      job.left_behind = false;
    }
  }
  // Makes the image that of a catalog from before others were stopped for runs.
  void ForgetPreemption() {
    ForgetRungs();
    for (auto& [id, run] : image_.runs) run.preempts = true;
  }
  // Makes the image that of a catalog from before runs could be paused.
  void ForgetPauses() {
    ForgetPreemption();
    for (auto& [id, run] : image_.runs) {
      run.paused_ms = run.paused_before_ms = 0;
      run.paused_by.clear();
      run.pause_reason.clear();
    }
  }
  // Makes the image that of a catalog from before runs and jobs had limits of time.
  void ForgetLimits() {
    ForgetPauses();
    for (auto& [id, run] : image_.runs) run.max_duration_s = 0;
    for (auto& [key, job] : image_.jobs) job.max_duration_s = 0;
  }
};

TEST_F(SchemaStepsTest, AFileFromBeforeRowsCouldLeaveMemoryIsBroughtUpToDate) {
  Commit(*Open(), AnEndedRunAndALiveOne());
  RunSql(WITHOUT_PAST "PRAGMA user_version = 9");
  ForgetLimits();
  auto catalog = Open();
  ASSERT_NE(catalog, nullptr);
  image_.workers.at("w1").health = {};  // nobody had counted yet
  EXPECT_TRUE(catalog->Load().value() == image_);
  ExpectLiveRows(*catalog, image_);
}

// Of what runs made it is known whose it is; of uploads it is not.
TEST_F(SchemaStepsTest, AFileFromBeforeArtifactsHadOwnersIsBroughtUpToDate) {
  ArtifactRecord made = SomeArtifact("a1"), uploaded = SomeArtifact("a2");
  made.worker = "w1";
  made.site = "local";
  uploaded.made_by = {};
  Commit(*Open(), {RunCreated{SomeRun("r1")}, WorkerRegistered{SomeWorker("w1")},
                   ArtifactCommitted{made}, ArtifactCommitted{uploaded}});
  RunSql(WITHOUT_OWNERS "PRAGMA user_version = 13");
  ForgetLimits();
  auto catalog = Open();
  ASSERT_NE(catalog, nullptr);
  image_.artifacts.at("a2").user = "";
  EXPECT_TRUE(catalog->Load().value() == image_);
}

TEST_F(SchemaStepsTest, AFileFromBeforePreemptionIsBroughtUpToDate) {
  Commit(*Open(), {RunCreated{SomeRun("r1")}});
  RunSql(WITHOUT_PREEMPTION "PRAGMA user_version = 16");
  ForgetPreemption();
  auto catalog = Open();
  ASSERT_NE(catalog, nullptr);
  EXPECT_TRUE(catalog->Load().value() == image_);
  Commit(*catalog, {RunCreated{SomeRun("r2")}});
  EXPECT_TRUE(catalog->Load().value() == image_);
}

TEST_F(SchemaStepsTest, BytesOfSitesAreAddedUpAndCountedFromAVersionOn) {
  Open().reset();
  RunSql(WITHOUT_TRAFFIC "PRAGMA user_version = 19");
  auto catalog = Open();
  ASSERT_NE(catalog, nullptr);
  const TrafficKey key{"lab", TrafficWay::kFetched, TrafficClass::kCheckpoint};
  Commit(*catalog, {TrafficCounted{{key, 5}}, TrafficCounted{{key, 7}}});
  catalog.reset();
  EXPECT_EQ(Open()->Load()->traffic.at(key).bytes, 12);
  EXPECT_EQ(Check(TrafficCounted{{key, 0}}, image_).code(), StatusCode::kFailedPrecondition);
}

TEST_F(SchemaStepsTest, AFileFromBeforeDataWasBoundIsBroughtUpToDate) {
  Commit(*Open(), {RunCreated{SomeRun("r1")}, JobCreated{SomeJob("r1", "a", JobState::kBlocked)},
                   ArtifactCommitted{SomeArtifact("a1")}});
  RunSql(WITHOUT_BINDING "PRAGMA user_version = 18");
  ForgetTraces();
  ForgetBinding();
  auto catalog = Open();
  ASSERT_NE(catalog, nullptr);
  EXPECT_TRUE(catalog->Load().value() == image_);
  // What was removed is made again, and is bound now.
  ArtifactRecord again = SomeArtifact("a1");
  again.worker = "w2";
  Commit(*catalog, {ArtifactRemoved{"a1", "not needed", 7}, ArtifactCommitted{again}});
  EXPECT_TRUE(image_.artifacts.at("a1").bound);
  EXPECT_TRUE(catalog->Load().value() == image_);
}

TEST_F(SchemaStepsTest, AFileFromBeforeTimeLimitsIsBroughtUpToDate) {
  Commit(*Open(), {RunCreated{SomeRun("r1")}, JobCreated{SomeJob("r1", "a", JobState::kQueued)}});
  RunSql(WITHOUT_LIMITS "PRAGMA user_version = 14");
  ForgetLimits();
  auto catalog = Open();
  ASSERT_NE(catalog, nullptr);
  EXPECT_TRUE(catalog->Load().value() == image_);
}

TEST_F(SchemaStepsTest, AFileFromBeforeSweepsStoppedTrainingsIsBroughtUpToDate) {
  Commit(*Open(), {RunCreated{SomeRun("r1")}, JobCreated{SomeJob("r1", "a", JobState::kBlocked)}});
  RunSql(WITHOUT_RUNGS "PRAGMA user_version = 17");
  ForgetRungs();
  auto catalog = Open();
  ASSERT_NE(catalog, nullptr);
  EXPECT_TRUE(catalog->Load().value() == image_);
  JobEnded stopped{{"r1", "a"}, 0, JobState::kSkipped, {}, "", "stopped by the sweep", "", {}, 9};
  stopped.left_behind = true;
  Commit(*catalog, {stopped});
  EXPECT_TRUE(image_.jobs.at({"r1", "a"}).left_behind);
  EXPECT_TRUE(catalog->Load().value() == image_);
}

TEST_F(SchemaStepsTest, AFileFromBeforeMemoryIsBroughtUpToDate) {
  Commit(*Open(), {RunCreated{SomeRun("r1")}, JobCreated{SomeJob("r1", "a", JobState::kQueued)},
                   WorkerRegistered{SomeWorker("w1")}});
  RunSql(WITHOUT_MEMORY "PRAGMA user_version = 22");
  ForgetMemory();
  auto catalog = Open();
  ASSERT_NE(catalog, nullptr);
  EXPECT_TRUE(catalog->Load().value() == image_);
  Commit(*catalog, {WorkerRegistered{SomeWorker("w2")}});
  EXPECT_TRUE(catalog->Load().value() == image_);
}

TEST_F(SchemaStepsTest, AFileFromBeforeTagsIsBroughtUpToDate) {
  Commit(*Open(), {RunCreated{SomeRun("r1")}});
  RunSql(WITHOUT_TAGS "PRAGMA user_version = 21");
  ForgetTags();
  auto catalog = Open();
  ASSERT_NE(catalog, nullptr);
  EXPECT_TRUE(catalog->Load().value() == image_);
  Commit(*catalog, {RunTagged{"r1", {"old one"}, ""}});
  EXPECT_TRUE(catalog->Load().value() == image_);
}

TEST_F(SchemaStepsTest, AFileFromBeforeTracesIsBroughtUpToDate) {
  Commit(*Open(), {RunCreated{SomeRun("r1")}});
  RunSql(WITHOUT_TRACES "PRAGMA user_version = 20");
  ForgetTraces();
  auto catalog = Open();
  ASSERT_NE(catalog, nullptr);
  EXPECT_TRUE(catalog->Load().value() == image_);
  Commit(*catalog, {RunCreated{SomeRun("r2")}});
  EXPECT_TRUE(catalog->Load().value() == image_);
}

TEST_F(SchemaStepsTest, AFileFromBeforeQuarantinesIsBroughtUpToDate) {
  Commit(*Open(), {WorkerRegistered{SomeWorker("w1")}});
  RunSql(WITHOUT_HEALTH "PRAGMA user_version = 12");
  ForgetLimits();
  auto catalog = Open();
  ASSERT_NE(catalog, nullptr);
  EXPECT_TRUE(catalog->Load().value() == image_);
  Commit(*catalog, {WorkerHealthChanged{"w1", {{{"r1/a", 7, "gone"}}, 900, 2}, "", ""}});
  EXPECT_TRUE(catalog->Load().value() == image_);
}

TEST_F(SchemaStepsTest, AFileFromBeforeRetentionIsBroughtUpToDate) {
  {
    auto catalog = Open();
    Commit(*catalog, {RunCreated{SomeRun("r1")}, ArtifactCommitted{SomeArtifact("a1")}});
  }
  RunSql(WITHOUT_RETENTION "PRAGMA user_version = 5");
  ForgetLimits();
  auto catalog = Open();
  ASSERT_NE(catalog, nullptr);
  image_.artifacts.at("a1").pinned = true;  // nobody was asked whether it may go
  EXPECT_TRUE(catalog->Load().value() == image_);
  Commit(*catalog,
         {ArtifactPinned{"a1", false}, ArtifactRemoved{"a1", "old", 5}, EventsCompacted{1}});
  EXPECT_TRUE(catalog->Load().value() == image_);
}

TEST_F(SchemaStepsTest, AFileOfTheFirstSchemaIsBroughtUpToDate) {
  RunRecord run = SomeRun("r1");
  run.priority = 0;
  run.user.clear();
  WorkerRecord worker = SomeWorker("w1");
  worker.instance = worker.network = worker.folder = "";
  const AttemptRecord attempt = SomeAttempt({"r1", "path_1"}, 1);
  {
    auto catalog = Open();
    Commit(
        *catalog,
        {RunCreated{run}, JobCreated{OneSiteJob()}, WorkerRegistered{worker},
         AttemptGranted{attempt},
         AttemptEnded{attempt.key, AttemptState::kFailed, {"infra", "gone", "wait", false}, 12}});
  }
  RunSql(
      "ALTER TABLE runs DROP COLUMN priority; ALTER TABLE runs DROP COLUMN user; ALTER "
      "TABLE attempts DROP COLUMN reason; ALTER TABLE attempts DROP COLUMN log_tail;"
      "ALTER TABLE workers DROP COLUMN instance; ALTER TABLE workers DROP COLUMN network;"
      "ALTER TABLE workers DROP COLUMN folder; PRAGMA user_version = 1;" WITHOUT_GANGS);
  ForgetLimits();
  auto catalog = Open();
  ASSERT_NE(catalog, nullptr);
  EXPECT_TRUE(catalog->Load().value() == image_);
  EXPECT_TRUE(PathExists(path_ + ".v1")) << "the file as it was stays beside it";
  EXPECT_TRUE(IsLocked(path_)) << "another program would take the log of a catalog without a lock";
  Commit(*catalog, {RunCreated{SomeRun("r2")}, WorkerRegistered{SomeWorker("w2")}});
  EXPECT_TRUE(catalog->Load().value() == image_);
}

TEST_F(SchemaStepsTest, AFileOfTheSecondSchemaIsBroughtUpToDate) {
  const AttemptRecord attempt = SomeAttempt({"r1", "path_1"}, 1);
  {
    auto catalog = Open();
    Commit(*catalog, {RunCreated{SomeRun("r1")}, JobCreated{OneSiteJob()},
                      WorkerRegistered{SomeWorker("w1")}, AttemptGranted{attempt},
                      AttemptEnded{attempt.key,
                                   AttemptState::kFailed,
                                   {"infra", "no room", "wait", true, "STORAGE_FULL"},
                                   12}});
  }
  RunSql(
      "ALTER TABLE attempts DROP COLUMN log_tail; "
      "PRAGMA user_version = 2;" WITHOUT_GANGS);
  ForgetLimits();
  auto catalog = Open();
  ASSERT_NE(catalog, nullptr);
  EXPECT_TRUE(catalog->Load().value() == image_);
}

TEST_F(SchemaStepsTest, AFileOfTheThirdSchemaIsBroughtUpToDate) {
  {
    auto catalog = Open();
    Commit(*catalog, {RunCreated{SomeRun("r1")}, JobCreated{OneSiteJob()}});
  }
  RunSql(WITHOUT_GANGS "PRAGMA user_version = 3");
  ForgetLimits();
  auto catalog = Open();
  ASSERT_NE(catalog, nullptr);
  EXPECT_TRUE(catalog->Load().value() == image_);
}

TEST_F(SchemaStepsTest, AFileOfTheFourthSchemaGetsCredentials) {
  Commit(*Open(), {RunCreated{SomeRun("r1")}, WorkerRegistered{SomeWorker("w1")}});
  RunSql(WITHOUT_CREDENTIALS "PRAGMA user_version = 4");
  ForgetLimits();
  auto catalog = Open();
  ASSERT_NE(catalog, nullptr);
  EXPECT_TRUE(catalog->Load().value() == image_);
  EXPECT_TRUE(PathExists(path_ + ".v4"));
  Commit(*catalog, {CredentialChanged{SomeCredential("t-1"), "token.created", ""}});
  EXPECT_TRUE(catalog->Load().value() == image_);
}

}  // namespace
}  // namespace braid::catalog
