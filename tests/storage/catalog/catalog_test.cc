#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <sqlite3.h>

#include <cmath>

#include "storage/catalog/rules.h"
#include "storage/catalog/undo.h"
#include "tests/storage/catalog/catalog_fixture.h"

namespace braid::catalog {
namespace {

using ::testing::HasSubstr;

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

TEST_F(CatalogTest, TheClassOfBytesIsThatOfTheArtifact) {
  EXPECT_EQ(TrafficClassOf("source"), TrafficClass::kCorpus);
  EXPECT_EQ(TrafficClassOf("shards"), TrafficClass::kShards);
  EXPECT_EQ(TrafficClassOf("checkpoint"), TrafficClass::kCheckpoint);
  EXPECT_EQ(TrafficClassOf("report"), TrafficClass::kOther);
}

TEST_F(CatalogTest, NoTwoCredentialsHaveOneDigest) {
  Apply(CredentialChanged{SomeCredential("t-1"), "", ""}, image_);
  CredentialRecord other = SomeCredential("t-1");
  EXPECT_TRUE(Check(CredentialChanged{other, "", ""}, image_).ok());
  other.id = "t-2";
  EXPECT_EQ(Check(CredentialChanged{other, "", ""}, image_).code(),
            StatusCode::kFailedPrecondition);
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
