#include "storage/catalog/catalog.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>

#include "base/file.h"
#include "storage/catalog/reader.h"
#include "storage/catalog/rules.h"
#include "storage/catalog/schema.h"
#include "storage/catalog/undo.h"

namespace braid::catalog {
namespace {

using ::testing::HasSubstr;

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

RunRecord SomeRun(const std::string& id) {
  RunRecord run;
  run.id = id;
  run.name = "quick \"start\"";
  run.recipe = "run: x\n# \xc3\xa4\n";
  run.recipe_sha256 = "ab";
  run.sources = {{"tokenizer", "t1"}};
  run.only = {"path_1"};
  run.priority = -3;
  run.preempts = false;
  run.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  run.tags = {"a \"b\"", "\xc3\xa4"};
  run.max_duration_s = 86'400;
  run.paused_before_ms = 70;
  run.user = "ann";
  run.created_ms = 5;
  return run;
}

JobRecord SomeJob(const std::string& run, const std::string& name, JobState state) {
  JobRecord job;
  job.key = {run, name};
  job.position = 3;
  job.kind = "train";
  job.parents = {"tokenizer"};
  job.input_sources = {{"tokenizer", {"tokenizer", "tokenizer", ""}}, {"data.x", {"", "", "art"}}};
  job.spec = R"({"seed":42,"train":{"checkpoint":{"keep":-1},"stall_timeout":60}})";
  job.keep_checkpoints = -1;
  job.stall_timeout_s = 60;
  job.max_duration_s = 3'600;
  job.rung = {"dense", 2, 5, 3};
  job.slots = 2;
  job.site = "helsinki";
  job.across_sites = true;
  job.binding = task::Binding::kOutputs;
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
  artifact.user = "ann";
  artifact.bound = true;
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
  worker.instance = "i1";
  worker.network = "net:[1]";
  worker.folder = "/data/w1";
  return worker;
}

// As it was stored before jobs had ranks at several sites.
JobRecord OneSiteJob() {
  JobRecord job = SomeJob("r1", "path_1", JobState::kQueued);
  job.across_sites = false;
  job.binding = task::Binding::kNothing;
  return job;
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
  // Makes the image that of a catalog from before runs had tags.
  void ForgetTags() {
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

  std::unique_ptr<TemporaryFolder> folder_;
  std::string path_;
  Image image_;
};

CredentialRecord SomeCredential(const std::string& id) {
  return {id,     CredentialKind::kInvitation,
          "w1",   Role::kWorker,
          "here", "digest of " + id,
          1,      "ada",
          2,      3,
          4,      "host"};
}

ArtifactRecord Later(ArtifactRecord artifact) {
  artifact.created_ms += 100;
  return artifact;
}

WorkerRecord Ephemeral(WorkerRecord worker) {
  worker.ephemeral = true;
  return worker;
}

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
      WorkerHealthChanged{"w1", {{{"r1/path_1", 7, "gone"}}, 900, 2}, "quarantined", "until noon"},
      WorkerHealthChanged{"w1", {{{"r1/path_1", 7, "gone"}}, 900, 2}, "", ""},
      WorkerSeen{"w1", 99},
      WorkerLinkChanged{"w1", "connected", ""},
      WorkerRegistered{Ephemeral(SomeWorker("w9"))},
      WorkerForgotten{"w9", "it has left"},
      PoolReported{"lab", "asked", "job 7"},
      ServerReported{"disk_low", "8 % are free"},
      TrafficCounted{{{"lab", TrafficWay::kSent, TrafficClass::kShards}, 70}},
      TrafficCounted{{{"lab", TrafficWay::kSent, TrafficClass::kShards}, 7}},
      TrafficCounted{{{"lab", TrafficWay::kFetched, TrafficClass::kOther}, 5}},
      CredentialChanged{SomeCredential("t-1"), "token.created", "t-1"},
      CredentialChanged{SomeCredential("t-1"), "", ""},
      JobQueued{path, {{"tokenizer", "t1"}}},
      AttemptGranted{SomeAttempt(path, 1)},
      AttemptStarted{{"r1", "path_1", 1}, 11},
      ArtifactCommitted{SomeArtifact("a1")},
      CheckpointCommitted{{"r1", "path_1", 1}, 40, "a1"},
      AttemptEnded{{"r1", "path_1", 1},
                   AttemptState::kFailed,
                   {"infra", "gone", "wait", false, "STORAGE_FULL", "last\nlines"},
                   12},
      JobRequeued{{"r1", "path_1", 1}, counters, 500},
      AttemptGranted{SomeAttempt(path, 2)},
      AttemptEnded{{"r1", "path_1", 2}, AttemptState::kSucceeded, {}, 13},
      JobEnded{
          path, 2, JobState::kSucceeded, {{"model", "a1"}}, "{\"loss\":1}", "", "", counters, 13},
      AttemptGranted{SomeAttempt(other, 1)},
      AttemptStopping{{"r1", "path_2", 1}, StopReason::kCancel, {}},
      JobCancelling{other},
      RunPaused{"r1", "ada", "the GPUs are needed", 13},
      RunResumed{"r1", "bob", 71},
      RunPaused{"r1", "", "", 14},
      RunCancelRequested{"r1"},
      AttemptEnded{
          {"r1", "path_2", 1}, AttemptState::kCancelled, {"cancelled", "asked for", "", false}, 14},
      JobEnded{other, 1, JobState::kCancelled, {}, "", "cancelled", "", {}, 14},
      JobEnded{third, 0, JobState::kSkipped, {}, "", "", "", {}, 14},
      RunEnded{"r1", RunState::kCancelled, "cancelled", 15},
      RunTagged{"r1", {"kept"}, "+kept by ada"},
      RequestRemembered{{"SubmitRun", "u1", "cd", "r1", 20}},
      RequestRemembered{{"SubmitRun", "u2", "cd", "r1", 40}},
      RequestsForgotten{30},
      AuditWritten{{0, 20, "ada", "submitter", "t-1", "192.0.2.7", "SubmitRun", "r1", "OK", ""}},
      AuditForgotten{30},
      ArtifactPinned{"a1", true},
      ArtifactPinned{"a1", false},
      ArtifactRemoved{"a1", "nothing needs it", 50},
      ArtifactCommitted{Later(SomeArtifact("a1"))},
      EventsCompacted{7},
      RunCreated{SomeRun("r2")},
      RunDeleted{"r1", "quick"},
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
  EXPECT_EQ(kinds.size(), std::variant_size_v<Update>)
      << "a kind of update is missing from OneOfEach";
  catalog.reset();
  auto again = Open()->Load();
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(*again == image_);
}

TEST_F(CatalogTest, EventsHaveNoGapsAndOneForEachChange) {
  auto catalog = Open();
  int64_t expected = 0;
  Updates updates = OneOfEach();
  while (!std::holds_alternative<RequestsForgotten>(updates.back())) updates.pop_back();
  for (const Update& update : updates) expected += EventOf(update).has_value() ? 1 : 0;
  Commit(*catalog, updates);
  auto events = catalog->ReadEvents({});
  ASSERT_TRUE(events.ok());
  ASSERT_EQ(static_cast<int64_t>(events->size()), expected);
  for (size_t i = 0; i < events->size(); ++i)
    EXPECT_EQ((*events)[i].seq, static_cast<int64_t>(i) + 1);
  EXPECT_EQ(image_.last_seq, expected);

  auto last = catalog->ReadEvents({.since_seq = 0, .run = "r1", .limit = 2, .newest = true});
  ASSERT_TRUE(last.ok());
  ASSERT_EQ(last->size(), 2u);
  EXPECT_EQ((*last)[0].kind, "run.cancelled");
  EXPECT_EQ((*last)[1].kind, "run.tagged");
  EXPECT_EQ((*last)[1].detail, "+kept by ada");
}

// What is gone leaves a gap, and numbers are never given out again.
TEST_F(CatalogTest, EventsOfADeletedRunAndOldOnesAreGone) {
  auto catalog = Open();
  Commit(*catalog, OneOfEach());
  const std::vector<EventRecord> events = catalog->ReadEvents({}).value();
  std::vector<std::string> kinds;
  for (const EventRecord& event : events) {
    EXPECT_GT(event.seq, 7) << event.kind;
    if (event.run == "r1") kinds.push_back(event.kind);
  }
  EXPECT_EQ(kinds, (std::vector<std::string>{"run.deleted"})) << "all that is left of r1";
  EXPECT_EQ(events.back().kind, "run.deleted");
  EXPECT_EQ(events.back().seq, image_.last_seq);
  catalog.reset();
  catalog = Open();
  Commit(*catalog, {EventsCompacted{image_.last_seq}});
  EXPECT_EQ(catalog->ReadEvents({})->size(), 1u) << "its own event stays";
  catalog.reset();
  EXPECT_EQ(Open()->Load()->last_seq, image_.last_seq);
  EXPECT_EQ(Open()->Load()->compacted_seq, image_.last_seq - 1);
}

TEST_F(CatalogTest, OnlyAnEndedRunIsDeletedAndAPinnedArtifactIsNotRemoved) {
  auto catalog = Open();
  Commit(*catalog, {RunCreated{SomeRun("r1")}, ArtifactCommitted{SomeArtifact("a1")},
                    ArtifactPinned{"a1", true}});
  for (const Update& update : Updates{RunDeleted{"r1", ""}, ArtifactRemoved{"a1", "", 1}}) {
    EXPECT_EQ(Check(update, image_).reason(), "STALE_LEASE");
    EXPECT_EQ(catalog->Commit({update}, 1).reason(), "STALE_LEASE");
  }
  EXPECT_TRUE(*catalog->Load() == image_);
}

TEST_F(CatalogTest, AStaleEpochChangesNothing) {
  auto catalog = Open();
  Commit(*catalog,
         {RunCreated{SomeRun("r1")}, JobCreated{SomeJob("r1", "path_1", JobState::kQueued)},
          AttemptGranted{SomeAttempt({"r1", "path_1"}, 1)}});
  const Updates stale = {ArtifactCommitted{SomeArtifact("a1")},
                         CheckpointCommitted{{"r1", "path_1", 7}, 40, "a1"}};
  const Status status = catalog->Commit(stale, 1);
  EXPECT_EQ(status.code(), StatusCode::kAborted);
  EXPECT_EQ(status.reason(), "STALE_LEASE");
  EXPECT_THAT(status.message(), HasSubstr("r1/path_1#7"));
  EXPECT_TRUE(*catalog->Load() == image_)
      << "the artifact of the same batch must not be there either";
  // The next batch counts on from the last event that was written.
  Commit(*catalog, {AttemptStarted{{"r1", "path_1", 1}, 3}});
  EXPECT_EQ(catalog->ReadEvents({})->back().seq, image_.last_seq);
}

TEST_F(CatalogTest, EndedRowsDoNotChange) {
  auto catalog = Open();
  Commit(*catalog,
         {RunCreated{SomeRun("r1")}, JobCreated{SomeJob("r1", "path_1", JobState::kQueued)},
          JobEnded{{"r1", "path_1"}, 0, JobState::kCancelled, {}, "", "", "", {}, 1}});
  EXPECT_FALSE(
      catalog
          ->Commit({JobEnded{{"r1", "path_1"}, 0, JobState::kSucceeded, {}, "", "", "", {}, 1}}, 1)
          .ok());
  // Not even by hand: a trigger keeps them.
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &raw), SQLITE_OK);
  EXPECT_NE(sqlite3_exec(raw, "UPDATE jobs SET state = 2", nullptr, nullptr, nullptr), SQLITE_OK);
  EXPECT_THAT(sqlite3_errmsg(raw), HasSubstr("the job has ended"));
  sqlite3_close(raw);
}

