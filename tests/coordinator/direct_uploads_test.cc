// Files that workers put into the coordinator's bucket themselves.
#include "coordinator/api/direct_uploads.h"

#include <gmock/gmock.h>

#include <chrono>
#include <functional>
#include <thread>

#include "braid/v1/admin.grpc.pb.h"
#include "braid/v1/worker.grpc.pb.h"
#include "tests/coordinator/tokens_fixture.h"

namespace braid::coordinator {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr uint64_t kSize = 3'000'000;

// A bucket into which others put parts of 1 MB, as far as the test says.
class OpenBucket final : public storage::RemoteStore {
 public:
  std::string Name() const override { return "s3://models"; }
  Status Claim(const std::string&) override { return OkStatus(); }
  void Expect(const std::string&) override {}
  Status Put(const std::string&, const std::string&) override { return OkStatus(); }
  Result<std::string> Read(const std::string&, uint64_t, uint64_t) override {
    return Unavailable("nobody reads here");
  }
  Result<std::string> UrlOf(const std::string&) override { return std::string(); }
  Result<storage::DirectUpload> BeginDirect(const std::string&, uint64_t) override {
    ++begun;
    if (!wrong.ok()) return wrong;
    return upload;
  }
  Result<std::vector<storage::SignedPut>> SignDirect(
      const std::string& sha256, uint64_t, const std::vector<storage::BlobPart>& parts) override {
    if (!sign.ok()) return sign;
    std::vector<storage::SignedPut> puts;
    for (const auto& part : parts)
      puts.push_back({"https://bucket/" + sha256 + "?part=" + std::to_string(part.number),
                      {{"x-amz-checksum-sha256", part.sha256}}});
    return puts;
  }
  Status EndDirect(const std::string&, uint64_t) override {
    if (during_end) during_end();
    return end;
  }
  Status Remove(const std::string&) override { return OkStatus(); }
  Result<std::vector<storage::RemoteBlob>> List() override {
    return std::vector<storage::RemoteBlob>();
  }
  Status DropAbandoned() override { return OkStatus(); }
  Status Check() override { return OkStatus(); }

