#include "worker/rpc/membership.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/clock.h"
#include "base/file.h"
#include "base/host.h"
#include "base/json.h"
#include "base/log.h"
#include "base/private_folder.h"
#include "base/state_files.h"
#include "base/text.h"
#include "braid/v1/access.grpc.pb.h"
#include "rpc/channel.h"
#include "rpc/tls/certificates.h"
#include "rpc/tls/peer.h"

namespace braid::worker {
namespace {

// The answer needs a signature and a commit, so it takes less than a second unless the catalog is
// locked.
constexpr int64_t kJoinMs = 30'000;
// Between two tries to renew a certificate.
constexpr int64_t kShortestMs = 1'000, kLongestMs = 3'600'000;
// By how much a certificate begins before it was made (rpc/tls/certificates.cc).
constexpr int64_t kSkewMs = 300'000;

std::string PathOf(const std::string& folder, const char* name) {
  return JoinPath(JoinPath(folder, state_files::kTls), name);
}
std::string KeyFile(const std::string& folder) {
  return PathOf(folder, "worker.key");
}
std::string CertificateFile(const std::string& folder) {
  return PathOf(folder, "worker.pem");
}
std::string AuthorityFile(const std::string& folder) {
  return PathOf(folder, "ca.pem");
}
std::string MembershipFile(const std::string& folder) {
  return PathOf(folder, "coordinator.json");
}

// The key that is there, or a new one. It stays when a call of Join fails, because the coordinator
// lets the same key repeat the call with an invitation that is used up.
Result<std::string> KeyOf(const std::string& folder) {
  Result<std::string> key = ReadFile(KeyFile(folder), 1 << 16);
  if (key.ok() || key.status().code() != StatusCode::kNotFound) return key;
  key = rpc::MakeKey();
  BRAID_RETURN_IF_ERROR(key.status());
  BRAID_RETURN_IF_ERROR(WriteSecretFile(KeyFile(folder), *key));
  return key;
}

// One call without a session. `why` explains a failed connection.
template <class Call>
Status Once(const Endpoint& endpoint, const Call& call) {
  const auto channel = rpc::MakeChannel(endpoint);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(kJoinMs));
  const Status status = FromGrpc(call(*v1::Access::NewStub(channel), &context));
  if (status.code() != StatusCode::kUnavailable || !status.reason().empty()) return status;
  const std::string why = rpc::WhyNoConnection(endpoint);
  return why.empty() ? status.Wrap("no coordinator answers at " + endpoint.address)
                     : PermissionDenied(why);
}

// How long a certificate is good in all, and how long yet.
struct Times {
  int64_t lifetime_ms = 0;
  int64_t left_ms = 0;
};

Result<Times> TimesOf(const std::string& folder) {
  BRAID_ASSIGN_OR_RETURN(const std::string pem, ReadFile(CertificateFile(folder), 1 << 20));
  BRAID_ASSIGN_OR_RETURN(const rpc::CertificateFacts facts, rpc::FactsOf(pem));
  return Times{facts.ends_ms - facts.begins_ms - kSkewMs, facts.ends_ms - SystemClock().WallMs()};
}

Status Renew(RpcLink& link, const std::string& folder) {
  BRAID_ASSIGN_OR_RETURN(const std::string key, ReadFile(KeyFile(folder), 1 << 16));
  v1::RenewCertificateRequest request;
  BRAID_ASSIGN_OR_RETURN(*request.mutable_request_pem(), rpc::MakeRequest(key, "braid worker"));
  BRAID_ASSIGN_OR_RETURN(const auto channel, link.Channel());
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(kJoinMs));
  v1::WorkerCertificate certificate;
  BRAID_RETURN_IF_ERROR(
      FromGrpc(v1::Access::NewStub(channel)->RenewCertificate(&context, request, &certificate)));
  return WriteSecretFile(CertificateFile(folder), certificate.certificate_pem());
}

}  // namespace

