// Files that are bound to a site: not taken, not given out.
#include "braid/v1/worker.grpc.pb.h"
#include "rpc/status.h"
#include "tests/coordinator/tokens_fixture.h"

namespace braid::coordinator {
namespace {

using ::testing::HasSubstr;

using BoundFilesTest = TokensTest;

// Run r2 has an attempt of worker w1, whose output `shards` is bound to the site lab.
TEST_F(BoundFilesTest, AFileOfABoundOutputIsNotTaken) {
  Create("w1", v1::WORKER, '1');
  Create("w2", v1::WORKER, '2');
  ASSERT_TRUE(core_
                  ->Do([](Transaction& tx) {
                    catalog::RunRecord run;
                    run.id = "r2";
                    tx.Add(catalog::RunCreated{run});
                    catalog::JobRecord job;
                    job.key = {"r2", "prepare:a"};
                    job.kind = "prepare";
                    job.site = "lab";
                    job.binding = task::Binding::kShards;
                    job.state = catalog::JobState::kQueued;
                    tx.Add(catalog::JobCreated{job});
                    catalog::AttemptRecord attempt;
                    attempt.key = {"r2", "prepare:a", 1};
                    attempt.workers = {"w1"};
                    attempt.boots = {"b1"};
                    tx.Add(catalog::AttemptGranted{attempt});
                    return OkStatus();
                  })
                  .ok());
  const std::string text = "tokens of the documents of the paths";
  // How an upload ends: by whom, and as which output; "" names none.
  const auto upload = [&](const std::string& token, const std::string& role) {
    grpc::ClientContext context;
    Limit(&context);
    v1::QueryUploadResponse response;
    const auto stub = v1::Artifacts::NewStub(rpc::MakeChannel(server_->address(), token));
    const auto writer = stub->UploadBlob(&context, &response);
    v1::UploadBlobRequest request;
    request.set_sha256(Sha256Hex(text));
    request.set_size(text.size());
    request.set_data(text);
    if (!role.empty()) {
      request.mutable_rank()->set_run_id("r2");
      request.mutable_rank()->set_job("prepare:a");
      request.mutable_rank()->set_epoch(1);
      request.set_role(role);
    }
    writer->Write(request);
    writer->WritesDone();
    return rpc::FromGrpc(writer->Finish());
  };
  // The same by a URL of the bucket.
  const auto directly = [&](const std::string& token, const std::string& role) {
    grpc::ClientContext context;
    Limit(&context);
    v1::UploadDirectlyRequest request;
    request.set_sha256(Sha256Hex(text));
    request.set_size(text.size());
    request.mutable_rank()->set_run_id("r2");
    request.mutable_rank()->set_job("prepare:a");
    request.mutable_rank()->set_epoch(1);
    request.set_role(role);
    v1::UploadDirectlyResponse response;
    return rpc::FromGrpc(v1::Workers::NewStub(rpc::MakeChannel(server_->address(), token))
                             ->UploadDirectly(&context, request, &response));
  };
  for (const std::string& token : {Secret('1'), kToken}) {
    for (const Status& refused : {upload(token, "shards"), directly(token, "shards")}) {
      EXPECT_TRUE(refused.Is(ErrorReason::kBoundToSite)) << refused.message();
      EXPECT_THAT(refused.message(),
                  HasSubstr("output shards of r2/prepare:a is bound to site lab"));
    }
    EXPECT_EQ(directly(token, "shared"), OkStatus());
  }
  EXPECT_TRUE(upload(Secret('1'), "").Is(ErrorReason::kBoundToSite)) << "of what?";
  EXPECT_EQ(upload(Secret('2'), "shared").code(), StatusCode::kPermissionDenied)
      << "of another worker's rank";
  EXPECT_EQ(Committed(text), 0u) << "not a byte was kept";
  EXPECT_FALSE(blobs_->Has(Sha256Hex(text)));
  EXPECT_TRUE(upload(Secret('1'), "shared").ok());
  EXPECT_TRUE(blobs_->Has(Sha256Hex(text)));
}

// Files of an artifact that is bound are not given out, even if equal ones are here.
TEST_F(BoundFilesTest, FilesOfABoundArtifactAreNotGivenOut) {
  const std::string text = "what stays";
  ASSERT_TRUE(Upload(text, 0, text.size(), Sha256Hex(text)).ok());
  ASSERT_TRUE(core_
                  ->Do([&](Transaction& tx) {
                    catalog::ArtifactRecord artifact;
                    artifact.id = std::string(64, 'b');
                    artifact.kind = "shards";
                    artifact.manifest = "{\"files\":[]}";
                    artifact.metadata = "{}";
                    artifact.site = "lab";
                    artifact.worker = "w1";
                    artifact.bound = true;
                    tx.Add(catalog::ArtifactCommitted{artifact});
                    return OkStatus();
                  })
                  .ok());
  grpc::ClientContext context, verifying;
  v1::DownloadBlobRequest request;
  request.set_sha256(Sha256Hex(text));
  request.set_artifact(std::string(64, 'b'));
  const auto reader = artifacts_->DownloadBlob(&context, request);
  v1::DownloadBlobResponse piece;
  EXPECT_FALSE(reader->Read(&piece));
  const Status refused = rpc::FromGrpc(reader->Finish());
  EXPECT_TRUE(refused.Is(ErrorReason::kBoundToSite)) << refused.message();
  EXPECT_THAT(refused.message(), HasSubstr("is bound to site lab and does not leave it: its files "
                                           "are on worker w1"));
  v1::GetArtifactRequest which;
  which.set_id(std::string(64, 'b'));
  v1::VerifyArtifactResponse verified;
  EXPECT_TRUE(rpc::FromGrpc(artifacts_->VerifyArtifact(&verifying, which, &verified))
                  .Is(ErrorReason::kBoundToSite));
  grpc::ClientContext looking;
  v1::Artifact artifact;
  ASSERT_TRUE(artifacts_->GetArtifact(&looking, which, &artifact).ok());
  EXPECT_TRUE(artifact.bound());
}

}  // namespace
}  // namespace braid::coordinator
