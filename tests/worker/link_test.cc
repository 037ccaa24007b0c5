// The worker's calls over gRPC, against a server in this process.
#include "worker/rpc/link.h"

#include <gmock/gmock.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <httplib.h>

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/sha256.h"
#include "braid/v1/artifacts.grpc.pb.h"
#include "braid/v1/worker.grpc.pb.h"

namespace braid::worker {
namespace {

// Lacks every blob that it is asked about, and has one that workers may read elsewhere.
class EmptyStore final : public v1::Artifacts::Service {
 public:
  std::string blob, url;
  bool always = false;             // a URL, whatever was asked for
  std::vector<std::string> asked;  // what of it was asked for

 private:
  grpc::Status DownloadBlob(grpc::ServerContext*, const v1::DownloadBlobRequest* request,
                            grpc::ServerWriter<v1::DownloadBlobResponse>* writer) override {
    asked.push_back((request->direct() ? "url from " : "bytes from ") +
                    std::to_string(request->offset()) + ", had " +
                    std::to_string(request->got_directly()));
    v1::DownloadBlobResponse response;
    if (always || (request->direct() && request->offset() < blob.size())) {
      response.set_url(url);
      response.set_size(blob.size());
    } else {
      response.set_data(blob.substr(request->offset()));
    }
    writer->Write(response);
    return grpc::Status::OK;
  }
  grpc::Status UploadBlob(grpc::ServerContext*, grpc::ServerReader<v1::UploadBlobRequest>* reader,
                          v1::QueryUploadResponse* response) override {
    v1::UploadBlobRequest piece;
    while (reader->Read(&piece)) blob += piece.data();
    response->set_complete(true);
    return grpc::Status::OK;
  }
  grpc::Status FindMissingBlobs(grpc::ServerContext*, const v1::FindMissingBlobsRequest* request,
                                v1::FindMissingBlobsResponse* response) override {
    *response->mutable_sha256() = request->sha256();
    return grpc::Status::OK;
  }
};

// Answers a step of an upload into a bucket.
class Uploads final : public v1::Workers::Service {
 public:
  std::string url;                 // of the first part; empty: it takes no files so
  std::vector<std::string> asked;  // the digests of parts, or "end"
  bool known = true;               // it is not of an earlier version

 private:
  grpc::Status UploadDirectly(grpc::ServerContext*, const v1::UploadDirectlyRequest* request,
                              v1::UploadDirectlyResponse* response) override {
    asked.push_back(request->end() ? "end" : request->rank().job() + " " + request->role());
    if (!known) return {grpc::UNIMPLEMENTED, "no such call"};
    response->set_complete(request->end());
    if (url.empty() || request->end()) return grpc::Status::OK;
    response->set_part_bytes(request->size());
    v1::SignedPut* const put = response->add_puts();
    put->set_url(url);
    (*put->mutable_headers())["x-amz-checksum-sha256"] = request->sha256();
    return grpc::Status::OK;
  }
};

// A coordinator that can go away and come back at the same address.
class Coordinator {
 public:
  Coordinator() { Start(); }

  void Start() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address(), grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&store_);
    builder.RegisterService(&uploads_);
    server_ = builder.BuildAndStart();
  }
  void Stop() {
    server_->Shutdown();
    server_->Wait();
    server_ = nullptr;
  }
  bool serves() const { return server_ != nullptr && port_ > 0; }
  // With port 0, which stands for any free one, before the first start.
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  EmptyStore& store() { return store_; }
  Uploads& uploads() { return uploads_; }

 private:
  EmptyStore store_;
  Uploads uploads_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

EndpointSource At(const std::string& address) {
  EndpointSource source;
  source.address = address;
  return source;
}

TEST(LinkTest, TheFirstCallAfterTheCoordinatorIsBackSucceeds) {
  Coordinator coordinator;
  ASSERT_TRUE(coordinator.serves());
  RpcLink link(At(coordinator.address()), "w");
  ASSERT_TRUE(link.FindMissing({"a"}).ok());

  coordinator.Stop();
  for (int call = 0; call < 3; ++call) {
    const auto refused = link.FindMissing({"a"});
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.status().code(), StatusCode::kUnavailable) << refused.status().message();
  }

  coordinator.Start();
  ASSERT_TRUE(coordinator.serves());
  const auto found = link.FindMissing({"a"});
  ASSERT_TRUE(found.ok()) << found.status().message();
  EXPECT_THAT(*found, ::testing::ElementsAre("a"));
}

TEST(LinkTest, AFileGoesByTheUrlOrToTheCoordinator) {
  Coordinator coordinator;
  ASSERT_TRUE(coordinator.serves());
  std::string put;
  httplib::Server bucket;
  bucket.Put("/blob", [&](const httplib::Request& request, httplib::Response&) {
    put = request.get_header_value("x-amz-checksum-sha256") + " " + request.body;
  });
  bucket.set_keep_alive_max_count(1);  // its end waits for connections that are kept
  const int port = bucket.bind_to_any_port("127.0.0.1");
  std::thread thread([&] { bucket.listen_after_bind(); });
  while (!bucket.is_running()) std::this_thread::yield();
  const TemporaryFolder folder = TemporaryFolder::Create().value();
  const std::string path = JoinPath(folder.path(), "blob"), content(1 << 20, 'x');
  ASSERT_EQ(WriteFileAtomic(path, content), OkStatus());
  const Sending sending{Sha256Hex(content), content.size(), 0, path, {{"r", "j", 1, 0}, "model"}};
  RpcLink link(At(coordinator.address()), "w");
  Uploads& uploads = coordinator.uploads();
  uploads.url = "http://127.0.0.1:" + std::to_string(port) + "/blob";
  EXPECT_EQ(link.Upload(sending), OkStatus());
  EXPECT_EQ(put, sending.sha256 + " " + content);
  EXPECT_THAT(uploads.asked, ::testing::ElementsAre("j model", "end"));
  EXPECT_EQ(coordinator.store().blob, "");
  uploads.url.clear();
  EXPECT_EQ(link.Upload(sending), OkStatus());
  EXPECT_EQ(coordinator.store().blob, content);
  uploads.known = false;
  uploads.asked.clear();
  EXPECT_EQ(link.Upload(sending), OkStatus());
  EXPECT_EQ(link.Upload(sending), OkStatus());
  EXPECT_THAT(uploads.asked, ::testing::SizeIs(1)) << "an earlier version is asked once";
  bucket.stop();
  thread.join();
}

