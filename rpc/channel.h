// Channels to a coordinator: every client makes its own here.
#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <memory>
#include <string>

namespace braid::rpc {

// Of one message, either way: the manifest of an artifact of 100,000 files, a large recipe, a page
// of large runs, the assignments of many ranks.
inline constexpr int kMaxMessageBytes = 64 << 20;

struct ChannelOptions {
  // The longest pause between two tries to connect.
  int64_t max_reconnect_backoff_ms = 1'000;
  // gRPC itself sends a call again that got UNAVAILABLE, up to five times within seconds. For those
  // who do not try again by themselves; every call of the API may be sent twice.
  bool retry_unavailable = false;
};

// Sends `token` with every call, unless it is empty. Without TLS: `address` is loopback. Connects
// by itself, now and whenever the connection breaks; a peer that is gone without a word is noticed
// within 40 s.
std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address, const std::string& token,
                                           const ChannelOptions& options = {});

}  // namespace braid::rpc
