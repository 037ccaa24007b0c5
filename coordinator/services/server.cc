#include "coordinator/services/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include <chrono>

#include "coordinator/services/services.h"

namespace braid::coordinator {
namespace {

class GrpcServer final : public Server {
 public:
  GrpcServer(Backend* backend, std::vector<std::unique_ptr<grpc::Service>> services)
      : backend_(backend), services_(std::move(services)) {}
  ~GrpcServer() override { Stop(); }

  Status Listen(const std::string& address) {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port);
    for (const auto& service : services_) builder.RegisterService(service.get());
    builder.SetMaxReceiveMessageSize(64 << 20);  // the manifest of an artifact of 100,000 files, a large recipe
    // Both sides ping; one-sided settings end in too_many_pings.
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5'000);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
    // A second coordinator on the same port must fail, not share it.
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || port == 0) {
      return Unavailable("cannot listen on " + address + ": is another program using that port? (port 0 takes a free one)");
    }
    address_ = address.substr(0, address.rfind(':')) + ":" + std::to_string(port);
    server_->GetHealthCheckService()->SetServingStatus(true);
    server_->GetHealthCheckService()->SetServingStatus("coordinator", false);  // SetReady says when
    return OkStatus();
  }

  void SetReady(bool ready) override {
    if (server_ != nullptr) server_->GetHealthCheckService()->SetServingStatus("coordinator", ready);
  }

  std::string address() const override { return address_; }

  void Stop() override {
    if (server_ == nullptr) return;
    backend_->stopping = true;
    server_->GetHealthCheckService()->SetServingStatus(false);
    backend_->rendezvous->Close();
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::milliseconds(1500));
    server_->Wait();
    server_.reset();
  }

 private:
  Backend* const backend_;
  const std::vector<std::unique_ptr<grpc::Service>> services_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

}  // namespace

Status CheckLoopback(const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos) return InvalidArgument("address " + address + " has no port: 127.0.0.1:0 takes a free one");
  const std::string host = address.substr(0, colon);
  if (host == "localhost" || host == "[::1]" || host.starts_with("127.")) return OkStatus();
  return PermissionDenied("address " + address + " is not a loopback address: without TLS braid listens on 127.0.0.1 only; "
                          "reach it from elsewhere through an SSH tunnel");
}

Result<std::unique_ptr<Server>> Server::Start(const std::string& address, Backend* backend) {
  BRAID_RETURN_IF_ERROR(CheckLoopback(address));
  std::vector<std::unique_ptr<grpc::Service>> services;
  services.push_back(MakeRunsService(backend));
  services.push_back(MakeJobsService(backend));
  services.push_back(MakeArtifactsService(backend));
  services.push_back(MakeMergesService(backend));
  services.push_back(MakeWorkersService(backend));
  services.push_back(MakeAdminService(backend));
  auto server = std::make_unique<GrpcServer>(backend, std::move(services));
  BRAID_RETURN_IF_ERROR(server->Listen(address));
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace braid::coordinator
