// gRPC channels to a coordinator. Every client of the project makes its channel here.
#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <memory>
#include <string>

namespace braid::rpc {

// The largest message in either direction. Large ones are the manifest of an artifact of 100,000
// files, a large recipe, a page of large runs, and the assignments of many ranks.
inline constexpr int kMaxMessageBytes = 64 << 20;

// Settings in which the clients differ.
struct ChannelOptions {
  // The longest pause between two attempts to connect.
  int64_t max_reconnect_backoff_ms = 1'000;
  // Lets gRPC repeat a call that failed with UNAVAILABLE, up to five times within seconds. For
  // clients that do not repeat calls by themselves. Every call of the API may be sent twice
  // (request ids).
  bool retry_unavailable = false;
};

// Makes a channel that sends `token`, unless it is empty, with every call. There is no TLS:
// `address` is a loopback address. The channel connects at the first call and again after the
// connection is lost; a server that vanished without closing its connection is noticed within 40 s.
std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address, const std::string& token,
                                           const ChannelOptions& options = {});

}  // namespace braid::rpc
