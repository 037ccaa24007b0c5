// The worker's calls over gRPC, against a server in this process.
#include "worker/rpc/link.h"

#include <gmock/gmock.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <memory>
#include <string>

#include "braid/v1/artifacts.grpc.pb.h"

namespace braid::worker {
namespace {

// Lacks every blob that it is asked for.
class EmptyStore final : public v1::Artifacts::Service {
  grpc::Status FindMissingBlobs(grpc::ServerContext*, const v1::FindMissingBlobsRequest* request,
                                v1::FindMissingBlobsResponse* response) override {
    *response->mutable_sha256() = request->sha256();
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

 private:
  EmptyStore store_;
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

}  // namespace
}  // namespace braid::worker
