// A channel to a coordinator that sends the token with every call.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

namespace braid {

// Without TLS: `address` is loopback. An empty token is not sent.
std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address, const std::string& token,
                                           const grpc::ChannelArguments& arguments);

}  // namespace braid
