#include "rpc/channel.h"

#include <grpcpp/support/client_interceptor.h>

#include <utility>
#include <vector>

#include "rpc/call_tracer.h"
#include "rpc/tls/peer.h"

namespace braid::rpc {
namespace {

using grpc::experimental::ClientInterceptorFactoryInterface;
using grpc::experimental::ClientRpcInfo;
using grpc::experimental::InterceptionHookPoints;
using grpc::experimental::Interceptor;
using grpc::experimental::InterceptorBatchMethods;

constexpr char kRetries[] =
    R"({"methodConfig":[{"name":[{}],"retryPolicy":{"maxAttempts":5,"initialBackoff":"0.1s","maxBackoff":"1s",)"
    R"("backoffMultiplier":2,"retryableStatusCodes":["UNAVAILABLE"]}}]})";

// An interceptor, because gRPC allows call credentials on channels with TLS only, and a loopback
// channel has none.
class SendToken final : public Interceptor {
 public:
  explicit SendToken(std::string value) : value_(std::move(value)) {}
  void Intercept(InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_INITIAL_METADATA)) {
      methods->GetSendInitialMetadata()->emplace("authorization", value_);
    }
    methods->Proceed();
  }

 private:
  const std::string value_;
};

class SendTokenFactory final : public ClientInterceptorFactoryInterface {
 public:
  explicit SendTokenFactory(const std::string& token) : value_("Bearer " + token) {}
  Interceptor* CreateClientInterceptor(ClientRpcInfo*) override { return new SendToken(value_); }

 private:
  const std::string value_;
};

}  // namespace

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address, const std::string& token,
                                           const ChannelOptions& options) {
  Endpoint endpoint;
  endpoint.address = address;
  endpoint.token = token;
  return MakeChannel(endpoint, options);
}

std::shared_ptr<grpc::Channel> MakeChannel(const Endpoint& endpoint,
                                           const ChannelOptions& options) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1'000);
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  // Without this, channels of one process to the same address would share one connection, and with
  // it its loss and its flow control.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  if (options.direct) arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  if (options.retry_unavailable) arguments.SetServiceConfigJSON(kRetries);
  // The peer has to answer a ping every 30 s. gRPC derives TCP_USER_TIMEOUT from the same timeout,
  // which ends connections on which sent bytes are not accepted any more.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  std::vector<std::unique_ptr<ClientInterceptorFactoryInterface>> interceptors;
  if (!endpoint.token.empty())
    interceptors.push_back(std::make_unique<SendTokenFactory>(endpoint.token));
  if (options.parent.valid())
    interceptors.push_back(MakeCallTracer(options.parent, options.spans, endpoint.address));
  const auto credentials = endpoint.tls() ? grpc::SslCredentials(
                                                {endpoint.ca, endpoint.key, endpoint.certificate})
                                          : grpc::InsecureChannelCredentials();
  return grpc::experimental::CreateCustomChannelWithInterceptors(
      endpoint.address, credentials, arguments, std::move(interceptors));
}

Result<Endpoint> WithAuthority(Endpoint endpoint) {
  if (!endpoint.ca.empty() || endpoint.ca_sha256.empty()) return endpoint;
  BRAID_ASSIGN_OR_RETURN(endpoint.ca, FetchAuthority(endpoint.address, endpoint.ca_sha256));
  return endpoint;
}

}  // namespace braid::rpc