// Of few rows, so that they meet each other; most are not possible.
Update AnyUpdate() {
  const std::string run = *rc::gen::element<std::string>("r1", "r2");
  const JobKey job{run, *rc::gen::element<std::string>("a", "b")};
  const AttemptKey attempt{job.run, job.job, *rc::gen::inRange<int64_t>(0, 3)};
  const auto job_state = static_cast<JobState>(*rc::gen::inRange(1, 9));
  const auto ended = static_cast<AttemptState>(*rc::gen::inRange(5, 10));
  const std::string worker = *rc::gen::element<std::string>("w1", "w2");
  const std::string artifact = *rc::gen::element<std::string>("a1", "a2");
  switch (*rc::gen::inRange(0, 27)) {
    case 0:
      return RunCreated{SomeRun(run)};
    case 1:
      return RunCancelRequested{run};
    case 23:
      return RunPaused{run, "ada", "x", *rc::gen::inRange<int64_t>(0, 3)};
    case 24:
      return RunResumed{run, "ada", 5};
    case 25:
      return RunTagged{run, std::vector<std::string>(*rc::gen::inRange<size_t>(0, 3), "a"), "x"};
    case 2:
      return RunEnded{run, RunState::kFailed, "x", 1};
    case 3:
    case 4: {
      JobRecord record = SomeJob(run, job.job,
                                 *rc::gen::element(JobState::kBlocked, JobState::kQueued));
      record.ranks = *rc::gen::element<int64_t>(1, 1, 1, 0);
      record.flops = *rc::gen::element(1.0, 1.0, std::nan(""));
      return JobCreated{record};
    }
    case 5:
      return JobQueued{job, {{"x", "y"}}};
    case 6:
      return JobRequeued{attempt, {1, 1, 1, 1}, 5};
    case 7:
      return JobCancelling{job};
    case 8:
      return JobEnded{
          job, attempt.epoch, std::max(job_state, JobState::kSucceeded), {}, "", "", "", {}, 1};
    case 9:
    case 10:
    case 11:
      return AttemptGranted{SomeAttempt(job, attempt.epoch)};
    case 12:
      return AttemptStarted{attempt, 1};
    case 13:
      return AttemptStopping{attempt, StopReason::kDrain, {"preempted", "x", "", false}};
    case 14:
      return AttemptEnded{attempt, ended, {}, 1};
    case 15:
      return CheckpointCommitted{attempt, 4, "a1"};
    case 16:
      return ArtifactCommitted{SomeArtifact(*rc::gen::element<std::string>("a1", "a2"))};
    case 17:
      return WorkerRegistered{SomeWorker(worker)};
    case 19:
      return ArtifactPinned{artifact, *rc::gen::arbitrary<bool>()};
    case 20:
      return ArtifactRemoved{artifact, "old", *rc::gen::inRange<int64_t>(0, 3)};
    case 21:
      return RunDeleted{run, "x"};
    case 22:
      return EventsCompacted{*rc::gen::inRange<int64_t>(0, 9)};
    case 18:
      return *rc::gen::element<Update>(WorkerAdmitted{worker, WorkerAdmit::kDraining},
                                       WorkerHealthChanged{worker, {{}, 5, 1}, "", ""},
                                       WorkerSeen{worker, 7});
    default:
      return *rc::gen::element<Update>(RequestRemembered{{"SubmitRun", "u1", "cd", run, 20}},
                                       RequestsForgotten{30}, RequestsForgotten{10});
  }
}

