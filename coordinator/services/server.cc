#include "coordinator/services/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/security/server_credentials.h>

#include <chrono>

#include "base/endpoint.h"
#include "base/log.h"
#include "base/text.h"
#include "coordinator/access/access.h"
#include "coordinator/access/credentials.h"
#include "coordinator/api/audit.h"
#include "coordinator/api/garbage.h"
#include "coordinator/core/attempts.h"
#include "coordinator/services/call_observer.h"
#include "coordinator/services/in_process_calls.h"
#include "coordinator/services/services.h"
#include "coordinator/services/unary.h"
#include "rpc/channel.h"
#include "rpc/server_credentials.h"
#include "rpc/status.h"

namespace braid::coordinator {
namespace {

// What is dropped is small, so once a minute suffices.
constexpr int64_t kTidyEveryMs = 60'000;
constexpr int kMaxCallsOfAConnection = 1024;  // more wait with the client

// Periodically drops abandoned uploads and rendezvous keys, and stores when credentials were last
// used. Ends when the alarms stop.
void TidyAgain(Backend* backend) {
  backend->alarms.After(kTidyEveryMs, [backend] {
    backend->files.Do([backend] {
      backend->blobs->DropAbandonedUploads();
      for (const catalog::AttemptKey& generation : backend->rendezvous->Generations()) {
        bool live = true;
        (void)backend->core->Query([&](const State& state) {
          live = LiveAttemptOf(generation, state).ok();
        });  // not known while stopping
        if (!live) backend->rendezvous->Forget(generation);
      }
      if (const auto uses = backend->access->TakeUses(); !uses.empty()) {
        backend->core->Post({[uses, access = backend->access.get()](Transaction& tx) {
                               NoteUses(uses, access, tx);
                               return OkStatus();
                             },
                             nullptr, nullptr});
      }
      TidyAgain(backend);
    });
  });
}

void CollectAndSay(Backend* backend) {
  const Status status = Guarded([&]() -> Status {
    BRAID_ASSIGN_OR_RETURN(const Garbage garbage, CollectGarbage(backend, /*dry_run=*/false));
    Amount deleted;
    for (const auto& [what, amount] : garbage.deleted) {
      deleted.count += amount.count;
      deleted.bytes += amount.bytes;
    }
    if (deleted.count > 0)
      Log(LogLevel::kInfo, "coordinator",
          "deleted " + std::to_string(deleted.count) + " blobs that nothing needs, " +
              FormatBytes(deleted.bytes));
    return OkStatus();
  });
  if (!status.ok() && !backend->stopping)
    Log(LogLevel::kError, "coordinator", "collecting garbage: " + status.message());
}

// Ends by itself when the alarms stop.
void CollectAgain(Backend* backend) {
  if (backend->garbage_interval_ms <= 0) return;
  backend->alarms.After(backend->garbage_interval_ms, [backend] {
    backend->hashing.Do([backend] {
      CollectAndSay(backend);
      CollectAgain(backend);
    });
  });
}

// Who is known and may not has a row in the audit; from where it came is not known here.
void NoteRefusal(Backend* backend, const rpc::Caller& caller, const Status& status) {
  if (status.code() != StatusCode::kPermissionDenied || status.Is(ErrorReason::kUnauthenticated))
    return;
  const Result<Identity> who = backend->access->Identify(caller);
  if (!who.ok()) return;
  const std::string call(caller.method.substr(caller.method.rfind('/') + 1));
  WriteOutcome(backend, {*who, "", call, "", false}, status);
}

class GrpcServer final : public Server {
 public:
  GrpcServer(Backend* backend, std::vector<std::unique_ptr<grpc::Service>> services)
      : backend_(backend), services_(std::move(services)) {}
  ~GrpcServer() override { Stop(); }

