// Garbage collection, deletion of runs and backups, of a whole coordinator over its API.
#include <fcntl.h>
#include <sys/stat.h>

#include <functional>

#include "braid/v1/keeping.grpc.pb.h"
#include "coordinator/api/garbage.h"
#include "coordinator/bulk/bulk_names.h"
#include "rpc/status.h"
#include "tests/coordinator/services_fixture.h"

namespace braid::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

class KeepingTest : public ServicesTest {
 protected:
  KeepingTest() {
    backend_.garbage_grace_ms = 0;
    keeping_ = v1::Keeping::NewStub(channel_);
  }
  std::string Put(const std::string& data, const std::string& name = "") {
    EXPECT_TRUE(Upload(data, 0, data.size(), Sha256Hex(data)).ok());
    return Commit(data, "source", 1, name);
  }
  void Remove(const std::string& artifact) {
    ASSERT_TRUE(core_
                    ->Do([&](Transaction& tx) {
                      tx.Add(catalog::ArtifactRemoved{artifact, "a test", tx.wall_ms()});
                      return OkStatus();
                    })
                    .ok());
  }
  Garbage Collect(bool dry_run = false) { return CollectGarbage(&backend_, dry_run).value(); }
  static std::map<std::string, int64_t> Counts(const std::map<std::string, Amount>& amounts) {
    std::map<std::string, int64_t> counts;
    for (const auto& [what, amount] : amounts) counts[what] = amount.count;
    return counts;
  }
  void MakeOld(const std::string& data) {
    const timespec both[2] = {{1'000'000, 0}, {1'000'000, 0}};
    ASSERT_EQ(utimensat(AT_FDCWD, blobs_->PathOf(Sha256Hex(data)).c_str(), both, 0), 0);
  }
  // A run of one corpus that is there; it has ended, if no worker is needed for that.
  std::string EndedRun(const std::string& name, const std::string& source) {
    v1::Run run;
    EXPECT_TRUE(Submit(name, "request-" + name, source, &run).ok());
    grpc::ClientContext context;
    v1::CancelRunRequest request;
    request.set_id(run.id());
    v1::Run cancelled;
    EXPECT_TRUE(runs_service_->CancelRun(&context, request, &cancelled).ok());
    EXPECT_EQ(cancelled.state(), v1::RUN_CANCELLED);
    return run.id();
  }
  grpc::Status Delete(const std::string& run, bool validate_only, v1::DeleteRunResponse* reply) {
    grpc::ClientContext context;
    v1::DeleteRunRequest request;
    request.set_id(run);
    request.set_validate_only(validate_only);
    request.set_request_id("delete-" + run);
    return keeping_->DeleteRun(&context, request, reply);
  }
  grpc::Status ListEvents(int64_t since, v1::ListEventsResponse* reply) {
    grpc::ClientContext context;
    v1::ListEventsRequest request;
    request.set_since_seq(since);
    return runs_service_->ListEvents(&context, request, reply);
  }

  std::unique_ptr<v1::Keeping::Stub> keeping_;
};

TEST_F(KeepingTest, BlobsOfRemovedArtifactsGoUnlessAnotherHasThem) {
  const std::string both = "in both", one = "in the removed one";
  (void)Put(both);
  EXPECT_TRUE(Upload(one, 0, one.size(), Sha256Hex(one)).ok());
  storage::Manifest manifest;
  manifest.kind = "source";
  manifest.files = {{"a", Sha256Hex(both), both.size()}, {"b", Sha256Hex(one), one.size()}};
  grpc::ClientContext context;
  v1::CommitArtifactRequest request;
  request.set_manifest_json(manifest.Canonical());
  v1::Artifact artifact;
  ASSERT_TRUE(artifacts_->CommitArtifact(&context, request, &artifact).ok());
  EXPECT_THAT(Collect().deleted, IsEmpty());
  EXPECT_EQ(Collect(/*dry_run=*/true).kept[Keep::kUploaded].count, 2);

  Remove(artifact.id());
  EXPECT_THAT(Counts(Collect(/*dry_run=*/true).deleted),
              ElementsAre(Pair("of removed artifacts", 1)));
  EXPECT_TRUE(blobs_->Has(Sha256Hex(one))) << "that was a dry run";
  const Garbage garbage = Collect();
  EXPECT_EQ(garbage.deleted.at("of removed artifacts").bytes, one.size());
  EXPECT_EQ(garbage.stored.count, 2);
  EXPECT_FALSE(blobs_->Has(Sha256Hex(one)));
  EXPECT_TRUE(blobs_->Has(Sha256Hex(both)));
}

