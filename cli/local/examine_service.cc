#include "cli/local/examine_service.h"

#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>

#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "base/state_files.h"
#include "base/text.h"
#include "base/version.h"
#include "cli/local/json_member.h"
#include "cli/shared/print.h"
#include "rpc/tls/certificates.h"
#include "rpc/tls/peer.h"

namespace braid::cli {
namespace {

constexpr int64_t kAnswerMs = 5'000;
// File systems of other machines (linux/magic.h and cifs).
constexpr std::array<unsigned long, 4> kNetworkMagic = {0x6969, 0xFF534D42, 0xFE534D42, 0x517B};

struct Mode {
  bool there = false;
  bool ours = false;
  uint32_t bits = 0;
};

Mode ModeOf(const std::string& path) {
  struct stat info{};
  if (stat(path.c_str(), &info) != 0) return {};
  return {true, info.st_uid == geteuid() || geteuid() == 0, info.st_mode & 07777};
}

bool OnNetwork(const std::string& path) {
  struct statfs info{};
  if (statfs(path.c_str(), &info) != 0) return false;
  const auto magic = static_cast<unsigned long>(info.f_type) & 0xFFFFFFFF;
  return std::find(kNetworkMagic.begin(), kNetworkMagic.end(), magic) != kNetworkMagic.end();
}

// The last line of a log, for people; empty if there is none.
std::string LastLineOf(const std::string& path) {
  const auto text = ReadFile(path, uint64_t{64} << 20);
  return text.ok() ? Split(Trim(*text), '\n').back() : "";
}

// Whether the process that up.json names still runs.
Diagnosis ExamineUp(const std::string& dir) {
  Diagnosis found{Verdict::kOk, "braid up", "", ""};
  const std::string path = JoinPath(dir, state_files::kUp);
  const auto json = ReadJsonFile(path, 1 << 16);
  if (json.status().code() == StatusCode::kNotFound) {
    found.found = "not running in " + dir;
    return found;
  }
  const auto pid = MemberOr<pid_t>(json, "pid", 0);
  if (pid > 1 && ProcessStartTime(pid) == MemberOr<uint64_t>(json, "start", 0)) {
    found.found = "runs in " + dir + ", process " + std::to_string(pid);
    return found;
  }
  found.verdict = Verdict::kWarning;
  found.found = path + " names process " + std::to_string(pid) +
                ", which does not run here any more";
  found.advice = "braid up starts it again; runs go on from their checkpoints";
  return found;
}

Diagnosis ExamineToken(const Endpoint& endpoint) {
  Diagnosis found{Verdict::kOk, "token", endpoint.token_file, ""};
  if (endpoint.token.empty()) {
    found.verdict = Verdict::kError;
    found.found = "no file with a token is known for " + endpoint.address;
    found.advice =
        "copy the coordinator's token file, or have one made (braid token create), and "
        "name it with --token-file (BRAID_TOKEN_FILE)";
    return found;
  }
  const std::string others = OthersIn(ModeOf(endpoint.token_file).bits);
  if (others.empty()) return found;
  found.verdict = Verdict::kWarning;
  found.found += " can be read by " + others;
  found.advice = "chmod 600 " + endpoint.token_file +
                 "; if somebody may have read it, replace the token (docs/security.md, Rotation)";
  return found;
}

// The certificate that the coordinator shows; none without TLS.
std::vector<Diagnosis> ExamineCertificates(const Endpoint& endpoint) {
  if (!endpoint.tls()) return {};
  const auto view = rpc::LookAt(endpoint.address);
  if (!view.ok() || view->chain.empty()) return {};
  const auto facts = rpc::FactsOf(view->chain.front());
  if (!facts.ok()) return {};
  return {JudgeCertificate("that of " + endpoint.address, facts->ends_ms, SystemClock().WallMs())};
}

// The certificate of the dashboard, where the address file says that it has HTTPS.
std::vector<Diagnosis> ExamineDashboard(const Globals& globals) {
  const auto addresses = ReadJsonFile(JoinPath(globals.dir, state_files::kAddress), 1 << 16);
  const auto http = MemberOr<std::string>(addresses, "http", "");
  const auto authority = MemberOr<std::string>(addresses, "http_ca_file", "");
  if (!globals.address.empty() || http.empty() || authority.empty()) return {};
  Endpoint endpoint;
  endpoint.address = http;
  endpoint.ca_file = authority.starts_with('/') ? authority : JoinPath(globals.dir, authority);
  Diagnosis found{Verdict::kWarning, "dashboard", "", ""};
  const auto ca = ReadFile(endpoint.ca_file, 1 << 20);
  if (ca.ok()) endpoint.ca = *ca;
  found.found = ca.ok()
                    ? rpc::WhyNoHttps(endpoint, MemberOr<std::string>(addresses, "http_name", ""))
                    : ca.status().message();
  if (!found.found.empty()) {
    found.advice =
        "restart the coordinator, which then writes down whom to trust, or replace the files of "
        "--http-cert and --http-key (docs/security.md, HTTPS)";
    return {found};
  }
  const auto view = rpc::LookAt(http);
  if (!view.ok()) return {};
  const auto facts = rpc::FactsOf(view->chain.empty() ? "" : view->chain.front());
  if (facts.ok())
    found = JudgeCertificate("that of https://" + http, facts->ends_ms, SystemClock().WallMs());
  return {found};
}

struct Asked {
  Result<v1::ServerInfo> info;
  int64_t sent_ms, received_ms;  // wall clock
};

Asked AskServer(Client& client) {
  const int64_t sent = SystemClock().WallMs();
  auto info = client.Call<v1::ServerInfo>(&v1::Admin::Stub::GetServerInfo, client.admin(),
                                          v1::GetServerInfoRequest(), kAnswerMs);
  return {std::move(info), sent, SystemClock().WallMs()};
}

std::string AdviceFor(const Globals& globals, const Status& status) {
  if (status.Is(ErrorReason::kUnauthenticated))
    return "copy the coordinator's present token file, or name another with --token-file";
  if (status.Is(ErrorReason::kTls)) return "docs/security.md, On a network";
  if (status.code() == StatusCode::kPermissionDenied)
    return "an administrator makes a token with more rights: braid token create";
  if (!globals.address.empty())
    return "is it running there, and does a firewall let the port through? behind a tunnel: does "
           "the ssh still run?";
  const std::string log = JoinPath(JoinPath(globals.dir, state_files::kUpLogs), "coordinator.log");
  const std::string last = LastLineOf(log);
  return "braid up starts it again" +
         (last.empty() ? std::string() : "; the last line of " + log + ": " + last);
}

// Which of the workers have something wrong, and what.
std::vector<Diagnosis> ExamineWorkers(const v1::ListWorkersResponse& list,
                                      const std::string& version) {
  std::vector<Diagnosis> found;
  int ready = 0;
  for (const v1::Worker& worker : list.workers()) {
    const auto add = [&](const std::string& what, const std::string& advice) {
      found.push_back({Verdict::kWarning, "worker " + worker.id(), what, advice});
    };
    ready += worker.link() == v1::WORKER_READY ? 1 : 0;
    if (worker.link() != v1::WORKER_READY)
      add("has been silent for " + Ago(worker.last_seen_ms()) + " (host " + worker.host() + ")",
          "start it again there; braid worker remove " + worker.id() + " forgets it");
    if (worker.admit() != v1::WORKER_OPEN)
      add("takes no new jobs", "braid worker cordon --open " + worker.id());
    if (!worker.quarantine().empty())
      add("takes no new jobs: " + worker.quarantine(),
          "braid worker describe " + worker.id() + " has the failures");
    if (!worker.version().empty() && worker.version() != version)
      add("has version " + worker.version() + ", the coordinator " + version,
          "install the same version everywhere");
    for (const v1::RefusedGpu& gpu : worker.refused_gpus())
      add("may not use GPU " + gpu.id() + ": " + gpu.reason(),
          "give each worker GPUs of its own (--gpus)");
  }
  const std::string all = std::to_string(ready) + " of " + std::to_string(list.workers_size());
  Diagnosis summary{Verdict::kOk, "workers", all + " are connected", ""};
  if (ready == 0) {
    summary.verdict = Verdict::kWarning;
    summary.advice =
        "jobs wait until there is one: braid up starts two, braid worker invite lets "
        "another machine join";
  }
  found.insert(found.begin(), std::move(summary));
  return found;
}

// Where blobs are kept, if not in the coordinator's folder alone.
Diagnosis JudgeBucket(const v1::ServerInfo& info) {
  const std::string waiting = std::to_string(info.bucket_waiting()) + " files (" +
                              FormatBytes(info.bucket_waiting_bytes()) + ")";
  if (!info.bucket_error().empty())
    return {Verdict::kError, "bucket", info.bucket_error(),
            waiting + " wait on the coordinator's disk until that is mended; runs go on meanwhile"};
  return {Verdict::kOk, "bucket",
          info.bucket() + (info.bucket_waiting() == 0 ? std::string(" has all files")
                                                      : " is reached; " + waiting + " wait"),
          ""};
}

std::string AnsweredText(const Endpoint& endpoint, const Asked& asked) {
  std::string text = "answers at " + endpoint.address + " within " +
                     ShortTime(asked.received_ms - asked.sent_ms) +
                     (endpoint.tls() ? ", over TLS" : "") + ", up for " +
                     Ago(asked.info->started_ms());
  if (asked.info->recovering()) text += ", waiting for its workers to come back";
  return text + ", " + std::to_string(asked.info->runs_active()) + " runs active";
}

}  // namespace

std::vector<Diagnosis> ExamineStateFolder(const Globals& globals) {
  const std::string dir = AbsolutePath(globals.dir);
  const Mode mode = ModeOf(dir);
  if (!mode.there) {
    std::string above = FolderOf(dir);
    while (!PathExists(above) && above != "/") above = FolderOf(above);
    Diagnosis none{Verdict::kOk, "state folder", dir + " is not there yet; braid up makes it", ""};
    if (access(above.c_str(), W_OK | X_OK) != 0) {
      none.verdict = Verdict::kError;
      none.found = dir + " is not there, and nothing can be written in " + above;
      none.advice = "name a folder of yours with --dir (BRAID_DIR)";
    }
    const auto free = FreeBytes(above);
    return {none, JudgeDisk(above, free.ok() ? *free : 0)};
  }
  Diagnosis folder{Verdict::kOk, "state folder", dir, ""};
  const std::string others = OthersIn(mode.bits);
  if (!IsFolder(dir)) {
    folder = {Verdict::kError, "state folder", dir + " is a file",
              "name a folder with --dir (BRAID_DIR)"};
    return {folder};
  }
  if (!mode.ours || access(dir.c_str(), R_OK | W_OK | X_OK) != 0) {
    folder = {
        Verdict::kError, "state folder", dir + " belongs to another user, or cannot be written",
        "run braid as the user who started it, or name another folder with --dir (BRAID_DIR)"};
  } else if (OnNetwork(dir)) {
    folder = {
        Verdict::kWarning, "state folder", dir + " is on a file system of another machine",
        "the catalog is a database that needs locks and synced writes, which such file systems "
        "often only pretend: keep the state on a local disk"};
  } else if (!others.empty() && PathExists(JoinPath(dir, state_files::kCoordinator))) {
    folder = {Verdict::kWarning, "state folder", dir + " can be read by " + others,
              "chmod 700 " + dir +
                  ", unless it is meant to be shared; what braid makes in it is "
                  "private either way"};
  }
  const auto free = FreeBytes(dir);
  return {folder, JudgeDisk("the state folder", free.ok() ? *free : 0), ExamineUp(dir)};
}

std::vector<Diagnosis> ExamineCoordinator(const Globals& globals) {
  const Result<Endpoint> endpoint = globals.FindCoordinator();
  if (!endpoint.ok()) {
    // Nothing was started here and nobody said where: that is how everybody begins.
    const bool fresh = endpoint.status().code() == StatusCode::kUnavailable &&
                       globals.address.empty();
    return {
        {fresh ? Verdict::kWarning : Verdict::kError, "address", endpoint.status().message(),
         fresh ? "braid up starts a coordinator here; --dir (BRAID_DIR) names the state folder of "
                 "another"
               : "mend the file, or name another with --dir, --token-file or --ca"}};
  }
  std::vector<Diagnosis> found = {ExamineToken(*endpoint)};
  for (Diagnosis& one : ExamineCertificates(*endpoint)) found.push_back(std::move(one));
  Client client(*endpoint);
  const Asked asked = AskServer(client);
  if (!asked.info.ok()) {
    found.push_back({Verdict::kError, "coordinator", asked.info.status().message(),
                     AdviceFor(globals, asked.info.status())});
    return found;
  }
  found.push_back({Verdict::kOk, "coordinator", AnsweredText(*endpoint, asked), ""});
  for (Diagnosis& one : ExamineDashboard(globals)) found.push_back(std::move(one));
  found.push_back(JudgeVersion("the coordinator", asked.info->version(), kVersion));
  if (!asked.info->bucket().empty()) found.push_back(JudgeBucket(*asked.info));
  if (asked.info->time_ms() != 0)
    found.push_back(JudgeClock(asked.info->time_ms() - (asked.sent_ms + asked.received_ms) / 2,
                               (asked.received_ms - asked.sent_ms + 1) / 2));
  const auto who = client.Call<v1::Credential>(&v1::Access::Stub::WhoAmI, client.access(),
                                               v1::WhoAmIRequest(), kAnswerMs);
  if (who.ok())
    found.push_back({Verdict::kOk, "role",
                     (who->name().empty() ? std::string("the owner") : who->name()) + ", role " +
                         v1::Role_Name(who->role()),
                     ""});
  const auto workers = client.Call<v1::ListWorkersResponse>(
      &v1::Admin::Stub::ListWorkers, client.admin(), v1::ListWorkersRequest(), kAnswerMs);
  if (workers.ok()) {
    for (Diagnosis& one : ExamineWorkers(*workers, asked.info->version()))
      found.push_back(std::move(one));
  }
  return found;
}

}  // namespace braid::cli
