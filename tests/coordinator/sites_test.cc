// What workers of each site fetch and send is counted, whole or cut.
#include "coordinator/api/sites.h"

#include <chrono>
#include <thread>

#include "braid/v1/admin.grpc.pb.h"
#include "braid/v1/worker.grpc.pb.h"
#include "coordinator/core/sessions.h"
#include "coordinator/http/metrics.h"
#include "coordinator/services/convert.h"
#include "rpc/status.h"
#include "tests/coordinator/tokens_fixture.h"

namespace braid::coordinator {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class SitesTest : public TokensTest {
 protected:
  SitesTest() {
    EXPECT_TRUE(core_
                    ->Do([](Transaction& tx) {
                      catalog::WorkerRecord worker;
                      worker.id = "w1";
                      worker.site = "lab";
                      tx.Add(catalog::WorkerRegistered{worker});
                      catalog::RunRecord run;
                      run.id = "r1";
                      tx.Add(catalog::RunCreated{run});
                      catalog::JobRecord job;
                      job.key = {"r1", "j"};
                      job.kind = "train";
                      job.state = catalog::JobState::kQueued;
                      tx.Add(catalog::JobCreated{job});
                      catalog::AttemptRecord attempt;
                      attempt.key = {"r1", "j", 1};
                      attempt.workers = {"w1"};
                      attempt.boots = {"b1"};
                      tx.Add(catalog::AttemptGranted{attempt});
                      return OkStatus();
                    })
                    .ok());
  }