TEST_F(KeepingTest, ABlobWaitsForItsGraceAndOneOfNoArtifactForADay) {
  const std::string removed = "removed", loose = "loose";
  backend_.garbage_grace_ms = 60'000;
  Remove(Put(removed));
  EXPECT_TRUE(Upload(loose, 0, loose.size(), Sha256Hex(loose)).ok());
  EXPECT_THAT(Counts(Collect().waiting),
              ElementsAre(Pair("of no artifact", 1), Pair("of removed artifacts", 1)));
  MakeOld(removed);
  EXPECT_THAT(Counts(Collect().waiting),
              ElementsAre(Pair("of no artifact", 1), Pair("of removed artifacts", 1)))
      << "an old file, of an artifact that was removed a moment ago";
  backend_.garbage_grace_ms = 0;
  EXPECT_THAT(Counts(Collect().deleted), ElementsAre(Pair("of removed artifacts", 1)));
  backend_.garbage_grace_ms = 60'000;
  MakeOld(loose);
  grpc::ClientContext context;
  v1::FindMissingBlobsRequest request;
  request.add_sha256(Sha256Hex(loose));
  v1::FindMissingBlobsResponse missing;
  ASSERT_TRUE(artifacts_->FindMissingBlobs(&context, request, &missing).ok());
  EXPECT_EQ(missing.sha256_size(), 0);
  EXPECT_THAT(Collect().deleted, IsEmpty()) << "a client was told a moment ago that it is there";
  MakeOld(loose);
  EXPECT_THAT(Counts(Collect().deleted), ElementsAre(Pair("of no artifact", 1)));
}

