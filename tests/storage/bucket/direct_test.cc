// Blobs that others put into the bucket, by URLs that are signed for them.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "storage/bucket/http.h"
#include "tests/storage/bucket/memory_bucket.h"

namespace braid::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class DirectTest : public BucketTest {
 protected:
  DirectTest() {
    bucket_.refuse = [this](const httplib::Request& request, httplib::Response* response) {
      if (refused_ && refused_(request)) {
        MemoryBucket::Fail(response, 403, "AccessDenied");
        return true;
      }
      const bool reads = request.method == "GET" && !request.has_param("uploadId");
      if (reads && request.path == "/models/" + KeyOf(blob_)) ++reads_;
      return false;
    };
  }
  // Of the content of Long(), 1000 bytes each.
  static std::string Piece(int64_t number) {
    return Long().substr(static_cast<size_t>(number - 1) * 1000, 1000);
  }
  static BlobPart PartOf(int64_t number) { return {number, Sha256Hex(Piece(number))}; }
  // Does as it is signed, and says how that went.
  static int Send(const SignedPut& put, const std::string& body) {
    HttpRequest request;
    request.method = "PUT";
    request.url = put.url;
    request.headers = put.headers;
    request.headers.erase("content-length");  // a test may send another length
    request.body = body;
    return HttpClient({}).Send(request)->status;
  }
  void PutParts(BucketStore& store, const std::vector<int64_t>& numbers) {
    for (const int64_t number : numbers) {
      const auto puts = store.SignDirect(blob_, Long().size(), {PartOf(number)});
      ASSERT_TRUE(puts.ok()) << puts.status().message();
      ASSERT_EQ(Send(puts->at(0), Piece(number)), 200);
    }
  }
  std::string File() const { return JoinPath(folder_.path(), blob_ + ".direct.json"); }

  const std::string blob_ = Sha256Hex(Long());
  std::function<bool(const httplib::Request&)> refused_;
  int reads_ = 0;  // of the bytes of the blob
};

TEST_F(DirectTest, OneOfOnePartIsBelievedAsTheBucketComparesItsDigest) {
  BucketStore store = Store();
  const std::string small = Sha256Hex("words");
  const DirectUpload upload = store.BeginDirect(small, 5).value();
  EXPECT_EQ(upload.part_bytes, 1000u);
  EXPECT_THAT(upload.there, IsEmpty());
  const SignedPut put = store.SignDirect(small, 5, {{1, small}}).value().at(0);
  EXPECT_THAT(put.url, HasSubstr("&X-Amz-SignedHeaders=content-length%3Bhost%3B"
                                 "x-amz-checksum-sha256"));
  EXPECT_THAT(put.url, HasSubstr("&X-Amz-Expires=900&"));
  EXPECT_EQ(put.headers.at("content-length"), "5");
  EXPECT_EQ(Send(put, "wards"), 400);
  EXPECT_TRUE(store.EndDirect(small, 5).Is(ErrorReason::kBlobMissing));
  EXPECT_EQ(Send(put, "words"), 200);
  bucket_.requests.clear();
  EXPECT_EQ(store.EndDirect(small, 5), OkStatus());
  EXPECT_THAT(bucket_.requests, ElementsAre("HEAD /models/" + KeyOf(small)));
  EXPECT_EQ(store.Read(small, 0, 5).value(), "words");
}

TEST_F(DirectTest, PartsGoOnAfterEitherSideHasEnded) {
  BucketStore store = Store();
  EXPECT_THAT(store.BeginDirect(blob_, Long().size())->there, IsEmpty());
  PutParts(store, {1, 2, 4});
  // What was signed for and has not come is not there.
  ASSERT_TRUE(store.SignDirect(blob_, Long().size(), {PartOf(3)}).ok());
  BucketStore next = Store();
  EXPECT_THAT(next.BeginDirect(blob_, Long().size())->there,
              ElementsAre(PartOf(1), PartOf(2), PartOf(4)));
  const Status early = next.EndDirect(blob_, Long().size());
  EXPECT_TRUE(early.Is(ErrorReason::kBlobMissing));
  EXPECT_THAT(early.message(),
              HasSubstr("part 3 of blob " + blob_ + " is not in s3://models/lab yet: put it"));
  EXPECT_THAT(bucket_.objects, IsEmpty());
  PutParts(next, {3});
  EXPECT_EQ(next.EndDirect(blob_, Long().size()), OkStatus());
  EXPECT_EQ(bucket_.objects.at(KeyOf(blob_)), Long());
  EXPECT_FALSE(PathExists(File()));
  EXPECT_EQ(reads_, 1) << "its bytes were looked at";
  // As after a crash before anybody knew of it.
  EXPECT_EQ(Store().EndDirect(blob_, Long().size()), OkStatus());
}