Result<std::optional<Membership>> ReadMembership(const std::string& folder) {
  const Result<Json> json = ReadJsonFile(MembershipFile(folder), 1 << 16);
  if (json.status().code() == StatusCode::kNotFound) return std::optional<Membership>();
  BRAID_RETURN_IF_ERROR(json.status());
  const auto text = [&](const char* name) {
    const auto found = json->is_object() ? json->find(name) : json->end();
    return found != json->end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  Membership membership{text("address"), text("worker_id"), text("site")};
  const auto again = [&](const std::string& what) {
    return FailedPrecondition("worker " + membership.worker_id + " has joined " +
                              membership.address + ", but " + what +
                              ": let it join again with a new invitation (`braid worker invite`)");
  };
  if (membership.address.empty() || membership.worker_id.empty())
    return again(MembershipFile(folder) + " is damaged");
  const Result<Times> times = TimesOf(folder);
  if (!times.ok())
    return again("its certificate cannot be read (" + times.status().message() + ")");
  if (times->left_ms <= 0) {
    return again("its certificate has expired at " +
                 FormatUtc(SystemClock().WallMs() + times->left_ms));
  }
  return std::optional(membership);
}

Result<Membership> Join(const rpc::JoinLine& line, const std::string& folder,
                        const std::string& wanted) {
  BRAID_RETURN_IF_ERROR(MakePrivateFolder(JoinPath(folder, state_files::kTls)));
  BRAID_ASSIGN_OR_RETURN(const std::string key, KeyOf(folder));
  Endpoint endpoint;
  endpoint.address = line.address;
  endpoint.token = line.secret;
  BRAID_ASSIGN_OR_RETURN(endpoint.ca, rpc::FetchAuthority(line.address, line.ca_sha256));
  v1::JoinWorkerRequest request;
  BRAID_ASSIGN_OR_RETURN(*request.mutable_request_pem(), rpc::MakeRequest(key, "braid worker"));
  request.set_worker_id(wanted);
  request.set_host(HostName());
  v1::WorkerCertificate certificate;
  BRAID_RETURN_IF_ERROR(Once(endpoint, [&](v1::Access::Stub& stub, grpc::ClientContext* context) {
                          return stub.JoinWorker(context, request, &certificate);
                        }).Wrap("joining"));
  const Membership membership{line.address, certificate.worker_id(), certificate.site()};
  // The file that says that it has joined comes last.
  BRAID_RETURN_IF_ERROR(WriteSecretFile(AuthorityFile(folder), endpoint.ca));
  BRAID_RETURN_IF_ERROR(WriteSecretFile(CertificateFile(folder), certificate.certificate_pem()));
  BRAID_RETURN_IF_ERROR(WriteJsonFile(MembershipFile(folder), {{"address", membership.address},
                                                               {"worker_id", membership.worker_id},
                                                               {"site", membership.site}}));
  Log(LogLevel::kInfo, "worker",
      "joined " + membership.address + " as worker " + membership.worker_id +
          "; its certificate is good until " + FormatUtc(certificate.expires_ms()) +
          " and is renewed before");
  return membership;
}

EndpointSource SourceOf(const Membership& membership, const std::string& folder) {
  return {.address = membership.address,
          .address_file = "",
          .token_file = "",
          .ca = AuthorityFile(folder),
          .certificate_file = CertificateFile(folder),
          .key_file = KeyFile(folder)};
}

CertificateKeeper::CertificateKeeper(RpcLink& link, std::string folder)
    : link_(link), folder_(std::move(folder)), thread_([this] { Run(); }) {}

CertificateKeeper::~CertificateKeeper() {
  stop_.Set();
  thread_.join();
}

void CertificateKeeper::Run() {
  int64_t wait_ms = 0;
  while (!stop_.WaitFor(wait_ms)) {
    const Result<Times> times = TimesOf(folder_);
    wait_ms = kLongestMs;
    if (!times.ok()) {
      Log(LogLevel::kError, "worker", times.status().message());
      continue;
    }
    // After a third of its life: two thirds are left for a coordinator that is away.
    const int64_t due_in_ms = times->left_ms - times->lifetime_ms / 3 * 2;
    if (due_in_ms > 0) {
      wait_ms = std::clamp(due_in_ms, kShortestMs, kLongestMs);
      continue;
    }
    const Status status = Renew(link_, folder_);
    // Soon again if it failed, and not at once if it did not.
    wait_ms = std::clamp(times->lifetime_ms / 30, kShortestMs, kLongestMs);
    if (status.ok()) {
      Log(LogLevel::kInfo, "worker", "the certificate of this worker was renewed");
    } else {
      Log(LogLevel::kWarning, "worker",
          "the certificate of this worker, good for " +
              FormatDuration(static_cast<double>(times->left_ms) / 1000) +
              " yet, could not be renewed: " + status.message());
    }
  }
}

}  // namespace braid::worker