  storage::DirectUpload upload{1'000'000, {}};
  Status wrong, sign, end;
  std::function<void()> during_end;
  int begun = 0;
};

class DirectUploadsTest : public TokensTest {
 protected:
  DirectUploadsTest() { EXPECT_EQ(blobs_->Attach(&bucket_, "me"), OkStatus()); }
  Result<DirectStep> Step(const std::string& worker, std::vector<storage::BlobPart> parts = {},
                          bool end = false, uint64_t size = kSize) {
    return uploads_.Step({blob_, size, worker, std::move(parts), end}, blobs_.get());
  }
  grpc::Status Call(v1::UploadDirectlyRequest request, v1::UploadDirectlyResponse* response,
                    const std::string& token, int64_t rank) {
    grpc::ClientContext context;
    Limit(&context);
    request.set_sha256(blob_);
    request.set_size(kSize);
    request.set_role("model");
    request.mutable_rank()->set_run_id("r1");
    request.mutable_rank()->set_job("j");
    request.mutable_rank()->set_epoch(1);
    request.mutable_rank()->set_rank(static_cast<int32_t>(rank));
    return v1::Workers::NewStub(rpc::MakeChannel(server_->address(), token))
        ->UploadDirectly(&context, request, response);
  }
  // The bytes of models that the site has sent directly, once there are any.
  uint64_t Counted() {
    for (int i = 0; i < 3'000; ++i) {
      grpc::ClientContext context;
      Limit(&context);
      v1::ListSitesResponse list;
      EXPECT_TRUE(v1::Admin::NewStub(channel_)->ListSites(&context, {}, &list).ok());
      for (const v1::Site& site : list.sites()) {
        for (const v1::SiteTraffic& traffic : site.traffic()) {
          if (site.name() == "lab" && traffic.way() == "direct" && traffic.kind() == "checkpoint")
            return traffic.bytes();
        }
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return 0;
  }

  OpenBucket bucket_;
  SimulatedClock clock_;
  DirectUploads uploads_{&clock_};
  const std::string blob_ = Sha256Hex("a large file");
};

TEST_F(DirectUploadsTest, OneWorkerSendsABlobAndOthersWaitForIt) {
  EXPECT_EQ(Step("w1")->upload.part_bytes, 1'000'000u);
  const Status waits = Step("w2").status();
  EXPECT_EQ(waits.code(), StatusCode::kUnavailable);
  EXPECT_THAT(waits.message(), HasSubstr("worker w1 sends blob " + blob_ + " already"));
  clock_.Advance(DirectUploads::kSilentMs - 1);
  EXPECT_THAT(Step("w1", {{2, blob_}})->puts, SizeIs(1));
  clock_.Advance(DirectUploads::kSilentMs - 1);
  EXPECT_FALSE(Step("w2").ok()) << "it has asked in between";
  clock_.Advance(1);
  EXPECT_EQ(Step("w2")->upload.part_bytes, 1'000'000u) << "it has said nothing for long";
  const Result<DirectStep> end = Step("w2", {}, true);
  EXPECT_TRUE(end->complete && end->ended);
  EXPECT_TRUE(blobs_->Has(blob_));
  const Result<DirectStep> late = Step("w1", {}, true);
  EXPECT_TRUE(late->complete);
  EXPECT_FALSE(late->ended) << "nothing is counted twice";
}

TEST_F(DirectUploadsTest, ABlobOfOnePartGetsItsUrlAtOnce) {
  bucket_.upload.part_bytes = kSize;
  EXPECT_THAT(Step("w1")->puts, SizeIs(1));
  EXPECT_EQ(Step("w1")->puts[0].headers.at("x-amz-checksum-sha256"), blob_);
}

TEST_F(DirectUploadsTest, WhatTheCoordinatorTakesItself) {
  EXPECT_EQ(Step("w1", {}, false, DirectUploads::kLeastBytes - 1)->upload.part_bytes, 0u);
  EXPECT_EQ(bucket_.begun, 0);
  const auto folder_alone = storage::BlobStore::Open(folder_.path() + "/alone").value();
  EXPECT_EQ(uploads_.Step({blob_, kSize, "w1"}, folder_alone.get())->upload.part_bytes, 0u);
}

TEST_F(DirectUploadsTest, ABucketThatFailsIsSaidOnceAndLeftAloneForAWhile) {
  bucket_.wrong = Unavailable("s3://models: beginning blob abc: not reached");
  testing::internal::CaptureStderr();
  EXPECT_EQ(Step("w1")->upload.part_bytes, 0u);
  EXPECT_EQ(Step("w1")->upload.part_bytes, 0u);
  EXPECT_EQ(bucket_.begun, 1);
  clock_.Advance(DirectUploads::kClosedMs);
  EXPECT_EQ(Step("w1")->upload.part_bytes, 0u);
  EXPECT_EQ(bucket_.begun, 2);
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_THAT(said, HasSubstr("not reached; until that is mended, workers send their files through "
                              "the coordinator"));
  EXPECT_EQ(said.find("until that"), said.rfind("until that"));
  bucket_.wrong = OkStatus();
  clock_.Advance(DirectUploads::kClosedMs);
  EXPECT_EQ(Step("w1")->upload.part_bytes, 1'000'000u);
}

TEST_F(DirectUploadsTest, WhatHadOtherBytesGoesThroughTheCoordinatorFromThenOn) {
  ASSERT_TRUE(Step("w1").ok());
  bucket_.end = Status(StatusCode::kInvalidArgument, ErrorReason::kDigestMismatch,
                       "blob abc: the bytes have another digest; send it again");
  testing::internal::CaptureStderr();
  EXPECT_EQ(Step("w1", {}, true).status(), bucket_.end);
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              HasSubstr("worker w1 ended an upload to the bucket: blob abc: the bytes have another "
                        "digest; send it again; this file goes through the coordinator now"));
  EXPECT_FALSE(blobs_->Has(blob_));
  EXPECT_EQ(Step("w2")->upload.part_bytes, 0u);
}

// Or somebody has taken a right away from the key.
TEST_F(DirectUploadsTest, AKeyThatIsNoGoodIsNoErrorOfTheWorker) {
  const Status key = Status(StatusCode::kPermissionDenied, ErrorReason::kPermissionDenied, "key");
  ASSERT_EQ(Step("w1")->upload.part_bytes, 1'000'000u);
  bucket_.end = key;
  EXPECT_FALSE(Step("w1", {}, true)->complete);
  EXPECT_EQ(Step("w1")->upload.part_bytes, 0u) << "the next ones go through the coordinator";
  clock_.Advance(DirectUploads::kClosedMs);
  bucket_.sign = Unavailable("no key is given yet");
  EXPECT_THAT(Step("w1", {{1, blob_}})->puts, SizeIs(0));
  EXPECT_EQ(Step("w1")->upload.part_bytes, 0u);
  clock_.Advance(DirectUploads::kClosedMs);
  bucket_.upload.part_bytes = kSize;
  EXPECT_EQ(Step("w1")->upload.part_bytes, 0u) << "it has no URL of its one part";
  clock_.Advance(DirectUploads::kClosedMs);
  bucket_.sign = FailedPrecondition("begin again");
  EXPECT_EQ(Step("w1", {{1, blob_}}).status(), bucket_.sign);
}

TEST_F(DirectUploadsTest, AnEndThatTakesLongKeepsOthersWaitingAndNoOtherBlob) {
  ASSERT_TRUE(Step("w1").ok());
  bucket_.during_end = [&] {
    clock_.Advance(10 * DirectUploads::kSilentMs);
    EXPECT_THAT(Step("w2").status().message(), HasSubstr("worker w1 sends blob"));
    const Status again = Step("w1").status();
    EXPECT_EQ(again.code(), StatusCode::kUnavailable);
    EXPECT_THAT(again.message(), HasSubstr("is being verified in the bucket"));
    EXPECT_EQ(uploads_.Step({Sha256Hex("another"), kSize, "w1"}, blobs_.get())->upload.part_bytes,
              1'000'000u);
  };
  EXPECT_TRUE(Step("w1", {}, true)->complete);
}

TEST_F(DirectUploadsTest, AnEndThatFailsAgainAndAgainIsNotTriedForEver) {
  bucket_.end = Unavailable("cannot be read back");
  for (int i = 0; i < DirectUploads::kMostFailedEnds; ++i) {
    EXPECT_EQ(Step("w1")->upload.part_bytes, 1'000'000u);
    EXPECT_EQ(Step("w1", {}, true).status(), bucket_.end);
  }
  EXPECT_EQ(Step("w1")->upload.part_bytes, 0u);
}

TEST_F(DirectUploadsTest, PartsThatAreNotThereAreSaidAndOthersRefused) {
  bucket_.end = Status(StatusCode::kNotFound, ErrorReason::kBlobMissing, "part 2 is not there");
  EXPECT_EQ(Step("w1", {}, true).status(), bucket_.end);
  EXPECT_FALSE(blobs_->Has(blob_));
  EXPECT_THAT(Step("w1", std::vector<storage::BlobPart>(17)).status().message(),
              HasSubstr("at most 16 parts in one request"));
  EXPECT_THAT(uploads_.Step({"abc", kSize, "w1"}, blobs_.get()).status().message(),
              HasSubstr("\"abc\" is not a SHA-256"));
}

TEST_F(DirectUploadsTest, AWorkerPutsFilesOfItsOwnRanksAndTheyAreCounted) {
  PutAttempt();
  ASSERT_TRUE(core_
                  ->Do([](Transaction& tx) {
                    catalog::WorkerRecord worker;
                    worker.id = "w1";
                    worker.site = "lab";
                    tx.Add(catalog::WorkerRegistered{worker});
                    return OkStatus();
                  })
                  .ok());
  Create("w1", v1::WORKER, '1');
  Create("ada", v1::SUBMITTER, '2');
  bucket_.upload.there = {{2, blob_}};
  v1::UploadDirectlyRequest request;
  v1::UploadDirectlyResponse response;
  EXPECT_EQ(Call(request, &response, Secret('2'), 0).error_code(), grpc::PERMISSION_DENIED);
  EXPECT_EQ(Call(request, &response, Secret('1'), 1).error_code(), grpc::PERMISSION_DENIED)
      << "the rank of another worker";
  const grpc::Status unknown = Call(request, &response, kToken, 7);
  EXPECT_EQ(unknown.error_code(), grpc::NOT_FOUND);
  EXPECT_THAT(unknown.error_message(), HasSubstr("is leased to no worker"));
  ASSERT_TRUE(Call(request, &response, Secret('1'), 0).ok());
  EXPECT_EQ(response.part_bytes(), 1'000'000u);
  ASSERT_EQ(response.there_size(), 1);
  EXPECT_EQ(response.there(0).number(), 2);
  v1::BlobPart* const part = request.add_parts();
  part->set_number(3);
  part->set_sha256(Sha256Hex("part"));
  ASSERT_TRUE(Call(request, &response, Secret('1'), 0).ok());
  ASSERT_EQ(response.puts_size(), 1);
  EXPECT_EQ(response.puts(0).url(), "https://bucket/" + blob_ + "?part=3");
  EXPECT_EQ(response.puts(0).headers().at("x-amz-checksum-sha256"), Sha256Hex("part"));
  request.clear_parts();
  request.set_end(true);
  ASSERT_TRUE(Call(request, &response, Secret('1'), 0).ok());
  EXPECT_TRUE(response.complete());
  EXPECT_TRUE(blobs_->Has(blob_));
  EXPECT_EQ(Counted(), kSize);
}

}  // namespace
}  // namespace braid::coordinator