// What memory allows is what the tables allow, and what memory takes back was never there.
TEST_F(CatalogTest, TheRulesInMemoryAreThoseOfTheTables) {
  int allowed = 0, refused = 0;
  EXPECT_TRUE(rc::check("rules", [&] {
    TemporaryFolder folder = TemporaryFolder::Create().value();
    const auto catalog = Catalog::Open({folder.path() + "/braid.db"}).value();
    Image image;
    for (int i = 0; i < 40; ++i) {
      const Update update = AnyUpdate();
      const Status rule = Check(update, image);
      const Status written = catalog->Commit({update}, 1);
      RC_ASSERT(rule.ok() == written.ok());
      ++(rule.ok() ? allowed : refused);
      if (!rule.ok()) {
        RC_ASSERT(rule.code() == written.code());
        continue;
      }
      const Image before = image;
      const Undo undo = UndoOf(update, image);
      Apply(update, image);
      Image back = image;
      undo(back);
      RC_ASSERT(back == before);
    }
    RC_ASSERT(catalog->Load().value() == image);
  }));
  EXPECT_GT(allowed, 200);
  EXPECT_GT(refused, 200);
}

#define WITHOUT_TAGS                                                                    \
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

// One run that has ended, and one that has not.
Updates AnEndedRunAndALiveOne() {
  Updates updates = OneOfEach();
  updates.pop_back();  // RunDeleted
  updates.push_back(JobCreated{SomeJob("r2", "path_1", JobState::kQueued)});
  ArtifactRecord uploaded = SomeArtifact("a2");
  uploaded.made_by = {};
  uploaded.user = "";
  updates.push_back(ArtifactCommitted{uploaded});
  ArtifactRecord made = SomeArtifact("a3");
  made.made_by = {"r2", "path_1", 1};
  updates.push_back(ArtifactCommitted{made});
  return updates;
}

