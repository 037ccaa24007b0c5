#include "cli/local/host_service.h"

#include <sys/utsname.h>

#include <cstdio>
#include <utility>

#include "base/clock.h"
#include "base/file.h"
#include "base/host.h"
#include "base/private_folder.h"
#include "base/sha256.h"
#include "base/text.h"
#include "cli/local/program_bundle.h"
#include "pool/ssh/script.h"

namespace braid::cli {
namespace {

using pool::ssh::HostSettings;
using pool::ssh::Probed;

constexpr char kHosts[] = "hosts";
// What a script may take, copying the programs, ending a worker that hands back, and a first
// heartbeat.
constexpr int64_t kScriptMs = 120'000;
constexpr int64_t kCopyMs = 1'800'000;
constexpr int64_t kConnectMs = 90'000;

void SayOf(const HostSettings& host, const std::string& text) {
  std::fprintf(stderr, "%s: %s\n", host.id.c_str(), text.c_str());
}

std::string ArchHere() {
  utsname names{};
  return uname(&names) == 0 ? names.machine : "";
}

void SayWhatItIs(const HostSettings& host, const Probed& probed) {
  std::string text = probed.arch + ", C library " + probed.glibc + ", torch " + probed.torch +
                     ", " + std::to_string(probed.cores) + " cores, " +
                     std::to_string(probed.gpus) + " GPUs, " +
                     FormatBytes(static_cast<uint64_t>(probed.free_bytes)) + " free in " +
                     probed.folder;
  SayOf(host, text);
}

// A token of the worker's own. The secret is drawn here.
Result<std::string> NewWorkerToken(Client& client, const std::string& id) {
  BRAID_ASSIGN_OR_RETURN(const std::string secret, NewSecret());
  v1::CreateTokenRequest request;
  request.set_name(id);
  request.set_role(v1::WORKER);
  request.set_secret_sha256(Sha256Hex(secret));
  const auto token = client.Call<v1::Credential>(&v1::Access::Stub::CreateToken, client.access(),
                                                 request);
  if (!token.ok()) return token.status().Wrap("a token for worker " + id);
  return secret;
}

// The ids of the credentials that a worker has.
Result<std::vector<std::string>> CredentialsOf(Client& client, const std::string& id) {
  BRAID_ASSIGN_OR_RETURN(
      const v1::ListCredentialsResponse response,
      (client.Call<v1::ListCredentialsResponse>(&v1::Access::Stub::ListCredentials, client.access(),
                                                v1::ListCredentialsRequest())));
  std::vector<std::string> ids;
  for (const v1::Credential& credential : response.credentials()) {
    if (credential.name() == id && credential.role() == v1::WORKER && credential.ended_ms() == 0 &&
        credential.kind() == v1::TOKEN)
      ids.push_back(credential.id());
  }
  return ids;
}

void Revoke(Client& client, const std::vector<std::string>& ids) {
  for (const std::string& id : ids) {
    v1::RevokeTokenRequest request;
    request.set_id(id);
    // One that somebody else has ended meanwhile is ended.
    (void)client.Call<v1::Credential>(&v1::Access::Stub::RevokeToken, client.access(), request);
  }
}

// Ends the credentials of a worker; the coordinator may know none.
Status EndMembership(Client& client, const std::string& id) {
  v1::RemoveWorkerRequest request;
  request.set_id(id);
  const Status status = client
                            .Call<v1::RemoveWorkerResponse>(&v1::Access::Stub::RemoveWorker,
                                                            client.access(), request)
                            .status();
  return status.code() == StatusCode::kNotFound ? OkStatus() : status;
}

// The authority of the coordinator's certificate, by its digest.
Result<std::string> AuthorityOf(const Endpoint& endpoint) {
  if (!endpoint.ca_sha256.empty()) return endpoint.ca_sha256;
  if (endpoint.tls()) {
    return FailedPrecondition(
        "the authority of the coordinator's certificate is known as a file only: give it as --ca "
        "sha256:DIGEST");
  }
  return std::string();
}

// The boot of the worker that is connected; empty if none is.
Result<std::string> ReadyBoot(Client& client, const std::string& id) {
  BRAID_ASSIGN_OR_RETURN(
      const v1::ListWorkersResponse response,
      (client.Call<v1::ListWorkersResponse>(&v1::Admin::Stub::ListWorkers, client.admin(),
                                            v1::ListWorkersRequest())));
  for (const v1::Worker& worker : response.workers()) {
    if (worker.id() == id && worker.link() == v1::WORKER_READY) return worker.boot_id();
  }
  return std::string();
}

// Another one than `before`, which has been ended.
Status WaitUntilReady(Client& client, const HostSettings& host, const std::string& before) {
  const int64_t end_ms = SystemClock().MonotonicMs() + kConnectMs;
  while (SystemClock().MonotonicMs() < end_ms) {
    BRAID_ASSIGN_OR_RETURN(const std::string boot, ReadyBoot(client, host.id));
    if (!boot.empty() && boot != before) return OkStatus();
    const timespec pause{0, 300'000'000};
    nanosleep(&pause, nullptr);
  }
  const auto log = pool::ssh::RunScript(host.remote, pool::ssh::LogScript(host), kScriptMs);
  const std::string said = log.ok() && !log->empty() ? *log : "nothing";
  return DeadlineExceeded(host.id + ": its worker was started and has not connected in " +
                          std::to_string(kConnectMs / 1000) +
                          " s; the end of its log on the host: " + std::string(Trim(said)));
}

// Asks the host what it is; the folder is absolute afterwards.
Result<Probed> Probe(HostSettings* host, const ProgramBundle& bundle, bool use_unit) {
  BRAID_ASSIGN_OR_RETURN(
      const std::string said,
      pool::ssh::RunScript(host->remote, pool::ssh::ProbeScript(*host, bundle.digest), kScriptMs));
  BRAID_ASSIGN_OR_RETURN(const Probed probed, pool::ssh::ParseProbe(said));
  host->folder = probed.folder;
  host->unit = use_unit && probed.unit;
  SayWhatItIs(*host, probed);
  BRAID_RETURN_IF_ERROR(pool::ssh::CheckProbe(*host, probed, ArchHere(), bundle.bytes));
  return probed;
}

void SayHowItRuns(const HostSettings& host, const Probed& probed) {
  if (!host.unit) {
    SayOf(host,
          "started by a process of its own, which starts it again when it dies; after a restart of "
          "the machine: `braid worker add " +
              host.remote.host + " --id " + host.id + "` again");
    return;
  }
  SayOf(host, "started as " + pool::ssh::UnitName(host) + ", a unit of its user's systemd");
  if (!probed.lingers)
    SayOf(host, "it ends when you log out there: `loginctl enable-linger` there lets it go on");
}

// An earlier folder of the same worker, on another host or beside this one, would be left alone.
Status CheckSameHost(const Globals& globals, const HostSettings& host) {
  const std::string folder = HostFolder(globals, host.id);
  if (!PathExists(JoinPath(folder, pool::ssh::kHostFile))) return OkStatus();
  BRAID_ASSIGN_OR_RETURN(const HostSettings known, pool::ssh::ReadHost(folder));
  if (known.remote.host == host.remote.host && known.folder == host.folder) return OkStatus();
  return AlreadyExists("worker " + host.id + " is in " + known.folder + " on " + known.remote.host +
                       ": `braid worker remove " + host.id +
                       "` first, or give this one another --id");
}

}  // namespace

std::string HostFolder(const Globals& globals, const std::string& id) {
  return JoinPath(JoinPath(AbsolutePath(globals.dir), kHosts), id);
}

Result<std::vector<HostSettings>> AddedHosts(const Globals& globals) {
  std::vector<HostSettings> hosts;
  const std::string folder = JoinPath(AbsolutePath(globals.dir), kHosts);
  if (!IsFolder(folder)) return hosts;
  BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolder(folder));
  for (const std::string& name : names) {
    const std::string one = JoinPath(folder, name);
    if (!PathExists(JoinPath(one, pool::ssh::kHostFile))) continue;
    BRAID_ASSIGN_OR_RETURN(HostSettings host, pool::ssh::ReadHost(one));
    hosts.push_back(std::move(host));
  }
  return hosts;
}

