// A whole coordinator but for its HTTP side, in one process, with a channel to it.
#pragma once

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/file.h"
#include "base/sha256.h"
#include "braid/v1/artifacts.grpc.pb.h"
#include "braid/v1/runs.grpc.pb.h"
#include "coordinator/bulk/curves.h"
#include "coordinator/core/quotas.h"
#include "coordinator/services/server.h"
#include "coordinator/services/services.h"
#include "rpc/channel.h"
#include "storage/catalog/catalog.h"
#include "storage/files/manifest.h"

namespace braid::coordinator {

inline const std::string kToken(64, 'a');

class ServicesTest : public ::testing::Test {
 protected:
  explicit ServicesTest(const RateLimits& limits = {}) {
    Options options;
    options.store = catalog_.get();
    options.clock = &SystemClock();
    options.uniform = [] { return 0.5; };
    options.run_id = [this] { return "r-" + std::to_string(++last_run_); };
    options.quotas = &quotas_;
    options.ended_rows = 0;  // what has ended is read again for each answer
    core_ = Core::Create(options).value();
    loop_ = std::thread([this] { EXPECT_TRUE(core_->Run().ok()); });
    backend_.core = core_.get();
    backend_.store = catalog_.get();
    backend_.reader = &reader_;
    backend_.blobs = blobs_.get();
    backend_.logs = logs_.get();
    backend_.metrics = metrics_.get();
    backend_.curves = curves_.get();
    backend_.rendezvous = &rendezvous_;
    backend_.scratch = folder_.path();
    backend_.coordinator_id = catalog_->id();
    backend_.rate_limits = limits;
    backend_.token = kToken;
    backend_.token_file = "/state/token";
    server_ = Server::Start("127.0.0.1:0", &backend_).value();
    channel_ = rpc::MakeChannel(server_->address(), kToken);
    artifacts_ = v1::Artifacts::NewStub(channel_);
    runs_service_ = v1::Runs::NewStub(channel_);
  }
  ~ServicesTest() override {
    server_->Stop();
    core_->Stop();
    loop_.join();
  }

  // Sends data[offset, offset + count) of a blob as one message.
  grpc::Status Upload(const std::string& data, uint64_t offset, uint64_t count,
                      const std::string& sha256) {
    grpc::ClientContext context;
    v1::QueryUploadResponse response;
    const auto writer = artifacts_->UploadBlob(&context, &response);
    v1::UploadBlobRequest request;
    request.set_sha256(sha256);
    request.set_size(data.size());
    request.set_offset(offset);
    request.set_data(data.substr(offset, count));
    writer->Write(request);
    writer->WritesDone();
    return writer->Finish();
  }

  uint64_t Committed(const std::string& data) {
    grpc::ClientContext context;
    v1::QueryUploadRequest request;
    request.set_sha256(Sha256Hex(data));
    request.set_size(data.size());
    v1::QueryUploadResponse response;
    EXPECT_TRUE(artifacts_->QueryUpload(&context, request, &response).ok());
    return response.committed();
  }

  // An artifact of `files` names for one blob that is there; its id.
  std::string Commit(const std::string& data, const std::string& kind, int files,
                     const std::string& name = "") {
    storage::Manifest manifest;
    manifest.kind = kind;
    for (int i = 0; i < files; ++i)
      manifest.files.push_back(
          {"file-" + std::to_string(1'000'000 + i), Sha256Hex(data), data.size()});
    grpc::ClientContext context;
    v1::CommitArtifactRequest request;
    request.set_manifest_json(manifest.Canonical());
    request.set_name(name);
    v1::Artifact artifact;
    const grpc::Status status = artifacts_->CommitArtifact(&context, request, &artifact);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return artifact.id();
  }

  grpc::Status List(const std::string& token, v1::ListArtifactsResponse* page) {
    grpc::ClientContext context;
    v1::ListArtifactsRequest request;
    request.set_page_size(2);
    request.set_page_token(token);
    return artifacts_->ListArtifacts(&context, request, page);
  }

  grpc::Status Submit(const std::string& name, const std::string& request_id,
                      const std::string& source, v1::Run* run) {
    grpc::ClientContext context;
    v1::SubmitRunRequest request;
    request.set_recipe("run: " + name +
                       "\ntokenizer: {train: {vocab: 300}}\ncorpora: {c: {files: [a.jsonl]}}\n"
                       "baselines: [{name: m, d: 8, heads: 2, blocks: 1}]\n");
    (*request.mutable_sources())["source.c"] = source;
    request.set_request_id(request_id);
    return runs_service_->SubmitRun(&context, request, run);
  }

  grpc::Status ListRuns(const std::string& token, v1::ListRunsResponse* page) {
    grpc::ClientContext context;
    v1::ListRunsRequest request;
    request.set_page_size(2);
    request.set_page_token(token);
    return runs_service_->ListRuns(&context, request, page);
  }

  TemporaryFolder folder_ = TemporaryFolder::Create().value();
  std::unique_ptr<catalog::Catalog> catalog_ =
      catalog::Catalog::Open({JoinPath(folder_.path(), "braid.db"), 0}).value();
  std::unique_ptr<storage::BlobStore> blobs_ =
      storage::BlobStore::Open(JoinPath(folder_.path(), "store")).value();
  std::unique_ptr<AppendFiles> logs_ = AppendFiles::Open(JoinPath(folder_.path(), "logs")).value();
  std::unique_ptr<AppendFiles> metrics_ =
      AppendFiles::Open(JoinPath(folder_.path(), "metrics")).value();
  std::unique_ptr<CurveCache> curves_ = std::make_unique<CurveCache>(metrics_.get());
  RendezvousTable rendezvous_;
  QuotaTable quotas_;
  catalog::Reader reader_{JoinPath(folder_.path(), "braid.db")};
  // It outlives the backend, whose threads may hold the last of a call that follows its events.
  std::unique_ptr<Core> core_;
  Backend backend_;
  std::thread loop_;
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Artifacts::Stub> artifacts_;
  std::unique_ptr<v1::Runs::Stub> runs_service_;
  std::atomic<int> last_run_ = 0;
};

}  // namespace braid::coordinator