void ExpectLiveRows(Catalog& catalog, const Image& all) {
  const LiveRows live = catalog.LoadLive().value();
  EXPECT_EQ(live.image.runs.size(), 1u);
  EXPECT_EQ(live.image.runs.at("r2"), all.runs.at("r2"));
  EXPECT_EQ(live.image.jobs.size(), 1u);
  EXPECT_TRUE(live.image.attempts.empty());
  ASSERT_EQ(live.image.artifacts.size(), 1u) << "what the live run made";
  EXPECT_EQ(live.image.artifacts.at("a3"), all.artifacts.at("a3"));
  EXPECT_EQ(live.image.workers, all.workers);
  EXPECT_EQ(live.image.last_seq, all.last_seq);
  RowCounts ended;
  ended.runs[RunState::kCancelled] = 1;
  ended.jobs = {{{"train", static_cast<int>(JobState::kSucceeded)}, 1},
                {{"train", static_cast<int>(JobState::kCancelled)}, 1},
                {{"train", static_cast<int>(JobState::kSkipped)}, 1}};
  ended.attempts = {{{"infra", static_cast<int>(AttemptState::kFailed)}, 1},
                    {{"", static_cast<int>(AttemptState::kSucceeded)}, 1},
                    {{"cancelled", static_cast<int>(AttemptState::kCancelled)}, 1}};
  ended.artifact_bytes = 24;
  ended.bytes_of_user["ann"] = 12;
  EXPECT_TRUE(live.elsewhere == ended);
  Past& past = *catalog.past();
  const RunRows rows = past.ReadRun("r1").value().value();
  EXPECT_EQ(rows.run, all.runs.at("r1"));
  EXPECT_EQ(rows.jobs.size(), 3u);
  for (const JobRecord& job : rows.jobs) EXPECT_EQ(job, all.jobs.at(job.key));
  EXPECT_EQ(rows.attempts.size(), 3u);
  EXPECT_EQ(past.ReadMade("r1").value().at(0), all.artifacts.at("a1"));
  for (const char* named : {"t1", "art", "a1"})
    EXPECT_EQ(past.EndedUsersOf(named, 5).value(), std::vector<std::string>{"r1"}) << named;
  for (const char* not_named : {"a2", "a3", "", "tokenizer"})
    EXPECT_TRUE(past.EndedUsersOf(not_named, 5).value().empty()) << not_named;
  EXPECT_FALSE(past.ReadRun("r3").value().has_value());
}

TEST_F(CatalogTest, WhatIsLoadedAndWhatIsCountedIsAllThatThereIs) {
  auto catalog = Open();
  Commit(*catalog, AnEndedRunAndALiveOne());
  ExpectLiveRows(*catalog, image_);
  Commit(*catalog, {RunDeleted{"r1", "quick"}});
  const LiveRows live = catalog->LoadLive().value();
  RowCounts left;
  left.artifact_bytes = 24;
  left.bytes_of_user["ann"] = 12;
  EXPECT_TRUE(live.elsewhere == left) << "artifacts of a deleted run stay until they are removed";
  EXPECT_TRUE(catalog->past()->EndedUsersOf("t1", 5).value().empty());
}

TEST_F(CatalogTest, AFileFromBeforeRowsCouldLeaveMemoryIsBroughtUpToDate) {
  Commit(*Open(), AnEndedRunAndALiveOne());
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &raw), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(raw, WITHOUT_PAST "PRAGMA user_version = 9", nullptr, nullptr, nullptr),
            SQLITE_OK)
      << sqlite3_errmsg(raw);
  sqlite3_close(raw);
  ForgetLimits();
  auto catalog = Open();
  ASSERT_NE(catalog, nullptr);
  image_.workers.at("w1").health = {};  // nobody had counted yet
  EXPECT_TRUE(catalog->Load().value() == image_);
  ExpectLiveRows(*catalog, image_);
}

