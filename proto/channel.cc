#include "proto/channel.h"

#include <grpcpp/support/client_interceptor.h>

#include <utility>
#include <vector>

namespace braid {
namespace {

using grpc::experimental::ClientInterceptorFactoryInterface;
using grpc::experimental::ClientRpcInfo;
using grpc::experimental::InterceptionHookPoints;
using grpc::experimental::Interceptor;
using grpc::experimental::InterceptorBatchMethods;

// Call credentials would need TLS.
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
                                           const grpc::ChannelArguments& arguments) {
  // A peer that is gone without a word is noticed: an answer is asked for every 30 s, and bytes
  // that nobody takes (a window that stays closed; gRPC sets TCP_USER_TIMEOUT to the same) end the
  // connection.
  grpc::ChannelArguments kept_alive = arguments;
  kept_alive.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  kept_alive.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  kept_alive.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  std::vector<std::unique_ptr<ClientInterceptorFactoryInterface>> interceptors;
  if (!token.empty()) interceptors.push_back(std::make_unique<SendTokenFactory>(token));
  return grpc::experimental::CreateCustomChannelWithInterceptors(
      address, grpc::InsecureChannelCredentials(), kept_alive, std::move(interceptors));
}

}  // namespace braid
