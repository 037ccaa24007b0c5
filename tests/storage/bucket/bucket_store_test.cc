#include "storage/bucket/bucket_store.h"

#include <gmock/gmock.h>
#include <httplib.h>

#include <atomic>
#include <functional>
#include <map>
#include <thread>

#include "base/file.h"
#include "base/mutex.h"
#include "base/sha256.h"
#include "base/text.h"
#include "storage/bucket/answers.h"

namespace braid::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

// A bucket in memory that speaks as much of S3 as is asked here and checks digests as S3 does; it
// does not check signatures, which tests/system/bucket_test.py has a real server for.
class MemoryBucket {
 public:
  using Refuse = std::function<bool(const httplib::Request&, httplib::Response*)>;
  MemoryBucket() {
    const auto handle = [this](const httplib::Request& request, httplib::Response& response) {
      MutexLock lock(mutex_);
      requests.push_back(request.method + " " + request.path);
      if (!refuse || !refuse(request, &response)) Handle(request, &response);
      // httplib would cut the error, too.
      if (response.status >= 400) const_cast<httplib::Request&>(request).ranges.clear();
    };
    server_.Get("/models.*", handle);  // and HEAD
    server_.Put("/models.*", handle);
    server_.Post("/models.*", handle);
    server_.Delete("/models.*", handle);
    server_.set_keep_alive_max_count(1000);
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();  // a stop before that is not heard
  }
  ~MemoryBucket() {
    server_.stop();
    thread_.join();
  }
  BucketPlace Place() const {
    BucketPlace place;
    place.bucket = "models";
    place.prefix = "lab";
    place.endpoint = "http://127.0.0.1:" + std::to_string(port_);
    return place;
  }
  static void Fail(httplib::Response* response, int status, const std::string& code) {
    response->status = status;
    response->set_content("<Error><Code>" + code + "</Code></Error>", "application/xml");
  }

  Mutex mutex_;
  std::map<std::string, std::string> objects;
  struct Upload {
    std::string key;
    std::map<int, std::string> parts;
  };
  std::map<std::string, Upload> uploads;
  std::string initiated = "2020-01-01T00:00:00.000Z";
  size_t page = 1000;
  bool compares = true;  // what arrives, with its digest
  Refuse refuse;
  std::vector<std::string> requests;

 private:
  static bool RightDigest(const httplib::Request& request) {
    const std::string digest = Sha256Hex(request.body);
    return request.get_header_value("x-amz-content-sha256") == digest &&
           (!request.has_header("x-amz-checksum-sha256") ||
            request.get_header_value("x-amz-checksum-sha256") == ChecksumText(digest));
  }
  void Handle(const httplib::Request& request, httplib::Response* response) {
    const std::string key = request.path.substr(std::min(request.path.size(), size_t{8}));
    if (request.method == "PUT" && compares && !RightDigest(request))
      return Fail(response, 400, "BadDigest");
    if (request.has_param("uploadId")) return HandlePart(key, request, response);
    if (request.has_param("uploads")) return HandleUploads(key, request, response);
    if (key.empty()) return List(request, response);
    if (request.method == "PUT") {
      objects[key] = request.body;
    } else if (request.method == "DELETE") {
      objects.erase(key);
      response->status = 204;
    } else if (objects.contains(key)) {
      response->set_content(objects[key], "application/octet-stream");  // httplib cuts ranges
    } else {
      Fail(response, 404, "NoSuchKey");
    }
  }
  void HandleUploads(const std::string& key, const httplib::Request& request,
                     httplib::Response* response) {
    if (request.method == "POST") {
      const std::string id = "upload" + std::to_string(++began_);
      uploads[id].key = key;
      return response->set_content("<R><UploadId>" + id + "</UploadId></R>", "application/xml");
    }
    std::string xml = "<R><IsTruncated>false</IsTruncated>";
    for (const auto& [id, upload] : uploads)
      xml += "<Upload><Key>" + upload.key + "</Key><UploadId>" + id + "</UploadId><Initiated>" +
             initiated + "</Initiated></Upload>";
    response->set_content(xml + "</R>", "application/xml");
  }
  void HandlePart(const std::string& key, const httplib::Request& request,
                  httplib::Response* response) {
    const std::string id = request.get_param_value("uploadId");
    if (!uploads.contains(id)) return Fail(response, 404, "NoSuchUpload");
    Upload& upload = uploads[id];
    if (request.method == "PUT") {
      upload.parts[std::stoi(request.get_param_value("partNumber"))] = request.body;
      return response->set_header("ETag", "\"" + Sha256Hex(request.body).substr(0, 32) + "\"");
    }
    if (request.method == "POST") {
      std::string whole, etags;
      for (const auto& [number, part] : upload.parts) {
        whole += part;
        etags += "\"" + Sha256Hex(part).substr(0, 32) + "\"";
      }
      std::string named;
      for (const auto etag : Elements(request.body, "ETag")) named += etag;
      if (named != etags) return Fail(response, 400, "InvalidPart");
      objects[key] = whole;
      response->set_content("<R><ETag>all</ETag></R>", "application/xml");
    }
    uploads.erase(id);
  }
  void List(const httplib::Request& request, httplib::Response* response) {
    const std::string after = request.get_param_value("continuation-token");
    std::string xml = "<R>", last;
    size_t listed = 0;
    bool more = false;
    for (const auto& [key, content] : objects) {
      if (key <= after || !key.starts_with(request.get_param_value("prefix"))) continue;
      more = listed == page;
      if (more) break;
      ++listed;
      last = key;
      xml += "<Contents><Key>" + key +
             "</Key><LastModified>2026-03-01T12:00:00.000Z"
             "</LastModified><Size>" +
             std::to_string(content.size()) + "</Size></Contents>";
    }
    if (more) xml += "<NextContinuationToken>" + last + "</NextContinuationToken>";
    xml += std::string("<IsTruncated>") + (more ? "true" : "false") + "</IsTruncated></R>";
    response->set_content(xml, "application/xml");
  }

  httplib::Server server_;
  int port_ = 0;
  int began_ = 0;
  std::thread thread_;
};

class BucketStoreTest : public ::testing::Test {
 protected:
  BucketOptions Options() {
    BucketOptions options;
    options.variables = [this](const std::string& name) {
      return name == "AWS_ACCESS_KEY_ID" ? key_ : name == "AWS_SECRET_ACCESS_KEY" ? "secret" : "";
    };
    options.part_bytes = 1000;
    options.tries = 3;
    options.first_pause_ms = 1;
    return options;
  }
  BucketStore Store() { return BucketStore(bucket_.Place(), folder_.path(), Options()); }
  // A file and its digest.
  std::string Write(const std::string& content) {
    EXPECT_EQ(WriteFileAtomic(Path(), content), OkStatus());
    return Sha256Hex(content);
  }
  std::string Path() const { return JoinPath(folder_.path(), "file"); }
  static std::string KeyOf(const std::string& sha256) {
    return "lab/" + sha256.substr(0, 2) + "/" + sha256;
  }
  static std::string Long() {
    std::string content;
    for (int i = 0; content.size() < 3500; ++i) content += std::to_string(i);
    return content;
  }

  std::string key_ = "AKEXAMPLE";
  TemporaryFolder folder_ = TemporaryFolder::Create().value();
  MemoryBucket bucket_;
};

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