// Of what runs made it is known whose it is; of uploads it is not.
TEST_F(CatalogTest, AFileFromBeforeArtifactsHadOwnersIsBroughtUpToDate) {
  ArtifactRecord made = SomeArtifact("a1"), uploaded = SomeArtifact("a2");
  made.worker = "w1";
  made.site = "local";
  uploaded.made_by = {};
  Commit(*Open(), {RunCreated{SomeRun("r1")}, WorkerRegistered{SomeWorker("w1")},
                   ArtifactCommitted{made}, ArtifactCommitted{uploaded}});
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &raw), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(raw, WITHOUT_OWNERS "PRAGMA user_version = 13", nullptr, nullptr, nullptr),
            SQLITE_OK)
      << sqlite3_errmsg(raw);
  sqlite3_close(raw);
  ForgetLimits();
  auto catalog = Open();
  ASSERT_NE(catalog, nullptr);
  image_.artifacts.at("a2").user = "";
  EXPECT_TRUE(catalog->Load().value() == image_);
}

TEST_F(CatalogTest, AFileFromBeforePreemptionIsBroughtUpToDate) {
  Commit(*Open(), {RunCreated{SomeRun("r1")}});
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &raw), SQLITE_OK);
  ASSERT_EQ(
      sqlite3_exec(raw, WITHOUT_PREEMPTION "PRAGMA user_version = 16", nullptr, nullptr, nullptr),
      SQLITE_OK)
      << sqlite3_errmsg(raw);
  sqlite3_close(raw);
  ForgetPreemption();
  auto catalog = Open();
  ASSERT_NE(catalog, nullptr);
  EXPECT_TRUE(catalog->Load().value() == image_);
  Commit(*catalog, {RunCreated{SomeRun("r2")}});
  EXPECT_TRUE(catalog->Load().value() == image_);
}

TEST_F(CatalogTest, BytesOfSitesAreAddedUpAndCountedFromAVersionOn) {
  Open().reset();
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &raw), SQLITE_OK);
  ASSERT_EQ(
      sqlite3_exec(raw, WITHOUT_TRAFFIC "PRAGMA user_version = 19", nullptr, nullptr, nullptr),
      SQLITE_OK)
      << sqlite3_errmsg(raw);
  sqlite3_close(raw);
  auto catalog = Open();
  ASSERT_NE(catalog, nullptr);
  const TrafficKey key{"lab", TrafficWay::kFetched, TrafficClass::kCheckpoint};
  Commit(*catalog, {TrafficCounted{{key, 5}}, TrafficCounted{{key, 7}}});
  catalog.reset();
  EXPECT_EQ(Open()->Load()->traffic.at(key).bytes, 12);
  EXPECT_EQ(Check(TrafficCounted{{key, 0}}, image_).code(), StatusCode::kFailedPrecondition);
}

TEST_F(CatalogTest, TheClassOfBytesIsThatOfTheArtifact) {
  EXPECT_EQ(TrafficClassOf("source"), TrafficClass::kCorpus);
  EXPECT_EQ(TrafficClassOf("shards"), TrafficClass::kShards);
  EXPECT_EQ(TrafficClassOf("checkpoint"), TrafficClass::kCheckpoint);
  EXPECT_EQ(TrafficClassOf("report"), TrafficClass::kOther);
}

TEST_F(CatalogTest, AFileFromBeforeDataWasBoundIsBroughtUpToDate) {
  Commit(*Open(), {RunCreated{SomeRun("r1")}, JobCreated{SomeJob("r1", "a", JobState::kBlocked)},
                   ArtifactCommitted{SomeArtifact("a1")}});
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &raw), SQLITE_OK);
  ASSERT_EQ(
      sqlite3_exec(raw, WITHOUT_BINDING "PRAGMA user_version = 18", nullptr, nullptr, nullptr),
      SQLITE_OK)
      << sqlite3_errmsg(raw);
  sqlite3_close(raw);
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

TEST_F(CatalogTest, AFileFromBeforeTimeLimitsIsBroughtUpToDate) {
  Commit(*Open(), {RunCreated{SomeRun("r1")}, JobCreated{SomeJob("r1", "a", JobState::kQueued)}});
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &raw), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(raw, WITHOUT_LIMITS "PRAGMA user_version = 14", nullptr, nullptr, nullptr),
            SQLITE_OK)
      << sqlite3_errmsg(raw);
  sqlite3_close(raw);
  ForgetLimits();
  auto catalog = Open();
  ASSERT_NE(catalog, nullptr);
  EXPECT_TRUE(catalog->Load().value() == image_);
}

TEST_F(CatalogTest, AFileFromBeforeSweepsStoppedTrainingsIsBroughtUpToDate) {
  Commit(*Open(), {RunCreated{SomeRun("r1")}, JobCreated{SomeJob("r1", "a", JobState::kBlocked)}});
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &raw), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(raw, WITHOUT_RUNGS "PRAGMA user_version = 17", nullptr, nullptr, nullptr),
            SQLITE_OK)
      << sqlite3_errmsg(raw);
  sqlite3_close(raw);
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

TEST_F(CatalogTest, AFileFromBeforeTagsIsBroughtUpToDate) {
  Commit(*Open(), {RunCreated{SomeRun("r1")}});
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &raw), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(raw, WITHOUT_TAGS "PRAGMA user_version = 21", nullptr, nullptr, nullptr),
            SQLITE_OK)
      << sqlite3_errmsg(raw);
  sqlite3_close(raw);
  ForgetTags();
  auto catalog = Open();
  ASSERT_NE(catalog, nullptr);
  EXPECT_TRUE(catalog->Load().value() == image_);
  Commit(*catalog, {RunTagged{"r1", {"old one"}, ""}});
  EXPECT_TRUE(catalog->Load().value() == image_);
}

