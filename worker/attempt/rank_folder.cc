#include "worker/attempt/rank_folder.h"

#include <signal.h>

#include <string_view>

#include "base/file.h"
#include "base/json.h"
#include "base/private_folder.h"
#include "base/process.h"
#include "base/sha256.h"
#include "base/state_files.h"
#include "base/text.h"

namespace braid::worker {
namespace {

// In bytes. File systems allow 255, and copies of the folder get a suffix.
constexpr size_t kLongest = 200;
constexpr std::string_view kPlain =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";

std::string Encoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    if (kPlain.find(c) != std::string_view::npos) {
      encoded += c;
    } else {
      encoded += Format("%%%02X", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

// Kills the process group that a pid file names, if it is that process still.
void KillByPidFile(const std::string& pid_file) {
  const Result<Json> json = ReadJsonFile(pid_file);
  if (!json.ok() || !json->is_object()) return;
  const Json pid = json->value("pid", Json());
  const Json start = json->value("start", Json());
  if (!pid.is_number_integer() || !start.is_number_integer() || pid.get<int64_t>() <= 1) return;
  // Pids are used again. The start time tells the worker's old child from another process that has
  // its number now.
  const uint64_t running = ProcessStartTime(pid.get<pid_t>());
  if (running != 0 && running == start.get<uint64_t>()) kill(-pid.get<pid_t>(), SIGKILL);
}

}  // namespace

std::string RankFolderName(const RankKey& key) {
  // Encoded text contains no '+', so two different keys never give the same name.
  const std::string name = Encoded(key.run) + "+" + Encoded(key.job) + "+" +
                           std::to_string(key.epoch) + "+" + std::to_string(key.rank);
  return name.size() <= kLongest ? name : Sha256Hex(name);
}

std::string RankFolder(const std::string& worker_folder, const RankKey& key) {
  return JoinPath(JoinPath(worker_folder, state_files::kRanks), RankFolderName(key));
}

std::string ArtifactFolder(const std::string& worker_folder, const std::string& artifact) {
  return JoinPath(JoinPath(worker_folder, state_files::kArtifacts), artifact);
}

Status CleanUpRanks(const std::string& worker_folder, const std::set<std::string>& keep) {
  const std::string ranks = JoinPath(worker_folder, state_files::kRanks);
  BRAID_RETURN_IF_ERROR(MakePrivateFolder(ranks));
  BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolder(ranks));
  for (const std::string& name : names) {
    const std::string folder = JoinPath(ranks, name);
    // Programs of an earlier process of the worker that outlived it: they would write on into the
    // folder.
    KillByPidFile(JoinPath(folder, kPidFile));
    if (!keep.contains(name)) BRAID_RETURN_IF_ERROR(RemoveTree(folder));
  }
  return OkStatus();
}

}  // namespace braid::worker
