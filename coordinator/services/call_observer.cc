#include "coordinator/services/call_observer.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "braid/v1/artifacts.pb.h"
#include "coordinator/services/call_spans.h"
#include "rpc/status.h"

namespace braid::coordinator {
namespace {

using grpc::experimental::InterceptionHookPoints;
using grpc::experimental::Interceptor;
using grpc::experimental::InterceptorBatchMethods;
using grpc::experimental::ServerInterceptorFactoryInterface;
using grpc::experimental::ServerRpcInfo;
using std::chrono::steady_clock;

constexpr std::string_view kOurs = "/braid.v1.";

std::optional<TransferDirection> DirectionOf(std::string_view method) {
  if (method == "Artifacts/UploadBlob") return TransferDirection::kUpload;
  if (method == "Artifacts/DownloadBlob") return TransferDirection::kDownload;
  return std::nullopt;
}

class CallObserver final : public Interceptor {
 public:
  CallObserver(Backend* backend, const ServerRpcInfo& info)
      : backend_(backend),
        method_(std::string_view(info.method()).substr(kOurs.size())),
        direction_(DirectionOf(method_)),
        unary_(info.type() == ServerRpcInfo::Type::UNARY),
        begun_(steady_clock::now()),
        begin_ms_(SystemClock().WallMs()) {}

  void Intercept(InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_INITIAL_METADATA)) {
      if (const auto* metadata = methods->GetRecvInitialMetadata(); metadata != nullptr)
        caller_ = CallerSpan(*metadata);
    }
    if (direction_.has_value()) CountBytes(methods);
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS))
      End(rpc::FromGrpc(methods->GetSendStatus()));
    methods->Proceed();
  }

 private:
  void CountBytes(InterceptorBatchMethods* methods) {
    if (*direction_ == TransferDirection::kUpload &&
        methods->QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_MESSAGE)) {
      const auto* piece = static_cast<const v1::UploadBlobRequest*>(methods->GetRecvMessage());
      bytes_ += piece == nullptr ? 0 : piece->data().size();
    }
    if (*direction_ == TransferDirection::kDownload &&
        methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_MESSAGE)) {
      const auto* piece = static_cast<const v1::DownloadBlobResponse*>(methods->GetSendMessage());
      bytes_ += piece == nullptr ? 0 : piece->data().size();
    }
  }

  void End(const Status& status) {
    const std::chrono::duration<double> took = steady_clock::now() - begun_;
    if (unary_) backend_->call_durations.AddCall(method_, status.code(), took.count());
    if (direction_.has_value() && status.ok())
      backend_->call_durations.AddTransfer(*direction_, took.count(), bytes_);
    if (backend_->spans != nullptr && caller_.valid()) backend_->spans->Add(SpanOf(status, took));
  }

  // With OpenTelemetry's names for RPCs.
  trace::Span SpanOf(const Status& status, std::chrono::duration<double> took) const {
    trace::Span span;
    span.name = "braid.v1." + method_;
    span.kind = trace::SpanKind::kServer;
    span.context = CallSpan(caller_);
    span.parent_id = caller_.span_id;
    span.begin_ns = begin_ms_ * trace::kNsPerMs;
    span.end_ns = span.begin_ns + static_cast<int64_t>(took.count() * 1e9);
    const size_t slash = method_.find('/');
    span.attributes = {{"rpc.system", std::string("grpc")},
                       {"rpc.service", "braid.v1." + method_.substr(0, slash)},
                       {"rpc.method", method_.substr(slash + 1)},
                       {"rpc.grpc.status_code", static_cast<int64_t>(status.code())}};
    if (direction_.has_value())
      span.attributes["braid.transfer.bytes"] = static_cast<int64_t>(bytes_);
    // What is the caller's mistake is no failure of the server.
    span.failed = status.code() == StatusCode::kUnknown ||
                  status.code() == StatusCode::kDeadlineExceeded ||
                  status.code() == StatusCode::kUnimplemented ||
                  status.code() == StatusCode::kInternal ||
                  status.code() == StatusCode::kUnavailable ||
                  status.code() == StatusCode::kDataLoss;
    if (span.failed) span.error = status.message();
    return span;
  }

  Backend* const backend_;
  const std::string method_;  // "Runs/GetRun"
  const std::optional<TransferDirection> direction_;
  const bool unary_;
  const steady_clock::time_point begun_;
  const int64_t begin_ms_;
  trace::Context caller_;
  uint64_t bytes_ = 0;
};

class CallObservers final : public ServerInterceptorFactoryInterface {
 public:
  explicit CallObservers(Backend* backend) : backend_(backend) {}
  Interceptor* CreateServerInterceptor(ServerRpcInfo* info) override {
    if (info->method() == nullptr || !std::string_view(info->method()).starts_with(kOurs))
      return nullptr;
    // It would see each message of a session, of which nothing is counted.
    if (backend_->spans == nullptr && info->type() == ServerRpcInfo::Type::BIDI_STREAMING)
      return nullptr;
    return new CallObserver(backend_, *info);
  }

 private:
  Backend* const backend_;
};

}  // namespace

std::unique_ptr<ServerInterceptorFactoryInterface> MakeCallObserver(Backend* backend) {
  return std::make_unique<CallObservers>(backend);
}

}  // namespace braid::coordinator