Status AddHost(const Globals& globals, HostSettings host, bool use_unit) {
  host.owner = HostName() + ":" + AbsolutePath(globals.dir);
  BRAID_RETURN_IF_ERROR(pool::ssh::Check(host));
  BRAID_RETURN_IF_ERROR(CheckSameHost(globals, host));
  const bool known = PathExists(JoinPath(HostFolder(globals, host.id), pool::ssh::kHostFile));
  BRAID_ASSIGN_OR_RETURN(const Endpoint endpoint, globals.FindCoordinator());
  BRAID_ASSIGN_OR_RETURN(const std::string ca, AuthorityOf(endpoint));
  if (host.tunnel() && !IsLoopbackHost(HostOf(endpoint.address))) host.address = endpoint.address;
  if (!host.tunnel() && !IsLoopbackHost(HostOf(host.address)) && ca.empty()) {
    return PermissionDenied("--address " + host.address +
                            ": the coordinator speaks no TLS, so the host may only come through a "
                            "tunnel: leave --address out");
  }
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  BRAID_ASSIGN_OR_RETURN(const std::string boot, ReadyBoot(client, host.id));
  if (!boot.empty() && !known) {
    return AlreadyExists("a worker " + host.id +
                         " is connected already, which was not added here: give this one another "
                         "--id");
  }
  BRAID_ASSIGN_OR_RETURN(const TemporaryFolder folder, TemporaryFolder::Create("braid-programs"));
  BRAID_ASSIGN_OR_RETURN(const ProgramBundle bundle, MakeProgramBundle(folder.path()));
  BRAID_ASSIGN_OR_RETURN(const Probed probed, Probe(&host, bundle, use_unit));
  if (!probed.has_programs) {
    SayOf(host, "copying programs (" + FormatBytes(static_cast<uint64_t>(bundle.bytes)) + ")");
    BRAID_RETURN_IF_ERROR(pool::ssh::CopyFolder(
        host.remote, bundle.folder, pool::ssh::PartFolder(host, bundle.digest), kCopyMs));
  }
  // The worker that there may be hands back with its old token, and the new one begins with the
  // new.
  BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> old, CredentialsOf(client, host.id));
  BRAID_ASSIGN_OR_RETURN(const std::string token, NewWorkerToken(client, host.id));
  // Written before the worker is started, so that `remove` finds what an interrupted start left.
  BRAID_RETURN_IF_ERROR(MakePrivateFolder(globals.dir));
  BRAID_RETURN_IF_ERROR(MakePrivateFolder(HostFolder(globals, host.id)));
  BRAID_RETURN_IF_ERROR(pool::ssh::WriteHost(HostFolder(globals, host.id), host));
  const auto installed = pool::ssh::RunScript(
      host.remote, pool::ssh::InstallScript(host, probed, bundle.digest, {token, ca}), kScriptMs);
  if (!installed.ok()) {
    // Where the connection broke, nobody knows what runs there: `remove` ends it.
    if (!known && installed.status().code() == StatusCode::kFailedPrecondition) {
      (void)EndMembership(client, host.id);
      (void)RemoveTree(HostFolder(globals, host.id));
    }
    return installed.status();
  }
  Revoke(client, old);
  SayHowItRuns(host, probed);
  // A tunnel that is kept already goes to where the settings before said, with their options.
  BRAID_RETURN_IF_ERROR(EndTunnel(globals, host.id));
  if (host.tunnel()) BRAID_RETURN_IF_ERROR(StartTunnel(globals, host.id));
  BRAID_RETURN_IF_ERROR(WaitUntilReady(client, host, boot));
  SayOf(host, "connected");
  return OkStatus();
}

Status RemoveHost(const Globals& globals, const std::string& id, bool force) {
  const std::string folder = HostFolder(globals, id);
  BRAID_ASSIGN_OR_RETURN(const HostSettings host, pool::ssh::ReadHost(folder));
  const auto removed = pool::ssh::RunScript(host.remote, pool::ssh::RemoveScript(host, force),
                                            kScriptMs);
  if (!removed.ok()) {
    if (!force) {
      return removed.status().Wrap("worker " + id +
                                   " is not removed (with --force its membership "
                                   "ends, and what is on the host stays there)");
    }
    SayOf(host, removed.status().message() + "; what is on the host stays: " + host.folder);
  }
  BRAID_RETURN_IF_ERROR(EndTunnel(globals, id));
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  BRAID_RETURN_IF_ERROR(EndMembership(client, id));
  return RemoveTree(folder);
}

}  // namespace braid::cli