// What lists are read from is kept by the tables themselves.
TEST_F(CatalogTest, RunsAreListedByTheirTags) {
  auto catalog = Open();
  const auto tagged = [](const std::string& id, int64_t ms, std::vector<std::string> tags) {
    RunRecord run = SomeRun(id);
    run.created_ms = ms;
    run.tags = std::move(tags);
    return RunCreated{run};
  };
  Commit(*catalog, {tagged("r1", 1, {"a", "b"}), tagged("r2", 2, {"a"}),
                    tagged("r3", 2, {"a", "b"}), tagged("r4", 4, {})});
  const auto listed = [&](std::vector<std::string> tags, std::optional<TimePlace> from = {},
                          int64_t limit = 9) {
    const auto snapshot = Reader(path_).Open().value();
    const std::vector<RunRecord> runs = snapshot->Runs({std::move(tags), from, limit}).value();
    std::string ids;
    for (const RunRecord& run : runs) ids += (ids.empty() ? "" : " ") + run.id;
    return ids;
  };
  EXPECT_EQ(listed({}), "r4 r3 r2 r1");
  EXPECT_EQ(listed({"a"}), "r3 r2 r1");
  EXPECT_EQ(listed({"a", "b"}), "r3 r1");
  EXPECT_EQ(listed({"b", "a"}), "r3 r1");
  EXPECT_EQ(listed({"c"}), "");
  EXPECT_EQ(listed({"a"}, {}, 2), "r3 r2");
  EXPECT_EQ(listed({"a"}, TimePlace{2, "r2"}), "r2 r1");
  Commit(*catalog, {RunTagged{"r4", {"' OR 1", "b"}, ""}, RunTagged{"r1", {"b"}, ""},
                    RunEnded{"r3", RunState::kFailed, "", 5}, RunDeleted{"r3", ""}});
  EXPECT_EQ(listed({"a"}), "r2");
  EXPECT_EQ(listed({"b"}), "r4 r1");
  EXPECT_EQ(listed({"' OR 1"}), "r4");
  EXPECT_TRUE(catalog->Load().value() == image_);
}

TEST_F(CatalogTest, AFileFromBeforeTracesIsBroughtUpToDate) {
  Commit(*Open(), {RunCreated{SomeRun("r1")}});
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &raw), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(raw, WITHOUT_TRACES "PRAGMA user_version = 20", nullptr, nullptr, nullptr),
            SQLITE_OK)
      << sqlite3_errmsg(raw);
  sqlite3_close(raw);
  ForgetTraces();
  auto catalog = Open();
  ASSERT_NE(catalog, nullptr);
  EXPECT_TRUE(catalog->Load().value() == image_);
  Commit(*catalog, {RunCreated{SomeRun("r2")}});
  EXPECT_TRUE(catalog->Load().value() == image_);
}

TEST_F(CatalogTest, AFileFromBeforeQuarantinesIsBroughtUpToDate) {
  Commit(*Open(), {WorkerRegistered{SomeWorker("w1")}});
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &raw), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(raw, WITHOUT_HEALTH "PRAGMA user_version = 12", nullptr, nullptr, nullptr),
            SQLITE_OK)
      << sqlite3_errmsg(raw);
  sqlite3_close(raw);
  ForgetLimits();
  auto catalog = Open();
  ASSERT_NE(catalog, nullptr);
  EXPECT_TRUE(catalog->Load().value() == image_);
  Commit(*catalog, {WorkerHealthChanged{"w1", {{{"r1/a", 7, "gone"}}, 900, 2}, "", ""}});
  EXPECT_TRUE(catalog->Load().value() == image_);
}

// A prefix that no id has, or many; a name that several runs have.
TEST_F(CatalogTest, RowsAreFoundByWhatPeopleSayOfThem) {
  auto catalog = Open();
  RunRecord later = SomeRun("r12");
  later.created_ms = 9;
  Commit(*catalog, {RunCreated{SomeRun("r1")}, RunCreated{later}, RunCreated{SomeRun("r2")},
                    ArtifactCommitted{SomeArtifact("abc")}});
  Past& past = *catalog->past();
  using Texts = std::vector<std::string>;
  EXPECT_EQ(past.RunsWithPrefix("r1", 9).value(), (Texts{"r1", "r12"}));
  EXPECT_EQ(past.RunsWithPrefix("r", 2).value(), (Texts{"r1", "r12"}));
  EXPECT_EQ(past.RunsWithPrefix("q", 2).value(), Texts{});
  EXPECT_EQ(past.RunsWithPrefix("\xff", 2).value(), Texts{});
  EXPECT_EQ(past.ArtifactsWithPrefix("ab", 2).value(), Texts{"abc"});
  const auto named = past.RunsNamed("quick \"start\"", 2).value();
  ASSERT_EQ(named.size(), 2u);
  EXPECT_EQ(named[0].second, "r12") << "the newest";
  EXPECT_EQ(named[1].second, "r2") << "of the same time the last by its id";
}

