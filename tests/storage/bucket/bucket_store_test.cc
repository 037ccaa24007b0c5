#include "storage/bucket/bucket_store.h"

#include <gmock/gmock.h>

#include <atomic>

#include "base/file.h"
#include "base/sha256.h"
#include "tests/storage/bucket/memory_bucket.h"

namespace braid::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

using BucketStoreTest = BucketTest;

TEST_F(BucketStoreTest, PutsReadsListsAndRemoves) {
  BucketStore store = Store();
  const std::string small = Write("words");
  ASSERT_EQ(store.Put(small, Path()), OkStatus());
  const std::string empty = Write("");
  ASSERT_EQ(store.Put(empty, Path()), OkStatus());
  const std::string large = Write(Long());
  ASSERT_EQ(store.Put(large, Path()), OkStatus());
  EXPECT_EQ(bucket_.objects.at(KeyOf(large)), Long());
  EXPECT_THAT(bucket_.uploads, IsEmpty());
  EXPECT_THAT(ListFolder(folder_.path()).value(), ElementsAre("file")) << "no state is left";
  EXPECT_EQ(store.Read(large, 990, 1500).value(), Long().substr(990, 1500));
  EXPECT_EQ(store.Read(small, 0, 5).value(), "words");
  EXPECT_THAT(store.Read(small, 3, 5).status().message(), HasSubstr("ends at byte 5 there"));
  bucket_.objects["lab/coordinator"] = "x";
  bucket_.objects["lab/ab/other"] = "x";
  bucket_.objects["elsewhere/" + KeyOf(small)] = "x";
  bucket_.page = 2;
  const std::vector<RemoteBlob> all = store.List().value();
  ASSERT_THAT(all, SizeIs(3));
  EXPECT_EQ(all[0].written_ms, 1'772'366'400'000);
  EXPECT_EQ(store.Remove(small), OkStatus());
  EXPECT_EQ(store.Remove(small), OkStatus());
  EXPECT_TRUE(store.Read(small, 0, 5).status().Is(ErrorReason::kBlobMissing));
  EXPECT_EQ(store.Check(), OkStatus());
}

TEST_F(BucketStoreTest, AUrlReadsABlobWithoutTheKey) {
  BucketStore store = Store();
  const std::string blob = Write("words");
  ASSERT_EQ(store.Put(blob, Path()), OkStatus());
  bucket_.requests.clear();
  const std::string url = store.UrlOf(blob).value();
  EXPECT_THAT(bucket_.requests, IsEmpty());
  EXPECT_THAT(url, StartsWith(bucket_.Place().endpoint + "/models/" + KeyOf(blob) + "?X-Amz-"));
  EXPECT_THAT(url, HasSubstr("&X-Amz-Expires=900&"));
  HttpClient client({});
  HttpRequest request;
  request.method = "GET";
  request.url = url;
  request.headers["range"] = "bytes=1-4";
  EXPECT_EQ(client.Send(request)->body, "ords");
}

TEST_F(BucketStoreTest, NoUrlIsGivenOutOfABucketThatMayBeAnother) {
  BucketStore store = Store();
  const std::string blob = Write("words");
  bucket_.objects["lab/coordinator"] = "me";
  store.Expect("me");
  EXPECT_EQ(store.UrlOf(blob).value(), "");
  ASSERT_EQ(store.Check(), OkStatus());
  EXPECT_NE(store.UrlOf(blob).value(), "");
  bucket_.objects["lab/coordinator"] = "another";
  EXPECT_NE(store.Check(), OkStatus());
  EXPECT_EQ(store.UrlOf(blob).value(), "") << "it is another's now";
  BucketPlace place = bucket_.Place();
  place.direct = false;
  EXPECT_EQ(BucketStore(place, folder_.path(), Options()).UrlOf(blob).value(), "");
}