  Status Listen(const std::string& address) {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::ServerBuilder builder;
    const auto check = [this](const rpc::Caller& caller) { return Check(caller); };
    builder.AddListeningPort(address, rpc::MakeServerCredentials(check, backend_->tls),
                             &backend_->port);
    for (const auto& service : services_) builder.RegisterService(service.get());
    std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> observers;
    observers.push_back(MakeCallObserver(backend_));
    builder.experimental().SetInterceptorCreators(std::move(observers));
    builder.SetMaxReceiveMessageSize(rpc::kMaxMessageBytes);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxCallsOfAConnection);
    // Both sides ping; one-sided settings end in too_many_pings.
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5'000);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
    // A second coordinator on the same port must fail, not share it.
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    // It tells the port before it starts: the first call may ask for it.
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || backend_->port == 0) {
      return Unavailable("cannot listen on " + address +
                         ": is another program using that port? (port 0 takes a free one) Is it an "
                         "address of this machine?");
    }
    address_ = address.substr(0, address.rfind(':')) + ":" + std::to_string(backend_->port);
    server_->GetHealthCheckService()->SetServingStatus(true);
    server_->GetHealthCheckService()->SetServingStatus("coordinator", false);  // SetReady says when
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(rpc::kMaxMessageBytes);
    json_calls_ = MakeInProcessCalls(server_->InProcessChannel(arguments), check);
    backend_->alarms.Start();
    TidyAgain(backend_);
    CollectAgain(backend_);
    return OkStatus();
  }

  void SetReady(bool ready) override {
    if (server_ != nullptr)
      server_->GetHealthCheckService()->SetServingStatus("coordinator", ready);
  }

  std::string address() const override { return address_; }
  Status Check(const rpc::Caller& caller) override {
    Status status = backend_->access->Check(caller);
    NoteRefusal(backend_, caller, status);
    return status;
  }
  JsonCalls* json_calls() override { return json_calls_.get(); }

  void Stop() override {
    if (server_ == nullptr) return;
    server_->GetHealthCheckService()->SetServingStatus(false);
    // Whoever waits has an answer at once; what works goes on until the deadline.
    backend_->stopping = true;
    backend_->stop.Notify(Backend::kStopping);
    backend_->rendezvous->Close();
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::milliseconds(1500));
    server_->Wait();
    server_.reset();
    backend_->alarms.Stop();
  }

 private:
  Backend* const backend_;
  const std::vector<std::unique_ptr<grpc::Service>> services_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<JsonCalls> json_calls_;
  std::string address_;
};

}  // namespace

Status CheckLoopback(const std::string& address, const std::string& what) {
  if (address.rfind(':') == std::string::npos) {
    return InvalidArgument("address " + address + " has no port: 127.0.0.1:0 takes a free one");
  }
  if (IsLoopbackHost(HostOf(address))) return OkStatus();
  return PermissionDenied("address " + address + " is not a loopback address: " + what +
                          " is served without TLS, on 127.0.0.1 only; reach it from elsewhere "
                          "through an SSH tunnel");
}

Result<std::unique_ptr<Server>> Server::Start(const std::string& address, Backend* backend) {
  if (!backend->tls.has_value()) BRAID_RETURN_IF_ERROR(CheckLoopback(address, "gRPC"));
  if (backend->token.empty())
    return FailedPrecondition("a server without a token would be open to all");
  backend->access = std::make_unique<Access>(backend->token, backend->token_file, &SystemClock(),
                                             backend->rate_limits);
  BRAID_RETURN_IF_ERROR(backend->core->Query(
      [&](const State& state) { backend->access->Load(state.image().credentials); }));
  std::vector<std::unique_ptr<grpc::Service>> services;
  services.push_back(MakeRunsService(backend));
  services.push_back(MakeJobsService(backend));
  services.push_back(MakeArtifactsService(backend));
  services.push_back(MakeMergesService(backend));
  services.push_back(MakeWorkersService(backend));
  services.push_back(MakeAdminService(backend));
  services.push_back(MakeAccessService(backend));
  services.push_back(MakeKeepingService(backend));
  services.push_back(MakePoolsService(backend));
  services.push_back(MakeAlertsService(backend));
  auto server = std::make_unique<GrpcServer>(backend, std::move(services));
  BRAID_RETURN_IF_ERROR(server->Listen(address));
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace braid::coordinator