TEST(LinkTest, ABlobComesByTheUrlAndTheCoordinatorIsToldHowMuch) {
  Coordinator coordinator;
  ASSERT_TRUE(coordinator.serves());
  httplib::Server bucket;
  EmptyStore& store = coordinator.store();
  for (int i = 0; i < 200'000; ++i) store.blob += static_cast<char>(i % 251);
  int cuts = 1;
  bucket.Get("/blob", [&](const httplib::Request&, httplib::Response& response) {
    response.set_content_provider(store.blob.size(), "application/octet-stream",
                                  [&](size_t offset, size_t length, httplib::DataSink& sink) {
                                    if (offset >= 100'000 && cuts-- > 0) return false;
                                    return sink.write(store.blob.data() + offset,
                                                      std::min(length, size_t{50'000}));
                                  });
  });
  bucket.set_keep_alive_max_count(1);  // its end waits for connections that are kept
  const int port = bucket.bind_to_any_port("127.0.0.1");
  std::thread thread([&] { bucket.listen_after_bind(); });
  while (!bucket.is_running()) std::this_thread::yield();
  store.url = "http://127.0.0.1:" + std::to_string(port) + "/blob";
  RpcLink link(At(coordinator.address()), "w");
  std::string got;
  const auto use = [&](std::string_view piece) {
    got += piece;
    return OkStatus();
  };
  EXPECT_EQ(link.Download("abc", "artifact", 5, use), OkStatus());
  EXPECT_EQ(got, store.blob.substr(5));
  EXPECT_THAT(store.asked,
              ::testing::ElementsAre("url from 5, had 0", "url from 100005, had 100000",
                                     "url from 200000, had 99995"));
  bucket.stop();
  thread.join();
}

TEST(LinkTest, ABlobThatIsWrongInTheBucketComesFromTheCoordinatorNextTime) {
  Coordinator coordinator;
  ASSERT_TRUE(coordinator.serves());
  httplib::Server bucket;
  coordinator.store().blob = "words";
  bucket.Get("/blob", [](const httplib::Request&, httplib::Response& response) {
    response.set_content("swords", "application/octet-stream");
  });
  bucket.set_keep_alive_max_count(1);  // its end waits for connections that are kept
  const int port = bucket.bind_to_any_port("127.0.0.1");
  std::thread thread([&] { bucket.listen_after_bind(); });
  while (!bucket.is_running()) std::this_thread::yield();
  coordinator.store().url = "http://127.0.0.1:" + std::to_string(port) + "/blob";
  RpcLink link(At(coordinator.address()), "w");
  const auto use = [](std::string_view piece) {
    return piece == "words"
               ? OkStatus()
               : Status(StatusCode::kInvalidArgument, ErrorReason::kDigestMismatch, "other bytes");
  };
  // If others gave the first bytes, they may be the wrong ones: the bucket is not to blame yet.
  EXPECT_TRUE(link.Download("abc", "artifact", 1, use).Is(ErrorReason::kDigestMismatch));
  EXPECT_EQ(link.Download("abc", "artifact", 0, use), OkStatus()) << "it is passed over";
  EXPECT_EQ(coordinator.store().asked.back(), "bytes from 0, had 0");
  EXPECT_EQ(link.Download("abd", "artifact", 0, use), Unavailable("other bytes"));
  EXPECT_EQ(link.Download("abd", "artifact", 0, use), OkStatus());
  EXPECT_EQ(coordinator.store().asked.back(), "bytes from 0, had 0");
  bucket.stop();
  thread.join();
}

TEST(LinkTest, AUrlThatWasNotAskedForEndsTheCall) {
  Coordinator coordinator;
  ASSERT_TRUE(coordinator.serves());
  coordinator.store().always = true;
  coordinator.store().blob = "words";
  coordinator.store().url = "http://127.0.0.1:1/blob";
  RpcLink link(At(coordinator.address()), "w");
  const Status status = link.Download("abc", "artifact", 0, nullptr);
  EXPECT_EQ(status.message(), "the coordinator answers with a URL that was not asked for");
}

TEST(LinkTest, TheCoordinatorSendsWhatNobodyElseDoes) {
  Coordinator coordinator;
  ASSERT_TRUE(coordinator.serves());
  coordinator.store().blob = "words";
  coordinator.store().url = "http://127.0.0.1:1/blob";
  RpcLink link(At(coordinator.address()), "w");
  std::string got;
  const auto use = [&](std::string_view piece) {
    got += piece;
    return OkStatus();
  };
  EXPECT_EQ(link.Download("abc", "artifact", 0, use), OkStatus());
  EXPECT_EQ(link.Download("abc", "artifact", 0, use), OkStatus());
  EXPECT_EQ(got, "wordswords");
  EXPECT_THAT(
      coordinator.store().asked,
      ::testing::ElementsAre("url from 0, had 0", "bytes from 0, had 0", "bytes from 0, had 0"));
}

}  // namespace
}  // namespace braid::worker