TEST_F(BucketStoreTest, TriesAgainWhatMaySucceedAndNothingElse) {
  BucketStore store = Store();
  const std::string blob = Write("words");
  int refusals = 2;
  bucket_.refuse = [&](const httplib::Request&, httplib::Response* response) {
    if (refusals-- <= 0) return false;
    MemoryBucket::Fail(response, 503, "SlowDown");
    return true;
  };
  EXPECT_EQ(store.Put(blob, Path()), OkStatus());
  EXPECT_THAT(bucket_.requests, SizeIs(3));
  refusals = 100;
  EXPECT_THAT(store.Put(blob, Path()).message(),
              HasSubstr("the bucket is busy (HTTP 503 SlowDown)"));
  EXPECT_THAT(bucket_.requests, SizeIs(6));
  bucket_.refuse = [](const httplib::Request&, httplib::Response* response) {
    MemoryBucket::Fail(response, 403, "AccessDenied");
    return true;
  };
  EXPECT_THAT(store.Put(blob, Path()).message(), HasSubstr("access key AKEXAMPLE needs"));
  EXPECT_THAT(bucket_.requests, SizeIs(7));
  bucket_.refuse = nullptr;
  key_ = "AKANOTHER";  // looked for after a refusal
  EXPECT_EQ(store.Put(blob, Path()), OkStatus());
}

TEST_F(BucketStoreTest, NobodyThereIsAnErrorThatNamesTheAddress) {
  BucketPlace place = bucket_.Place();
  place.endpoint = "http://127.0.0.1:1";
  BucketStore store(place, folder_.path(), Options());
  const Status status = store.Check();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_THAT(status.message(), HasSubstr("s3://models/lab: listing its objects: "
                                          "http://127.0.0.1:1 is not reached: "));
}

TEST_F(BucketStoreTest, PartsGoOnWhereAnEarlierProcessStopped) {
  const std::string blob = Write(Long());
  bucket_.refuse = [&](const httplib::Request& request, httplib::Response* response) {
    if (request.get_param_value("partNumber") != "3") return false;
    MemoryBucket::Fail(response, 500, "InternalError");
    return true;
  };
  EXPECT_EQ(Store().Put(blob, Path()).code(), StatusCode::kUnavailable);
  EXPECT_THAT(bucket_.objects, IsEmpty()) << "nothing half-written is there";
  bucket_.refuse = nullptr;
  bucket_.requests.clear();
  EXPECT_EQ(Store().Put(blob, Path()), OkStatus());
  EXPECT_THAT(bucket_.requests, SizeIs(3)) << "two parts and the end";
  EXPECT_EQ(bucket_.objects.at(KeyOf(blob)), Long());
}

TEST_F(BucketStoreTest, PartsThatTheBucketHasDroppedBeginAnew) {
  const std::string blob = Write(Long());
  bucket_.refuse = [&](const httplib::Request& request, httplib::Response* response) {
    if (request.get_param_value("partNumber") != "2") return false;
    MemoryBucket::Fail(response, 500, "InternalError");
    return true;
  };
  EXPECT_FALSE(Store().Put(blob, Path()).ok());
  bucket_.refuse = nullptr;
  bucket_.uploads.clear();
  EXPECT_EQ(Store().Put(blob, Path()), OkStatus());
  EXPECT_EQ(bucket_.objects.at(KeyOf(blob)), Long());
}

TEST_F(BucketStoreTest, ALostAnswerToTheEndIsFoundOut) {
  const std::string blob = Write(Long());
  bool lost = false;
  bucket_.refuse = [&](const httplib::Request& request, httplib::Response* response) {
    if (request.method != "POST" || !request.has_param("uploadId") || lost) return false;
    lost = true;
    bucket_.objects[KeyOf(blob)] = Long();
    bucket_.uploads.clear();
    MemoryBucket::Fail(response, 500, "InternalError");
    return true;
  };
  EXPECT_EQ(Store().Put(blob, Path()), OkStatus());
  EXPECT_TRUE(lost);
}

TEST_F(BucketStoreTest, AFileThatHasChangedIsNotPut) {
  const std::string small = Write("words"), large = Sha256Hex(Long());
  ASSERT_EQ(WriteFileAtomic(Path(), "wards"), OkStatus());
  EXPECT_THAT(Store().Put(small, Path()).message(), HasSubstr("has changed on disk (" + Path()));
  std::string other = Long();
  other[1700] = 'x';
  Write(other);
  const Status status = Store().Put(large, Path());
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr("has changed on disk"));
  EXPECT_THAT(bucket_.objects, IsEmpty());
  EXPECT_THAT(bucket_.uploads, IsEmpty());
}

TEST_F(BucketStoreTest, UploadsThatNobodyContinuesAreEnded) {
  const std::string blob = Sha256Hex("a");
  bucket_.uploads["old"].key = KeyOf(blob);
  bucket_.uploads["others"].key = "lab/file-of-somebody-else";
  EXPECT_EQ(Store().DropAbandoned(), OkStatus());
  EXPECT_THAT(bucket_.uploads, SizeIs(1));
  EXPECT_TRUE(bucket_.uploads.contains("others"));
  bucket_.initiated = "2999-01-01T00:00:00.000Z";
  bucket_.uploads["young"].key = KeyOf(blob);
  EXPECT_EQ(Store().DropAbandoned(), OkStatus());
  EXPECT_TRUE(bucket_.uploads.contains("young"));
}

