#include "rpc/call_tracer.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/endpoint.h"
#include "base/text.h"
#include "rpc/status.h"

namespace braid::rpc {
namespace {

using grpc::experimental::ClientInterceptorFactoryInterface;
using grpc::experimental::ClientRpcInfo;
using grpc::experimental::InterceptionHookPoints;
using grpc::experimental::Interceptor;
using grpc::experimental::InterceptorBatchMethods;
using std::chrono::steady_clock;

// OpenTelemetry's names for the call of a method, "/braid.v1.Runs/GetRun".
trace::Span SpanOfCall(std::string_view method, const std::string& address) {
  trace::Span span;
  span.name = method.substr(1);
  span.kind = trace::SpanKind::kClient;
  const size_t slash = span.name.find('/');
  span.attributes = {{"rpc.system", std::string("grpc")},
                     {"rpc.service", span.name.substr(0, slash)},
                     {"rpc.method", span.name.substr(std::min(slash, span.name.size() - 1) + 1)},
                     {"server.address", std::string(HostOf(address))}};
  if (const auto port = ParseInt(address.substr(address.rfind(':') + 1)); port.ok())
    span.attributes["server.port"] = *port;
  return span;
}

class CallTracer final : public Interceptor {
 public:
  CallTracer(const trace::Context& parent, trace::SpanSink* spans, const std::string& address,
             const char* method)
      : spans_(spans), begun_(steady_clock::now()), span_(SpanOfCall(method, address)) {
    span_.begin_ns = SystemClock().WallMs() * trace::kNsPerMs;
    span_.context = parent;
    span_.parent_id = parent.span_id;
    if (spans != nullptr) span_.context.span_id = trace::RandomSpanId();
  }

  void Intercept(InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_INITIAL_METADATA))
      methods->GetSendInitialMetadata()->emplace("traceparent", Traceparent(span_.context));
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_STATUS) &&
        spans_ != nullptr)
      End(FromGrpc(*methods->GetRecvStatus()));
    methods->Proceed();
  }

 private:
  void End(const Status& status) {
    const std::chrono::duration<double> took = steady_clock::now() - begun_;
    span_.end_ns = span_.begin_ns + static_cast<int64_t>(took.count() * 1e9);
    span_.attributes["rpc.grpc.status_code"] = static_cast<int64_t>(status.code());
    span_.failed = !status.ok();
    span_.error = status.message();
    spans_->Add(span_);
  }

  trace::SpanSink* const spans_;
  const steady_clock::time_point begun_;
  trace::Span span_;
};

class CallTracers final : public ClientInterceptorFactoryInterface {
 public:
  CallTracers(trace::Context parent, trace::SpanSink* spans, std::string address)
      : parent_(std::move(parent)), spans_(spans), address_(std::move(address)) {}
  Interceptor* CreateClientInterceptor(ClientRpcInfo* info) override {
    return new CallTracer(parent_, spans_, address_, info->method());
  }

 private:
  const trace::Context parent_;
  trace::SpanSink* const spans_;
  const std::string address_;
};

}  // namespace

std::unique_ptr<ClientInterceptorFactoryInterface> MakeCallTracer(trace::Context parent,
                                                                  trace::SpanSink* spans,
                                                                  std::string address) {
  return std::make_unique<CallTracers>(std::move(parent), spans, std::move(address));
}

}  // namespace braid::rpc