TEST_F(DirectTest, ADigestThatTheBucketComputesIsEnough) {
  bucket_.computes = true;
  BucketStore store = Store();
  ASSERT_TRUE(store.BeginDirect(blob_, Long().size()).ok());
  PutParts(store, {1, 2, 3, 4});
  EXPECT_EQ(store.EndDirect(blob_, Long().size()), OkStatus());
  EXPECT_EQ(reads_, 0);
}

// Each part has the digest that its sender has named, and the whole has not.
TEST_F(DirectTest, OtherBytesUnderADigestAreFoundAndDeleted) {
  for (const bool computes : {false, true}) {
    bucket_.computes = computes;
    BucketStore store = Store();
    ASSERT_TRUE(store.BeginDirect(blob_, Long().size()).ok());
    PutParts(store, {1, 2, 4});
    const std::string other(1000, 'x');
    const auto put = store.SignDirect(blob_, Long().size(), {{3, Sha256Hex(other)}})->at(0);
    ASSERT_EQ(Send(put, other), 200);
    const Status wrong = store.EndDirect(blob_, Long().size());
    EXPECT_TRUE(wrong.Is(ErrorReason::kDigestMismatch));
    EXPECT_THAT(wrong.message(),
                HasSubstr("blob " + blob_ + ": the bytes in s3://models/lab have another digest"));
    EXPECT_THAT(bucket_.objects, IsEmpty());
    EXPECT_THAT(ListFolder(folder_.path()).value(), IsEmpty());
  }
}

TEST_F(DirectTest, APartThatWasNotSignedForAtLastIsNotTaken) {
  BucketStore store = Store();
  ASSERT_TRUE(store.BeginDirect(blob_, Long().size()).ok());
  PutParts(store, {1, 2, 3});
  const std::string longer = Piece(4) + "x";
  ASSERT_EQ(Send(store.SignDirect(blob_, Long().size(), {{4, Sha256Hex(longer)}})->at(0), longer),
            200)
      << "this bucket checks no signature";
  EXPECT_THAT(store.BeginDirect(blob_, Long().size())->there, SizeIs(3)) << "of another size";
  EXPECT_TRUE(store.EndDirect(blob_, Long().size()).Is(ErrorReason::kBlobMissing));
  ASSERT_TRUE(store.SignDirect(blob_, Long().size(), {{1, Sha256Hex("other")}}).ok());
  PutParts(store, {4});
  EXPECT_FALSE(store.EndDirect(blob_, Long().size()).ok()) << "part 1 is another";
  EXPECT_THAT(bucket_.objects, IsEmpty());
}

TEST_F(DirectTest, WhatCannotBeSaysSo) {
  BucketStore store = Store();
  const uint64_t size = Long().size();
  EXPECT_THAT(store.SignDirect(blob_, size, {PartOf(1)}).status().message(),
              HasSubstr("no upload of blob " + blob_ + " was begun"));
  ASSERT_TRUE(store.BeginDirect(blob_, size).ok());
  for (const BlobPart& part : {BlobPart{0, blob_}, BlobPart{5, blob_}, BlobPart{1, "abc"}})
    EXPECT_THAT(store.SignDirect(blob_, size, {part}).status().message(),
                HasSubstr("has no part " + std::to_string(part.number) + " with the digest"));
  EXPECT_EQ(store.SignDirect(blob_, 900, {PartOf(1)}).status().code(), StatusCode::kInvalidArgument)
      << "the digest of one part is that of the blob";
  BucketPlace place = bucket_.Place();
  place.direct = false;
  EXPECT_EQ(BucketStore(place, folder_.path(), Options()).BeginDirect(blob_, size)->part_bytes, 0u);
  EXPECT_EQ(store.BeginDirect(blob_, uint64_t{1} << 60)->part_bytes, 0u) << "no object is so large";
}