// As after a verification that found it, with an upload that cannot be completed.
TEST_F(BucketStoreTest, AnotherObjectOfTheSameSizeIsNotTakenForTheBlob) {
  const std::string blob = Write(Long());
  std::string other = Long();
  other[5] = 'x';
  bucket_.objects[KeyOf(blob)] = other;
  bucket_.refuse = [](const httplib::Request& request, httplib::Response* response) {
    if (request.method != "POST" || !request.has_param("uploadId")) return false;
    MemoryBucket::Fail(response, 403, "AccessDenied");
    return true;
  };
  EXPECT_EQ(Store().Put(blob, Path()).code(), StatusCode::kPermissionDenied);
}

TEST_F(BucketStoreTest, BelongsToOneStore) {
  EXPECT_EQ(Store().Claim("first"), OkStatus());
  EXPECT_EQ(Store().Claim("first"), OkStatus());
  const Status other = Store().Claim("second");
  EXPECT_EQ(other.code(), StatusCode::kAlreadyExists);
  EXPECT_THAT(other.message(), HasSubstr("s3://models/lab belongs to another coordinator or state "
                                         "folder (first): give each a prefix of its own"));
  EXPECT_THAT(bucket_.objects, SizeIs(1)) << "nothing is left of the probe";
}

TEST_F(BucketStoreTest, AServerThatComparesNoDigestsIsNotUsed) {
  bucket_.compares = false;
  EXPECT_THAT(Store().Claim("first").message(), HasSubstr("takes bytes with a wrong digest"));
  EXPECT_THAT(bucket_.objects, IsEmpty());
}

// What answers may be another server with a bucket of that name, or none that speaks S3 at all.
TEST_F(BucketStoreTest, NothingIsBelievedOfAnotherServer) {
  BucketStore store = Store();
  const std::string blob = Write("words");
  ASSERT_EQ(store.Claim("ours"), OkStatus());
  store.Expect("ours");
  ASSERT_EQ(store.Put(blob, Path()), OkStatus());
  bucket_.objects.erase(KeyOf(blob));
  EXPECT_TRUE(store.Read(blob, 0, 5).status().Is(ErrorReason::kBlobMissing));
  bucket_.objects.clear();
  const Status emptied = store.Read(blob, 0, 5).status();
  EXPECT_FALSE(emptied.Is(ErrorReason::kBlobMissing));
  EXPECT_THAT(emptied.message(), HasSubstr("has no object lab/coordinator: is it another server"));
  EXPECT_EQ(store.List().status(), emptied);
  EXPECT_EQ(store.Check(), emptied);
  BucketStore next = Store();  // another process
  next.Expect("ours");
  EXPECT_EQ(next.Put(blob, Path()), emptied);
  EXPECT_EQ(next.Remove(blob), emptied);
  EXPECT_THAT(bucket_.objects, IsEmpty());
  bucket_.objects["lab/coordinator"] = "theirs";
  EXPECT_THAT(next.Put(blob, Path()).message(), HasSubstr("belongs to another coordinator now"));
  bucket_.refuse = [](const httplib::Request&, httplib::Response* response) {
    response->status = 404;
    return true;
  };
  const Status no_bucket = store.Read(blob, 0, 5).status();
  EXPECT_FALSE(no_bucket.Is(ErrorReason::kBlobMissing));
  EXPECT_THAT(no_bucket.message(), HasSubstr("speaks no S3: mend the endpoint"));
}

TEST_F(BucketStoreTest, AStopEndsWhatWaits) {
  std::atomic<bool> stop{false};
  BucketOptions options = Options();
  options.stop = &stop;
  options.first_pause_ms = 3'600'000;
  BucketStore store(bucket_.Place(), folder_.path(), options);
  bucket_.refuse = [&](const httplib::Request&, httplib::Response* response) {
    stop = true;
    MemoryBucket::Fail(response, 503, "SlowDown");
    return true;
  };
  EXPECT_EQ(store.Put(Write("words"), Path()).code(), StatusCode::kCancelled);
}

}  // namespace
}  // namespace braid::storage
