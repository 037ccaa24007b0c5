// gRPC channels to a coordinator. Every client of the project makes its channel here.
#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <memory>
#include <string>

#include "base/endpoint.h"
#include "trace/span.h"

namespace braid::rpc {

// The largest message in either direction. Large ones are the manifest of an artifact of 100,000
// files, a large recipe, a page of large runs, and the assignments of many ranks.
inline constexpr int kMaxMessageBytes = 64 << 20;

// Settings in which the clients differ.
struct ChannelOptions {
  // Lets gRPC repeat a call that failed with UNAVAILABLE, up to five times within seconds. For
  // clients that do not repeat calls by themselves. Every call of the API may be sent twice
  // (request ids).
  bool retry_unavailable = false;
  // Connects without the proxy that the environment names (https_proxy): for machines of one site.
  bool direct = false;
  // The span of which the calls are a part; not valid: there is no trace. It goes with each call,
  // or with `spans` a span of the call itself does, which is given there when the call has ended.
  trace::Context parent = {};
  trace::SpanSink* spans = nullptr;  // outlives the channel
};

// Makes a channel to the endpoint that sends its token, if there is one, with every call. With
// `ca`, it speaks TLS, to a server alone whose certificate is from that authority and for the
// endpoint's host, and shows the endpoint's own certificate if it has one; otherwise plain text,
// which is for loopback. It connects at the first call and again after the connection is lost; a
// server that vanished without closing its connection is noticed within 40 s.
//
// REQUIRES: an endpoint with TLS has `ca` (see WithAuthority).
std::shared_ptr<grpc::Channel> MakeChannel(const Endpoint& endpoint,
                                           const ChannelOptions& options = {});
// To a loopback address, without TLS.
std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address, const std::string& token,
                                           const ChannelOptions& options = {});

// The endpoint with the certificate of its authority: fetched from the server if only its SHA-256
// is known. The errors are those of FetchAuthority (rpc/tls/peer.h).
Result<Endpoint> WithAuthority(Endpoint endpoint);

}  // namespace braid::rpc