// An artifact that was committed has its bytes, whatever is deleted at that moment.
TEST_F(KeepingTest, WhatIsCommittedWhileGarbageIsCollectedIsThere) {
  const std::string data(50'000, 'x');
  const std::string blob = Sha256Hex(data);
  std::atomic<int> deleted{0};
  std::jthread collector([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) deleted += static_cast<int>(Collect().deleted.size());
  });
  storage::Manifest manifest;
  manifest.kind = "source";
  manifest.files = {{"a", blob, data.size()}};
  int committed = 0;
  // However busy the collector is, one is committed in the end.
  for (int i = 0; i < 100 || (committed == 0 && i < 100'000); ++i) {
    ASSERT_TRUE(Upload(data, 0, data.size(), blob).ok());
    grpc::ClientContext context;
    v1::CommitArtifactRequest request;
    request.set_manifest_json(manifest.Canonical());
    v1::Artifact artifact;
    const grpc::Status status = artifacts_->CommitArtifact(&context, request, &artifact);
    // Without any grace it may have been deleted between the upload and the commit, which then says
    // so.
    if (!status.ok()) {
      ASSERT_EQ(rpc::FromGrpc(status).reason(), "BLOB_MISSING") << status.error_message();
      continue;
    }
    ++committed;
    ASSERT_TRUE(blobs_->Has(blob)) << "committed " << i << ", and its bytes are gone";
    ASSERT_TRUE(blobs_->Verify(blob).ok());
    Remove(artifact.id());
  }
  collector.request_stop();
  collector.join();
  EXPECT_GT(committed, 0);
}

TEST_F(KeepingTest, ADeletedRunTakesItsLogsMetricsAndSourcesWithIt) {
  const std::string source = Put("{\"text\": \"a\"}\n", "source.c");
  const std::string run = EndedRun("first", source);
  ASSERT_TRUE(logs_->Append(LogName({{run, "m", 1}, 0}), 0, "line\n").ok());
  ASSERT_TRUE(metrics_->Append(MetricsName({run, "m", 1}), 0, "{}\n").ok());
  const std::string other = EndedRun("second", Put("{\"text\": \"b\"}\n"));
  v1::DeleteRunResponse found, deleted, again;
  ASSERT_TRUE(Delete("first", /*validate_only=*/true, &found).ok());
  EXPECT_EQ(found.id(), run);
  EXPECT_EQ(found.artifacts(), 1);
  EXPECT_THAT(logs_->Runs().value(), ElementsAre(run)) << "that was a look";
  ASSERT_TRUE(Delete(run, false, &deleted).ok());
  EXPECT_EQ(deleted.DebugString(), found.DebugString());
  EXPECT_THAT(logs_->Runs().value(), IsEmpty());
  EXPECT_THAT(metrics_->Runs().value(), IsEmpty());
  ASSERT_TRUE(Delete(run, false, &again).ok()) << "the same request has the same answer";
  EXPECT_EQ(again.DebugString(), deleted.DebugString());
  v1::ListRunsResponse runs;
  ASSERT_TRUE(ListRuns("", &runs).ok());
  ASSERT_EQ(runs.runs_size(), 1);
  EXPECT_EQ(runs.runs(0).id(), other);
  v1::ListEventsResponse events;
  ASSERT_TRUE(ListEvents(0, &events).ok());
  for (const v1::Event& event : events.events())
    EXPECT_TRUE(event.run_id() != run || event.kind() == "run.deleted") << event.kind();
  EXPECT_EQ(Counts(Collect().deleted).at("of removed artifacts"), 1);
}

// Whoever uploaded it has not submitted it yet, say.
TEST_F(KeepingTest, ADeletedRunLeavesWhatWasUploadedWithoutASourcesName) {
  for (const std::string& name : {std::string(), std::string("ours")}) {
    const std::string source = Put("{\"text\": \"" + name + "\"}\n", name);
    v1::DeleteRunResponse deleted;
    ASSERT_TRUE(Delete(EndedRun("run-" + name, source), false, &deleted).ok());
    EXPECT_EQ(deleted.artifacts(), 0) << name;
  }
}

TEST_F(KeepingTest, ARunNamesNoArtifactsThatItDoesNotRead) {
  const std::string source = Put("{\"text\": \"a\"}\n", "source.c");
  const std::string ours = Put("{\"text\": \"b\"}\n", "ours");
  grpc::ClientContext context;
  v1::SubmitRunRequest request;
  request.set_recipe(
      "run: r\ntokenizer: {train: {vocab: 300}}\ncorpora: {c: {files: [a.jsonl]}}\n"
      "baselines: [{name: m, d: 8, heads: 2, blocks: 1}]\n");
  (*request.mutable_sources())["source.c"] = source;
  (*request.mutable_sources())["ours"] = ours;
  v1::Run run;
  const grpc::Status refused = runs_service_->SubmitRun(&context, request, &run);
  EXPECT_EQ(refused.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_THAT(refused.error_message(), HasSubstr("the recipe reads nothing called \"ours\""));
}

TEST_F(KeepingTest, FoldersThatADeletedRunLeftAreDeleted) {
  const std::string run = EndedRun("first", Put("{\"text\": \"a\"}\n"));
  ASSERT_TRUE(logs_->Append(LogName({{run, "m", 1}, 0}), 0, "line\n").ok());
  ASSERT_TRUE(logs_->Append(LogName({{"r-gone", "m", 1}, 0}), 0, "line\n").ok());
  EXPECT_EQ(Collect(/*dry_run=*/true).folders_deleted, 1);
  EXPECT_EQ(Collect().folders_deleted, 1);
  EXPECT_THAT(logs_->Runs().value(), ElementsAre(run));
}

TEST_F(KeepingTest, OldEventsAreDeletedUpToTheFirstOfARunThatHasNotEnded) {
  const std::string source = Put("{\"text\": \"a\"}\n");
  (void)EndedRun("first", source);
  v1::Run active;
  ASSERT_TRUE(Submit("second", "x", source, &active).ok());
  v1::ListEventsResponse before, after;
  ASSERT_TRUE(ListEvents(0, &before).ok());
  int64_t first = 0;
  for (const v1::Event& event : before.events()) {
    if (event.run_id() == active.id() && first == 0) first = event.seq();
  }
  backend_.keep_events_ms = 86'400'000;
  EXPECT_EQ(Collect().events_deleted, 0) << "they are not old";
  backend_.keep_events_ms = 1;
  while (SystemClock().WallMs() <= before.events(before.events_size() - 1).time_ms() + 1) {
  }
  EXPECT_EQ(Collect(/*dry_run=*/true).events_deleted, first - 1);
  EXPECT_EQ(Collect().events_deleted, first - 1);
  ASSERT_TRUE(ListEvents(0, &after).ok());
  EXPECT_EQ(after.events(0).seq(), first);
  const grpc::Status compacted = ListEvents(1, &after);
  EXPECT_EQ(compacted.error_code(), grpc::StatusCode::OUT_OF_RANGE);
  EXPECT_EQ(rpc::FromGrpc(compacted).reason(), "WATCH_COMPACTED");
  EXPECT_THAT(compacted.error_message(),
              HasSubstr("go on from event " + std::to_string(first - 1)));
  EXPECT_TRUE(ListEvents(first - 1, &after).ok());
  grpc::ClientContext context;
  v1::WatchEventsRequest watch;
  watch.set_since_seq(1);
  const auto reader = runs_service_->WatchEvents(&context, watch);
  v1::Event event;
  EXPECT_FALSE(reader->Read(&event));
  EXPECT_EQ(rpc::FromGrpc(reader->Finish()).reason(), "WATCH_COMPACTED");
}

TEST_F(KeepingTest, ABackupIsACatalogWithTheNamesOfItsBlobsWhichStay) {
  const std::string kept = "kept", gone = "removed before", later = "removed meanwhile";
  (void)EndedRun("first", Put(kept));
  Remove(Put(gone));
  const std::string removed_later = Put(later);
  catalog::Image then;
  ASSERT_TRUE(core_->Query([&](const State&) { then = catalog_->Load().value(); }).ok());
  grpc::ClientContext context;
  const auto reader = keeping_->BackUp(&context, v1::BackUpRequest());
  std::string catalog;
  std::map<std::string, uint64_t> blobs;
  v1::BackUpPiece piece;
  while (!piece.complete() && reader->Read(&piece)) {
    catalog += piece.catalog();
    for (const v1::NeededBlob& blob : piece.blobs()) blobs[blob.sha256()] = blob.size();
  }
  ASSERT_TRUE(piece.complete());
  EXPECT_EQ(blobs, (std::map<std::string, uint64_t>{{Sha256Hex(kept), kept.size()},
                                                    {Sha256Hex(later), later.size()}}));
  Remove(removed_later);
  EXPECT_THAT(Collect().deleted, IsEmpty()) << "as long as the stream is open";
  EXPECT_TRUE(blobs_->Has(Sha256Hex(later)));
  context.TryCancel();
  (void)reader->Finish();
  const std::string copy = JoinPath(folder_.path(), "copy.db");
  ASSERT_TRUE(WriteFileAtomic(copy, catalog).ok());
  EXPECT_TRUE(catalog::Catalog::Open({copy, 0}).value()->Load().value() == then);
}

// A worker that was cut off may have uploaded long ago what it commits as soon as it is back.
TEST_F(KeepingTest, NoBlobGoesWhileAWorkerWithLeasesWasNotHeard) {
  const std::string data = "an output of before the restart";
  Remove(Put(data));
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
  EXPECT_THAT(Collect().deleted, IsEmpty());
  EXPECT_THAT(Counts(Collect().waiting), ElementsAre(Pair("of removed artifacts", 1)));
  const auto hear = [&](std::set<RankKey> delivering) {
    return core_->Do([&](Transaction& tx) {
      LiveWorker& worker = tx.worker("w1");
      worker.contacted = true;
      worker.hello.boot_id = "b1";
      worker.delivering = std::move(delivering);
      return OkStatus();
    });
  };
  ASSERT_TRUE(hear({RankKey{{"r9", "j", 1}, 0}}).ok());
  EXPECT_THAT(Collect().deleted, IsEmpty()) << "it delivers what it kept";
  ASSERT_TRUE(hear({}).ok());
  EXPECT_THAT(Counts(Collect().deleted), ElementsAre(Pair("of removed artifacts", 1)));
}

}  // namespace
}  // namespace braid::coordinator
