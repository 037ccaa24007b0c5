#include "cli/client/client.h"

#include <pwd.h>
#include <unistd.h>

#include <thread>

#include "rpc/channel.h"
#include "rpc/rate_limited.h"
#include "rpc/status.h"
#include "rpc/tls/peer.h"

namespace braid::cli {

std::string UserName() {
  passwd entry{};
  passwd* found = nullptr;
  char text[4096];
  if (getpwuid_r(geteuid(), &entry, text, sizeof text, &found) == 0 && found != nullptr)
    return found->pw_name;
  return std::to_string(geteuid());
}

Status FromGrpc(const grpc::Status& status, const std::string& address) {
  if (status.ok()) return OkStatus();
  const Status said = rpc::FromGrpc(status);
  const StatusCode code = said.code();
  const std::string& reason = said.reason();
  if (code == StatusCode::kUnavailable && reason.empty()) {
    return Status(code, "no coordinator answers at " + address + " (" + status.error_message() +
                            "); is it up? braid up starts one");
  }
  if (IsNameOf(reason, ErrorReason::kUnauthenticated))
    return Status(code, reason, "the coordinator at " + address + ": " + status.error_message());
  if (status.error_message().empty()) {  // the library's own errors may say nothing
    return Status(code, reason,
                  "the coordinator at " + address + " answered " +
                      std::string(StatusCodeName(code)) + " and gave no reason");
  }
  return Status(code, reason, status.error_message());
}

bool RatePatience::Wait(const Status& status) {
  // After a minute the load is not a burst any more, and the user should see the error.
  constexpr int64_t kLongestMs = 60'000;
  const int64_t wait_ms = rpc::RetryAfterMs(status);
  if (wait_ms == 0 || waited_ms_ + wait_ms > kLongestMs) return false;
  waited_ms_ += wait_ms;
  std::this_thread::sleep_for(std::chrono::milliseconds(wait_ms));
  return true;
}

Status Client::StatusOf(const grpc::Status& status) const {
  const Status converted = FromGrpc(status, endpoint_.address);
  if (converted.code() == StatusCode::kUnavailable && converted.reason().empty()) {
    if (const std::string why = rpc::WhyNoConnection(endpoint_); !why.empty())
      return Status(StatusCode::kPermissionDenied, ErrorReason::kTls, why);
  }
  if (!converted.Is(ErrorReason::kUnauthenticated)) return converted;
  return Status(
      converted.code(), converted.reason(),
      converted.message() + (endpoint_.token_file.empty()
                                 ? " (nothing here names a token's file for this address)"
                                 : " (the token of " + endpoint_.token_file + " was sent)"));
}

Client::Client(Endpoint endpoint, trace::Context parent, trace::SpanSink* spans)
    : endpoint_(std::move(endpoint)) {
  const auto channel = rpc::MakeChannel(
      endpoint_, {.retry_unavailable = true, .parent = std::move(parent), .spans = spans});
  runs_ = v1::Runs::NewStub(channel);
  jobs_ = v1::Jobs::NewStub(channel);
  artifacts_ = v1::Artifacts::NewStub(channel);
  merges_ = v1::Merges::NewStub(channel);
  admin_ = v1::Admin::NewStub(channel);
  access_ = v1::Access::NewStub(channel);
  keeping_ = v1::Keeping::NewStub(channel);
  pools_ = v1::Pools::NewStub(channel);
  alerts_ = v1::Alerts::NewStub(channel);
}

Result<v1::Run> Client::GetRun(const std::string& id) {
  v1::GetRunRequest request;
  request.set_id(id);
  return Call<v1::Run>(&v1::Runs::Stub::GetRun, runs(), request);
}

}  // namespace braid::cli
