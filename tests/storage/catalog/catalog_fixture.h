// Rows for tests of the catalog, and a catalog in a folder of its own.
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <memory>
#include <string>

#include "base/file.h"
#include "storage/catalog/catalog.h"

namespace braid::catalog {

inline RunRecord SomeRun(const std::string& id) {
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

inline JobRecord SomeJob(const std::string& run, const std::string& name, JobState state) {
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
  job.memory_bytes = int64_t{3} << 40;
  job.site = "helsinki";
  job.across_sites = true;
  job.binding = task::Binding::kOutputs;
  job.flops = 1.5e12;
  job.tokens = 77;
  job.state = state;
  job.created_ms = 6;
  return job;
}

inline AttemptRecord SomeAttempt(const JobKey& job, int64_t epoch) {
  AttemptRecord attempt;
  attempt.key = {job.run, job.job, epoch};
  attempt.workers = {"w1", "w2"};
  attempt.boots = {"b1", "b2"};
  attempt.granted_ms = 9;
  return attempt;
}

inline ArtifactRecord SomeArtifact(const std::string& id) {
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

inline WorkerRecord SomeWorker(const std::string& id) {
  WorkerRecord worker;
  worker.id = id;
  worker.boot_id = "b1";
  worker.site = "local";
  worker.labels = {{"disk", "fast"}};
  worker.cpu_slots = 2;
  worker.memory_bytes = int64_t{5} << 40;
  worker.gpus = {{"GPU-1", "H100", 80}};
  worker.kinds = {"train"};
  worker.instance = "i1";
  worker.network = "net:[1]";
  worker.folder = "/data/w1";
  return worker;
}

inline CredentialRecord SomeCredential(const std::string& id) {
  return {id,     CredentialKind::kInvitation,
          "w1",   Role::kWorker,
          "here", "digest of " + id,
          1,      "ada",
          2,      3,
          4,      "host"};
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
  // Changes the file as another program would, with the catalog closed or beside it.
  void RunSql(const std::string& sql) {
    sqlite3* raw = nullptr;
    ASSERT_EQ(sqlite3_open(path_.c_str(), &raw), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(raw, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(raw);
    sqlite3_close(raw);
  }

  std::unique_ptr<TemporaryFolder> folder_;
  std::string path_;
  Image image_;
};

inline ArtifactRecord Later(ArtifactRecord artifact) {
  artifact.created_ms += 100;
  return artifact;
}

inline WorkerRecord Ephemeral(WorkerRecord worker) {
  worker.ephemeral = true;
  return worker;
}

// Every kind of update, in an order that may happen.
inline Updates OneOfEach() {
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

// One run that has ended, and one that has not.
inline Updates AnEndedRunAndALiveOne() {
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

inline void ExpectLiveRows(Catalog& catalog, const Image& all) {
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

}  // namespace braid::catalog