TEST_F(CatalogTest, AFileFromBeforeRetentionIsBroughtUpToDate) {
  {
    auto catalog = Open();
    Commit(*catalog, {RunCreated{SomeRun("r1")}, ArtifactCommitted{SomeArtifact("a1")}});
  }
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &raw), SQLITE_OK);
  ASSERT_EQ(
      sqlite3_exec(raw, WITHOUT_RETENTION "PRAGMA user_version = 5", nullptr, nullptr, nullptr),
      SQLITE_OK)
      << sqlite3_errmsg(raw);
  sqlite3_close(raw);
  ForgetLimits();
  auto catalog = Open();
  ASSERT_NE(catalog, nullptr);
  image_.artifacts.at("a1").pinned = true;  // nobody was asked whether it may go
  EXPECT_TRUE(catalog->Load().value() == image_);
  Commit(*catalog,
         {ArtifactPinned{"a1", false}, ArtifactRemoved{"a1", "old", 5}, EventsCompacted{1}});
  EXPECT_TRUE(catalog->Load().value() == image_);
}

TEST_F(CatalogTest, AFileOfTheFirstSchemaIsBroughtUpToDate) {
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
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &raw), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(
                raw,
                "ALTER TABLE runs DROP COLUMN priority; ALTER TABLE runs DROP COLUMN user; ALTER "
                "TABLE attempts DROP COLUMN reason; ALTER TABLE attempts DROP COLUMN log_tail;"
                "ALTER TABLE workers DROP COLUMN instance; ALTER TABLE workers DROP COLUMN network;"
                "ALTER TABLE workers DROP COLUMN folder; PRAGMA user_version = 1;" WITHOUT_GANGS,
                nullptr, nullptr, nullptr),
            SQLITE_OK)
      << sqlite3_errmsg(raw);
  sqlite3_close(raw);
  ForgetLimits();
  auto catalog = Open();
  ASSERT_NE(catalog, nullptr);
  EXPECT_TRUE(catalog->Load().value() == image_);
  EXPECT_TRUE(PathExists(path_ + ".v1")) << "the file as it was stays beside it";
  EXPECT_TRUE(IsLocked(path_)) << "another program would take the log of a catalog without a lock";
  Commit(*catalog, {RunCreated{SomeRun("r2")}, WorkerRegistered{SomeWorker("w2")}});
  EXPECT_TRUE(catalog->Load().value() == image_);
}

TEST_F(CatalogTest, AFileOfTheSecondSchemaIsBroughtUpToDate) {
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
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &raw), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(raw,
                         "ALTER TABLE attempts DROP COLUMN log_tail; "
                         "PRAGMA user_version = 2;" WITHOUT_GANGS,
                         nullptr, nullptr, nullptr),
            SQLITE_OK)
      << sqlite3_errmsg(raw);
  sqlite3_close(raw);
  ForgetLimits();
  auto catalog = Open();
  ASSERT_NE(catalog, nullptr);
  EXPECT_TRUE(catalog->Load().value() == image_);
}

TEST_F(CatalogTest, AFileOfTheThirdSchemaIsBroughtUpToDate) {
  {
    auto catalog = Open();
    Commit(*catalog, {RunCreated{SomeRun("r1")}, JobCreated{OneSiteJob()}});
  }
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &raw), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(raw, WITHOUT_GANGS "PRAGMA user_version = 3", nullptr, nullptr, nullptr),
            SQLITE_OK)
      << sqlite3_errmsg(raw);
  sqlite3_close(raw);
  ForgetLimits();
  auto catalog = Open();
  ASSERT_NE(catalog, nullptr);
  EXPECT_TRUE(catalog->Load().value() == image_);
}

// Devices and reasons of stops are words in the tables, which versions before this one wrote too.
TEST_F(CatalogTest, AWordThatThisVersionDoesNotKnowIsAnError) {
  const AttemptRecord attempt = SomeAttempt({"r1", "path_1"}, 1);
  {
    auto catalog = Open();
    Commit(*catalog,
           {RunCreated{SomeRun("r1")}, JobCreated{SomeJob("r1", "path_1", JobState::kQueued)},
            WorkerRegistered{SomeWorker("w1")}, AttemptGranted{attempt},
            AttemptStopping{attempt.key, StopReason::kDrain, {}}});
    EXPECT_TRUE(catalog->Load().value() == image_);
  }
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &raw), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(raw, "UPDATE attempts SET stop_reason='mood' WHERE stop_reason='drain'",
                         nullptr, nullptr, nullptr),
            SQLITE_OK)
      << sqlite3_errmsg(raw);
  EXPECT_EQ(sqlite3_changes(raw), 1) << "it was stored as a word";
  sqlite3_close(raw);
  auto catalog = Open();
  ASSERT_NE(catalog, nullptr);
  EXPECT_THAT(catalog->Load().status().message(),
              HasSubstr("attempts.stop_reason has \"mood\", which this version does not know"));
}

TEST_F(CatalogTest, AFileOfTheFourthSchemaGetsCredentials) {
  Commit(*Open(), {RunCreated{SomeRun("r1")}, WorkerRegistered{SomeWorker("w1")}});
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &raw), SQLITE_OK);
  ASSERT_EQ(
      sqlite3_exec(raw, WITHOUT_CREDENTIALS "PRAGMA user_version = 4", nullptr, nullptr, nullptr),
      SQLITE_OK)
      << sqlite3_errmsg(raw);
  sqlite3_close(raw);
  ForgetLimits();
  auto catalog = Open();
  ASSERT_NE(catalog, nullptr);
  EXPECT_TRUE(catalog->Load().value() == image_);
  EXPECT_TRUE(PathExists(path_ + ".v4"));
  Commit(*catalog, {CredentialChanged{SomeCredential("t-1"), "token.created", ""}});
  EXPECT_TRUE(catalog->Load().value() == image_);
}