// It would compare what the coordinator's own requests have signed, and not this.
TEST_F(DirectTest, AServerThatTakesOtherBytesThanWereSignedForGetsNothingThisWay) {
  bucket_.compares = false;
  BucketStore store = Store();
  testing::internal::CaptureStderr();
  EXPECT_EQ(store.BeginDirect(blob_, Long().size())->part_bytes, 0u);
  EXPECT_EQ(store.BeginDirect(blob_, Long().size())->part_bytes, 0u);
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_THAT(said, HasSubstr("s3://models/lab: the bucket takes other bytes than a URL was signed "
                              "for, so workers get none to write with"));
  EXPECT_EQ(said.find("takes other bytes"), said.rfind("takes other bytes")) << "once";
  EXPECT_THAT(bucket_.objects, IsEmpty()) << "nothing is left of the probe";
}

TEST_F(DirectTest, WhatNobodyContinuesIsEnded) {
  BucketStore store = Store();
  ASSERT_TRUE(store.BeginDirect(blob_, Long().size()).ok());
  EXPECT_EQ(store.DropAbandoned(), OkStatus()) << "its time there is years ago, and here is now";
  EXPECT_THAT(bucket_.uploads, SizeIs(1));
  const timespec old[2] = {{1, 0}, {1, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, File().c_str(), old, 0), 0);
  EXPECT_EQ(store.DropAbandoned(), OkStatus());
  EXPECT_THAT(bucket_.uploads, IsEmpty());
  EXPECT_FALSE(PathExists(File()));
  EXPECT_THAT(store.BeginDirect(blob_, Long().size())->there, IsEmpty()) << "it begins anew";
}

TEST_F(DirectTest, ABlobThatComesOnAnotherWayEndsIt) {
  BucketStore store = Store();
  ASSERT_TRUE(store.BeginDirect(blob_, Long().size()).ok());
  PutParts(store, {1, 2});
  ASSERT_EQ(Write(Long()), blob_);
  EXPECT_EQ(store.Put(blob_, Path()), OkStatus());
  EXPECT_THAT(bucket_.uploads, IsEmpty());
  EXPECT_FALSE(PathExists(File()));
  EXPECT_EQ(bucket_.objects.at(KeyOf(blob_)), Long());
}

// All but the last step is done, and the coordinator does not know.
TEST_F(DirectTest, PartsThatHaveBecomeOneAreNotSentAgain) {
  {
    BucketStore store = Store();
    ASSERT_TRUE(store.BeginDirect(blob_, Long().size()).ok());
    PutParts(store, {1, 2, 3, 4});
    refused_ = [](const httplib::Request& request) { return request.method == "HEAD"; };
    EXPECT_EQ(store.EndDirect(blob_, Long().size()).code(), StatusCode::kPermissionDenied);
  }
  refused_ = nullptr;
  EXPECT_THAT(bucket_.uploads, IsEmpty());
  BucketStore next = Store();
  EXPECT_THAT(next.BeginDirect(blob_, Long().size())->there,
              ElementsAre(PartOf(1), PartOf(2), PartOf(3), PartOf(4)));
  EXPECT_EQ(next.EndDirect(blob_, Long().size()), OkStatus());
  EXPECT_FALSE(PathExists(File()));
}

// As one of the rights that braid needed before.
TEST_F(DirectTest, AKeyThatMayNotListPartsIsFoundBeforeAnythingIsSent) {
  refused_ = [](const httplib::Request& request) {
    return request.method == "GET" && request.has_param("uploadId");
  };
  const Status refused = Store().BeginDirect(blob_, Long().size()).status();
  EXPECT_EQ(refused.code(), StatusCode::kPermissionDenied);
  EXPECT_THAT(refused.message(), HasSubstr("s3:ListMultipartUploadParts"));
  EXPECT_THAT(bucket_.uploads, IsEmpty());
  EXPECT_FALSE(PathExists(File()));
}

TEST_F(DirectTest, AnUploadThatTheBucketHasEndedBeginsAnew) {
  BucketStore store = Store();
  ASSERT_TRUE(store.BeginDirect(blob_, Long().size()).ok());
  PutParts(store, {1});
  bucket_.uploads.clear();
  EXPECT_THAT(store.BeginDirect(blob_, Long().size())->there, IsEmpty());
  PutParts(store, {1, 2, 3, 4});
  EXPECT_EQ(store.EndDirect(blob_, Long().size()), OkStatus());
}

}  // namespace
}  // namespace braid::storage