  // Sends the first `count` bytes of a blob as an output of the rank.
  grpc::Status Send(const std::string& data, size_t count, const std::string& role) {
    grpc::ClientContext context;
    Limit(&context);
    v1::QueryUploadResponse response;
    const auto writer = artifacts_->UploadBlob(&context, &response);
    v1::UploadBlobRequest request;
    request.set_sha256(Sha256Hex(data));
    request.set_size(data.size());
    request.set_data(data.substr(0, count));
    request.mutable_rank()->set_run_id("r1");
    request.mutable_rank()->set_job("j");
    request.mutable_rank()->set_epoch(1);
    request.set_role(role);
    writer->Write(request);
    writer->WritesDone();
    return writer->Finish();
  }
  size_t Fetch(const std::string& data, uint64_t offset, const std::string& artifact,
               const std::string& worker, uint64_t got_directly = 0) {
    grpc::ClientContext context;
    Limit(&context);
    v1::DownloadBlobRequest request;
    request.set_got_directly(got_directly);
    request.set_sha256(Sha256Hex(data));
    request.set_offset(offset);
    request.set_artifact(artifact);
    request.set_worker(worker);
    const auto reader = artifacts_->DownloadBlob(&context, request);
    v1::DownloadBlobResponse piece;
    size_t bytes = 0;
    while (reader->Read(&piece)) bytes += piece.data().size();
    EXPECT_TRUE(reader->Finish().ok());
    return bytes;
  }
  // A worker on a host of its own that exchanges files with others of its site.
  void Serve(const std::string& id, const std::string& site) {
    struct Nowhere final : SessionSink {
      void Push(std::shared_ptr<const Desired>) override {}
      void Replaced(const std::string&) override {}
    };
    ASSERT_TRUE(core_
                    ->Do([&](Transaction& tx) {
                      catalog::WorkerRecord worker;
                      worker.id = id;
                      worker.boot_id = "b1";
                      worker.site = site;
                      worker.cpu_slots = 1;
                      worker.host = id;
                      worker.network = "lo-" + id;
                      SignalCommand signal;
                      signal.worker = id;
                      BRAID_ASSIGN_OR_RETURN(signal.session_id,
                                             Hello(worker, std::make_shared<Nowhere>(), tx));
                      signal.advertised = {"10.0.0.1", "eth0", 5000, std::string(32, 'p')};
                      signal.exchange = {"PEM", Sha256Hex(id), 6000, std::string(32, 'k'), 0, true};
                      return Signal(signal, tx);
                    })
                    .ok());
  }
  grpc::Status Find(const std::string& worker, const std::string& artifact,
                    const std::string& sha256, const std::string& except,
                    v1::FindNeighboursResponse* response) {
    grpc::ClientContext context;
    Limit(&context);
    v1::FindNeighboursRequest request;
    request.set_worker_id(worker);
    request.set_artifact(artifact);
    request.set_sha256(sha256);
    if (!except.empty()) request.add_except(except);
    return v1::Workers::NewStub(channel_)->FindNeighbours(&context, request, response);
  }
  v1::ListSitesResponse List() {
    grpc::ClientContext context;
    Limit(&context);
    v1::ListSitesResponse list;
    EXPECT_TRUE(v1::Admin::NewStub(channel_)->ListSites(&context, {}, &list).ok());
    return list;
  }
  // The bytes of the site lab, once they are as many as expected: what a call has moved is counted
  // when it has ended.
  uint64_t Counted(const std::string& way, const std::string& kind, uint64_t expected) {
    uint64_t bytes = 0;
    for (int i = 0; i < 3'000; ++i) {
      bytes = 0;
      const v1::ListSitesResponse list = List();
      for (const v1::Site& site : list.sites()) {
        for (const v1::SiteTraffic& traffic : site.traffic()) {
          if (site.name() == "lab" && traffic.way() == way && traffic.kind() == kind)
            bytes += traffic.bytes();
        }
      }
      if (bytes == expected) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return bytes;
  }
};

TEST_F(SitesTest, WhatIsMovedIsCountedByWayAndClass) {
  const std::string shards(3000, 's'), model(500, 'm'), report(70, 'r');
  ASSERT_TRUE(Send(shards, 3000, "shards").ok());
  ASSERT_TRUE(Send(model, 200, "checkpoint").ok()) << "a part of it";
  ASSERT_TRUE(Send(report, 70, "report").ok());
  EXPECT_EQ(Counted("sent", "shards", 3000), 3000u);
  EXPECT_EQ(Counted("sent", "checkpoint", 200), 200u);
  EXPECT_EQ(Counted("sent", "other", 70), 70u);
  const std::string artifact = Commit(shards, "shards", 1);
  EXPECT_EQ(Fetch(shards, 1000, artifact, "w1"), 2000u);
  EXPECT_EQ(Counted("fetched", "shards", 2000), 2000u);
  EXPECT_EQ(Fetch(shards, 3000, artifact, "w1", 3000), 0u) << "all of it came from a bucket";
  EXPECT_EQ(Counted("direct", "shards", 3000), 3000u);
  EXPECT_EQ(Fetch(shards, 2500, artifact, "w1", 1'000'000), 500u) << "no more than it can have";
  EXPECT_EQ(Counted("direct", "shards", 5500), 5500u);
  EXPECT_EQ(Counted("fetched", "shards", 2500), 2500u);
  EXPECT_EQ(Fetch(shards, 0, artifact, ""), 3000u) << "by a person, who is at no site";
  EXPECT_EQ(Fetch(shards, 2990, Commit(shards, "source", 2), "w1"), 10u);
  EXPECT_EQ(Counted("fetched", "corpus", 10), 10u);
  EXPECT_EQ(Counted("fetched", "shards", 2500), 2500u);
  EXPECT_THAT(
      MetricsText(core_.get(), nullptr, nullptr).value(),
      HasSubstr("braid_site_bytes_total{class=\"shards\",site=\"lab\",way=\"fetched\"} 2500"));
}

TEST_F(SitesTest, HowBusyASiteIsIsTheMeanOfItsWorkers) {
  LoadTable loads;
  EXPECT_THAT(MetricsText(core_.get(), nullptr, nullptr, &loads).value(),
              Not(HasSubstr("braid_site_cpu_busy_ratio{")));
  task::MachineLoad load{40, 3, 8, {{90, 1, 2}, {std::nullopt, 1, 2}}};
  loads.Note("w1", load, SystemClock().MonotonicMs());
  ASSERT_TRUE(core_
                  ->Do([](Transaction& tx) {
                    catalog::WorkerRecord second;  // on the same host, whose memory is one
                    second.id = "w3";
                    second.site = "lab";
                    tx.Add(catalog::WorkerRegistered{second});
                    return OkStatus();
                  })
                  .ok());
  task::MachineLoad same = load;
  same.gpus.clear();
  loads.Note("w3", same, SystemClock().MonotonicMs());
  loads.Note("nobody", load, SystemClock().MonotonicMs());
  const std::string text = MetricsText(core_.get(), nullptr, nullptr, &loads).value();
  for (const char* line : {"braid_site_cpu_busy_ratio{site=\"lab\"} 0.4\n",
                           "braid_site_memory_used_bytes{site=\"lab\"} 3145728\n",
                           "braid_site_memory_bytes{site=\"lab\"} 8388608\n",
                           "braid_site_gpu_busy_ratio{site=\"lab\"} 0.9\n",
                           "braid_site_gpu_memory_used_bytes{site=\"lab\"} 2097152\n",
                           "braid_site_gpu_memory_bytes{site=\"lab\"} 4194304\n"})
    EXPECT_THAT(text, HasSubstr(line));
}

// A worker says what came from its neighbours; what it may say is bounded by what it reads.
TEST_F(SitesTest, WhatComesFromNeighboursIsCounted) {
  const std::string shards(3000, 's');
  ASSERT_TRUE(Send(shards, 3000, "shards").ok());
  const std::string artifact = Commit(shards, "shards", 2);
  const auto workers = v1::Workers::NewStub(channel_);
  const auto report = [&](const std::string& sha256, uint64_t bytes) {
    grpc::ClientContext context;
    Limit(&context);
    v1::ReportFetchedRequest request;
    request.set_worker_id("w1");
    request.set_artifact(artifact);
    request.set_sha256(sha256);
    request.set_neighbour_bytes(bytes);
    v1::ReportFetchedResponse response;
    return workers->ReportFetched(&context, request, &response);
  };
  ASSERT_TRUE(report(Sha256Hex(shards), 2'500).ok());
  EXPECT_EQ(Counted("neighbour", "shards", 2'500), 2'500u);
  ASSERT_TRUE(report(Sha256Hex(shards), 0).ok());
  ASSERT_TRUE(report(Sha256Hex(shards), UINT64_MAX).ok());
  EXPECT_EQ(Counted("neighbour", "shards", 8'500), 8'500u) << "as many as the artifact has";
  EXPECT_EQ(Counted("fetched", "shards", 0), 0u);
  const grpc::Status other = report(Sha256Hex("other"), 1);
  EXPECT_EQ(other.error_code(), grpc::NOT_FOUND);
  EXPECT_THAT(other.error_message(), HasSubstr("has no file " + Sha256Hex("other")));
  EXPECT_THAT(
      MetricsText(core_.get(), nullptr, nullptr).value(),
      HasSubstr("braid_site_bytes_total{class=\"shards\",site=\"lab\",way=\"neighbour\"} 8500"));
}

// Two workers of a site, of which the second wants what the first is fetching.
TEST_F(SitesTest, TheSecondWorkerOfASiteIsToldOfTheFirst) {
  const std::string shards(3000, 's'), sha256 = Sha256Hex(shards);
  ASSERT_TRUE(Send(shards, 3000, "shards").ok());
  const std::string artifact = Commit(shards, "shards", 1);
  Serve("w1", "lab");
  Serve("w2", "lab");
  const auto workers = v1::Workers::NewStub(channel_);
  const auto find = [&](const std::string& worker, const std::string& except = "") {
    v1::FindNeighboursResponse response;
    const grpc::Status status = Find(worker, artifact, sha256, except, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  };
  EXPECT_FALSE(find("w1").has_fetcher()) << "it is the first";
  EXPECT_EQ(find("w2").fetcher().worker(), "w1");
  EXPECT_FALSE(find("w2").fetcher().ticket().empty());
  EXPECT_FALSE(find("w1").has_fetcher()) << "it does not wait for itself";
  EXPECT_EQ(Fetch(shards, 0, artifact, "w1"), 3000u);
  EXPECT_TRUE(find("w2").has_fetcher()) << "it has not said yet that it has the file";
  {
    grpc::ClientContext context;
    Limit(&context);
    v1::ReportFetchedRequest request;
    request.set_worker_id("w1");
    request.set_artifact(artifact);
    request.set_sha256(sha256);
    v1::ReportFetchedResponse response;
    ASSERT_TRUE(workers->ReportFetched(&context, request, &response).ok());
  }
  const v1::FindNeighboursResponse found = find("w2");
  EXPECT_FALSE(found.has_fetcher());
  EXPECT_FALSE(found.alone());
  ASSERT_EQ(found.neighbours_size(), 1);
  EXPECT_EQ(found.neighbours(0).worker(), "w1");
  EXPECT_EQ(found.neighbours(0).address(), "10.0.0.1:6000");
  EXPECT_EQ(found.neighbours(0).certificate(), "PEM");
  EXPECT_FALSE(found.neighbours(0).ticket().empty());
  // One that does not come through to the other is left out, and fetches for others itself.
  EXPECT_EQ(find("w2", "w1").neighbours_size(), 0);
  EXPECT_EQ(find("w1", "w2").neighbours_size(), 0);
  EXPECT_TRUE(find("gone").alone());
}

// Of what is bound, the coordinator names keepers to workers of that site, and waits for nobody.
TEST_F(SitesTest, WhatIsBoundIsReadAtItsSiteAlone) {
  const std::string sha256 = Sha256Hex("tokens");
  storage::Manifest manifest;
  manifest.kind = "shards";
  manifest.files = {{"shards.bin", sha256, 6}};
  for (const char* id : {"w1", "w2"}) Serve(id, "lab");
  for (const char* id : {"far", "far2"}) Serve(id, "home");
  ASSERT_TRUE(core_
                  ->Do([&](Transaction& tx) {
                    catalog::ArtifactRecord artifact;
                    artifact.id = manifest.Id();
                    artifact.kind = manifest.kind;
                    artifact.manifest = manifest.Canonical();
                    artifact.metadata = "{}";
                    artifact.site = "lab";
                    artifact.worker = "w1";
                    artifact.bound = true;
                    tx.Add(catalog::ArtifactCommitted{artifact});
                    const auto it = std::make_shared<const std::set<std::string>>(
                        std::set<std::string>{artifact.id});
                    tx.worker("w1").kept = it;
                    // A copy where it should not be is not given out either.
                    tx.worker("far2").cached = it;
                    return OkStatus();
                  })
                  .ok());
  v1::FindNeighboursResponse found;
  ASSERT_TRUE(Find("w2", manifest.Id(), sha256, "", &found).ok());
  ASSERT_EQ(found.neighbours_size(), 1);
  EXPECT_EQ(found.neighbours(0).worker(), "w1");
  EXPECT_FALSE(found.neighbours(0).ticket().empty());
  for (const char* id : {"far", "gone"}) {
    v1::FindNeighboursResponse none;
    const Status refused = rpc::FromGrpc(Find(id, manifest.Id(), sha256, "", &none));
    EXPECT_TRUE(refused.Is(ErrorReason::kBoundToSite)) << refused.message();
    EXPECT_THAT(refused.message(), HasSubstr(std::string("worker ") + id + " is not at that site"));
    EXPECT_EQ(none.neighbours_size(), 0);
  }
  for (int i = 0; i < 2; ++i) {
    v1::FindNeighboursResponse others;
    ASSERT_TRUE(Find("w2", manifest.Id(), sha256, "w1", &others).ok());
    EXPECT_EQ(others.neighbours_size(), 0);
    EXPECT_FALSE(others.has_fetcher());
    ASSERT_TRUE(Find("w1", manifest.Id(), sha256, "", &others).ok());
    EXPECT_FALSE(others.has_fetcher()) << "nobody fetches it from the coordinator";
  }
}

TEST(ConvertTest, AnExchangeWithAnImpossibleClockIsNone) {
  v1::WorkerSignal signal;
  v1::SiteExchange* said = signal.mutable_hello()->mutable_exchange();
  said->set_port(5000);
  said->set_key(std::string(32, 'k'));
  for (const int64_t clock_ms : {int64_t{-1}, INT64_MAX, INT64_MIN}) {
    said->set_clock_ms(clock_ms);
    EXPECT_FALSE(CheckExchange(*WorkerMessageOf(signal).signal.exchange).ok()) << clock_ms;
  }
}

// A first value is seen to change from 0; buckets are cumulated.
TEST_F(SitesTest, HistogramsOfAllKindsAreThereFromTheStart) {
  const std::string text = MetricsText(core_.get(), nullptr, nullptr).value();
  for (const char* line :
       {"braid_job_queue_wait_seconds_bucket{kind=\"train\",le=\"0.1\"} 1\n",
        "braid_job_queue_wait_seconds_bucket{kind=\"train\",le=\"5\"} 1\n",
        "braid_job_queue_wait_seconds_count{kind=\"train\"} 1\n",
        "braid_job_queue_wait_seconds_count{kind=\"merge\"} 0\n",
        "braid_attempt_start_seconds_count{kind=\"train\"} 0\n",
        "braid_attempt_duration_seconds_count{kind=\"train\",state=\"FAILED\"} 0\n"})
    EXPECT_THAT(text, HasSubstr(line));
}

TEST_F(SitesTest, AllSitesOfWorkersAreListed) {
  ASSERT_TRUE(core_
                  ->Do([](Transaction& tx) {
                    catalog::WorkerRecord worker;
                    worker.id = "w2";
                    tx.Add(catalog::WorkerRegistered{worker});
                    return OkStatus();
                  })
                  .ok());
  const v1::ListSitesResponse list = List();
  ASSERT_EQ(list.sites_size(), 2);
  EXPECT_EQ(list.sites(0).name(), "");
  EXPECT_EQ(list.sites(1).name(), "lab");
  EXPECT_EQ(list.sites(1).workers(), 1);
  EXPECT_EQ(list.sites(1).workers_ready(), 0);
  EXPECT_EQ(list.sites(1).traffic_size(), 0);
}

}  // namespace
}  // namespace braid::coordinator