TEST_F(CatalogTest, NoTwoCredentialsHaveOneDigest) {
  Apply(CredentialChanged{SomeCredential("t-1"), "", ""}, image_);
  CredentialRecord other = SomeCredential("t-1");
  EXPECT_TRUE(Check(CredentialChanged{other, "", ""}, image_).ok());
  other.id = "t-2";
  EXPECT_EQ(Check(CredentialChanged{other, "", ""}, image_).code(),
            StatusCode::kFailedPrecondition);
}

TEST_F(CatalogTest, ALockOfAnotherProgramMayBeWaitedFor) {
  auto catalog = Open();
  Commit(*catalog, {RunCreated{SomeRun("r1")}});
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &raw), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(raw, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  const Status locked = catalog->Commit({RunCreated{SomeRun("r2")}}, 1);
  EXPECT_EQ(locked.code(), StatusCode::kUnavailable) << locked.ToString();
  EXPECT_THAT(locked.message(), HasSubstr("another program holds its lock"));
  EXPECT_TRUE(catalog->Load().value() == image_) << "reading goes on";
  ASSERT_EQ(sqlite3_exec(raw, "ROLLBACK", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(raw);
  Commit(*catalog, {RunCreated{SomeRun("r2")}});
  EXPECT_TRUE(catalog->Load().value() == image_);
}

// A limit on the size of files stands for a quota: SQLite calls that an I/O error.
TEST_F(CatalogTest, AQuotaIsAFullDisk) {
  Open().reset();
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit few{100'000, 100'000};
    auto catalog = Catalog::Open({path_});
    if (!catalog.ok() || setrlimit(RLIMIT_FSIZE, &few) != 0) _exit(2);
    RunRecord run = SomeRun("large");
    run.recipe.assign(1'000'000, 'x');
    const Status status = (*catalog)->Commit({RunCreated{run}}, 1);
    const bool small = (*catalog)->Commit({RunCreated{SomeRun("small")}}, 1).ok();
    _exit(status.Is(ErrorReason::kStorageFull) && small ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_TRUE(Open()->Load()->runs.contains("small"));
}

TEST_F(CatalogTest, AValueThatCannotBeStoredIsItsUpdatesFaultAlone) {
  auto catalog = Open();
  RunRecord run = SomeRun("r1");
  run.only = {"\xff"};  // lists are stored as JSON, and that is UTF-8
  const Status status = catalog->Commit({RunCreated{run}}, 1);
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition) << status.ToString();
  Commit(*catalog, {RunCreated{SomeRun("r1")}});
  EXPECT_TRUE(catalog->Load().value() == image_);
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
    while (last < 20 * (round + 1))
      ASSERT_EQ(read(pipe_fds[0], &last, sizeof last), static_cast<ssize_t>(sizeof last));
    kill(child, SIGKILL);
    int value = 0;
    while (read(pipe_fds[0], &value, sizeof value) == sizeof value) last = value;
    close(pipe_fds[0]);
    waitpid(child, nullptr, 0);
    auto loaded = Open()->Load();
    ASSERT_TRUE(loaded.ok());
    for (int i = 0; i <= last; ++i) {
      ASSERT_TRUE(loaded->runs.contains(std::to_string(round) + "." + std::to_string(i)))
          << i << " of " << last;
    }
    EXPECT_EQ(loaded->last_seq, static_cast<int64_t>(loaded->runs.size()));
  }
}

TEST_F(CatalogTest, ACatalogHasAnIdOfItsOwnForGood) {
  std::string id;
  {
    auto catalog = Open();
    id = catalog->id();
    EXPECT_EQ(id.size(), 32u);
    const Reader reader(path_);
    ASSERT_TRUE(reader.CopyTo(path_ + ".copy").ok());
  }
  EXPECT_EQ(Open()->id(), id);
  EXPECT_EQ(Catalog::Open({path_ + ".copy", 0}).value()->id(), id) << "of what is restored, too";
  EXPECT_NE(Catalog::Open({path_ + ".other", 0}).value()->id(), id);
}

TEST_F(CatalogTest, ARemovedArtifactThatIsMadeAgainIsOfWhoMadeItAgain) {
  auto catalog = Open();
  ArtifactRecord first = SomeArtifact("a1"), second = first;
  second.made_by = {"r-later", "job", 7};
  second.role = "model";
  second.worker = "another";
  second.name = "again";
  second.created_ms = first.created_ms + 1;
  Commit(*catalog, {ArtifactCommitted{first}, ArtifactCommitted{second}});
  EXPECT_EQ(image_.artifacts.at("a1"), first) << "it was there all the time";
  Commit(*catalog, {ArtifactRemoved{"a1", "old", 5}, ArtifactCommitted{second}});
  EXPECT_EQ(image_.artifacts.at("a1"), second);
  EXPECT_TRUE(catalog->Load().value() == image_);
}

}  // namespace
}  // namespace braid::catalog
