// The caller of an RPC, as its connection and metadata identify it. Does not depend on gRPC.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace braid::rpc {

// What a call shows of its caller. The views are valid during the check only.
struct Caller {
  // "/braid.v1.Runs/SubmitRun".
  std::string_view method;
  // What follows "Bearer " in each of the call's "authorization" entries; an entry of another
  // scheme is there as an empty text.
  std::vector<std::string_view> tokens;
  // The client's certificate, PEM, which the handshake has verified; empty if it showed none.
  std::string_view certificate;
};

// OK lets the call pass; another status ends it, with its code and message. kPermissionDenied with
// the reason UNAUTHENTICATED is sent as gRPC's UNAUTHENTICATED. Called in gRPC's threads: it must
// not wait.
using CallerCheck = std::function<Status(const Caller& caller)>;

}  // namespace braid::rpc
