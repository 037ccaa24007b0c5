#include "worker/attempt/outbox_folder.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "base/file.h"
#include "base/log.h"
#include "base/private_folder.h"
#include "base/state_files.h"
#include "base/text.h"
#include "worker/attempt/kept_text.h"
#include "worker/attempt/rank_folder.h"

namespace braid::worker {
namespace {

constexpr char kRankFile[] = "rank.json";
constexpr char kEndFile[] = "end.json";
constexpr std::string_view kCheckpointPrefix = "checkpoint-";
constexpr std::string_view kJsonEnding = ".json";

std::string CheckpointName(int64_t number) {
  return std::string(kCheckpointPrefix) + std::to_string(number);
}

// The number of a checkpoint's file, or 0 for another name.
int64_t NumberOf(std::string_view name) {
  if (!name.starts_with(kCheckpointPrefix) || !name.ends_with(kJsonEnding)) return 0;
  name.remove_prefix(kCheckpointPrefix.size());
  name.remove_suffix(kJsonEnding.size());
  const Result<int64_t> number = ParseInt(std::string(name));
  return number.ok() && *number > 0 ? *number : 0;
}

Status SyncIfThere(const std::string& path) {
  return PathExists(path) ? SyncFile(path) : OkStatus();
}

// Links the files of `from` into `to`, which appears as a whole.
Status LinkTree(const std::string& from, const std::string& to) {
  const std::string temporary = to + ".tmp";
  BRAID_RETURN_IF_ERROR(RemoveTree(temporary));
  BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> files, ListTree(from));
  BRAID_RETURN_IF_ERROR(MakeFolder(temporary));
  std::set<std::string> folders = {temporary};
  for (const std::string& file : files) {
    const std::string target = JoinPath(temporary, file);
    if (const std::string home = FolderOf(target); folders.insert(home).second)
      BRAID_RETURN_IF_ERROR(MakeFolder(home));
    BRAID_RETURN_IF_ERROR(LinkOrCopy(JoinPath(from, file), target));
  }
  for (auto folder = folders.rbegin(); folder != folders.rend(); ++folder)
    BRAID_RETURN_IF_ERROR(SyncFolder(*folder));
  BRAID_RETURN_IF_ERROR(RemoveTree(to));
  return Rename(temporary, to);  // durable with the JSON file beside it
}

// Nothing but a failed fsync is said about outputs that are not there: whoever stores them does.
Status SyncOutputs(const std::string& output, const KeptEnd& end) {
  for (const auto& [role, one] : end.outputs) {
    if (!IsSafeRelativePath(one.folder)) continue;
    const std::string folder = JoinPath(output, one.folder);
    const Result<std::vector<std::string>> files = ListTree(folder);
    if (!files.ok()) continue;
    std::set<std::string> folders = {output, folder};
    Status status;
    for (const std::string& file : *files) {
      if (status.ok()) status = SyncFile(JoinPath(folder, file));
      folders.insert(FolderOf(JoinPath(folder, file)));
    }
    for (const std::string& one_folder : folders) {
      if (status.ok()) status = SyncFolder(one_folder);
    }
    if (status.ok()) continue;
    if (status.Is(ErrorReason::kStorageFull)) return status;
    return Status(StatusCode::kDataLoss, ErrorReason::kFsyncFailed,
                  "output " + role + " may not be on the disk: " + status.message());
  }
  return OkStatus();
}

// Moves a file that cannot be read out of the way, and says so. The newest of each name is kept, so
// that damaged files do not fill the disk.
void Quarantine(const std::string& worker_folder, const std::string& rank, const std::string& file,
                const Status& why) {
  const std::string damaged = JoinPath(worker_folder, state_files::kDamaged);
  const std::string from = JoinPath(JoinPath(JoinPath(worker_folder, state_files::kOutbox), rank),
                                    file);
  const std::string to = JoinPath(damaged, rank + "." + file);
  Status moved = MakePrivateFolder(damaged);
  if (moved.ok()) moved = Rename(from, to);
  Log(LogLevel::kError, "outbox",
      why.message() + "; it is not delivered, and is " +
          (moved.ok() ? "kept as " + to : "left there: " + moved.message()));
}

// Reads one file of a rank. Absent: nullopt, and so after a file that cannot be read was moved
// away.
template <typename Parse>
auto ReadKept(const std::string& worker_folder, const std::string& rank, const std::string& file,
              Parse parse) -> std::optional<std::decay_t<decltype(*parse("", ""))>> {
  const std::string path = JoinPath(JoinPath(JoinPath(worker_folder, state_files::kOutbox), rank),
                                    file);
  if (!PathExists(path)) return std::nullopt;
  const Result<std::string> text = ReadFile(path);
  auto value = text.ok() ? parse(*text, path) : text.status();
  if (value.ok()) return *std::move(value);
  Quarantine(worker_folder, rank, file, value.status());
  return std::nullopt;
}

// The newest checkpoint of a rank whose files are all there.
std::optional<KeptCheckpoint> NewestCheckpoint(const std::string& worker_folder,
                                               const std::string& rank,
                                               const std::vector<std::string>& names) {
  std::vector<int64_t> numbers;
  for (const std::string& name : names) {
    if (const int64_t number = NumberOf(name); number > 0) numbers.push_back(number);
  }
  std::sort(numbers.rbegin(), numbers.rend());
  for (const int64_t number : numbers) {
    const std::string name = CheckpointName(number);
    auto checkpoint = ReadKept(worker_folder, rank, name + std::string(kJsonEnding),
                               ParseKeptCheckpoint);
    if (!checkpoint.has_value()) continue;
    checkpoint->number = number;
    checkpoint->message.folder = JoinPath(
        JoinPath(JoinPath(worker_folder, state_files::kOutbox), rank), name);
    if (IsFolder(checkpoint->message.folder)) return checkpoint;
    Log(LogLevel::kError, "outbox",
        checkpoint->message.folder + " is gone: the checkpoint of step " +
            std::to_string(checkpoint->message.step) + " cannot be delivered");
  }
  return std::nullopt;
}

// What the outbox has of one rank; nullopt if there is nothing to deliver.
std::optional<KeptRank> ReadRank(const std::string& worker_folder, const std::string& rank) {
  const std::string folder = JoinPath(JoinPath(worker_folder, state_files::kOutbox), rank);
  const Result<std::vector<std::string>> names = ListFolder(folder);
  if (!names.ok()) return std::nullopt;
  std::optional<KeptRank> kept_rank = ReadKept(
      worker_folder, rank, kRankFile,
      [&](std::string_view text, const std::string& path) -> Result<KeptRank> {
        BRAID_ASSIGN_OR_RETURN(KeptRank read, ParseKeptRank(text, path));
        if (RankFolderName(read.assignment.key) == rank) return read;
        return DataLoss(path + " is that of another rank, " + read.assignment.key.ToString());
      });
  // Without the file, a killed process was about to make or to remove the folder.
  if (!kept_rank.has_value()) return std::nullopt;
  KeptRank& kept = *kept_rank;
  kept.checkpoint = NewestCheckpoint(worker_folder, rank, *names);
  kept.end = ReadKept(worker_folder, rank, kEndFile, ParseKeptEnd);
  if (!kept.checkpoint.has_value() && !kept.end.has_value()) return std::nullopt;
  return kept_rank;
}

// Removes everything but what `kept` speaks of.
void RemoveRest(const std::string& folder, const KeptRank& kept) {
  std::set<std::string> speaks_of = {kRankFile, kEndFile};
  if (kept.checkpoint.has_value()) {
    const std::string name = CheckpointName(kept.checkpoint->number);
    speaks_of.insert({name, name + std::string(kJsonEnding)});
  }
  const Result<std::vector<std::string>> names = ListFolder(folder);
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    if (!speaks_of.contains(name)) (void)RemoveTree(JoinPath(folder, name));
  }
}

// A process or a machine that fell may have left a part of a line, which would be joined with a
// line of another attempt.
void CutTornLine(const std::string& path) {
  const Result<std::string> text = ReadFile(path);
  if (!text.ok() || text->empty() || text->back() == '\n') return;
  (void)!truncate(path.c_str(), static_cast<off_t>(text->rfind('\n') + 1));  // npos + 1 is 0
}

}  // namespace

std::string OutboxFolder(const std::string& worker_folder, const RankKey& key) {
  return JoinPath(JoinPath(worker_folder, state_files::kOutbox), RankFolderName(key));
}

Status WriteKeptRank(const std::string& worker_folder, const Owner& owner,
                     const Assignment& assignment) {
  const std::string folder = OutboxFolder(worker_folder, assignment.key);
  BRAID_RETURN_IF_ERROR(MakePrivateFolder(FolderOf(folder)));
  BRAID_RETURN_IF_ERROR(MakeFolder(folder));
  return WriteFileAtomic(JoinPath(folder, kRankFile), TextOf(owner, assignment));
}

Result<std::string> WriteKeptCheckpoint(const std::string& worker_folder, const RankKey& key,
                                        const KeptCheckpoint& checkpoint) {
  BRAID_RETURN_IF_ERROR(SyncIfThere(JoinPath(RankFolder(worker_folder, key), kMetricsFile)));
  const std::string copy = JoinPath(OutboxFolder(worker_folder, key),
                                    CheckpointName(checkpoint.number));
  Status status = LinkTree(checkpoint.message.folder, copy);
  if (status.ok()) status = WriteFileAtomic(copy + std::string(kJsonEnding), TextOf(checkpoint));
  if (status.ok()) return copy;
  (void)RemoveTree(copy + ".tmp");
  (void)RemoveTree(copy);
  return status;
}

Status RemoveKeptCheckpoint(const std::string& worker_folder, const RankKey& key, int64_t number) {
  const std::string copy = JoinPath(OutboxFolder(worker_folder, key), CheckpointName(number));
  BRAID_RETURN_IF_ERROR(RemoveFile(copy + std::string(kJsonEnding)));
  return RemoveTree(copy);
}

Status WriteKeptEnd(const std::string& worker_folder, const Owner& owner,
                    const Assignment& assignment, const KeptEnd& end) {
  const std::string rank = RankFolder(worker_folder, assignment.key);
  BRAID_RETURN_IF_ERROR(SyncOutputs(JoinPath(rank, kOutputFolder), end));
  BRAID_RETURN_IF_ERROR(SyncIfThere(JoinPath(rank, kLogFile)));
  BRAID_RETURN_IF_ERROR(SyncIfThere(JoinPath(rank, kMetricsFile)));
  const std::string folder = OutboxFolder(worker_folder, assignment.key);
  // A rank that ends before its program starts has none yet.
  if (!PathExists(JoinPath(folder, kRankFile)))
    BRAID_RETURN_IF_ERROR(WriteKeptRank(worker_folder, owner, assignment));
  return WriteFileAtomic(JoinPath(folder, kEndFile), TextOf(end));
}

Status RemoveOutbox(const std::string& worker_folder, const RankKey& key) {
  const std::string folder = OutboxFolder(worker_folder, key);
  BRAID_RETURN_IF_ERROR(RemoveFile(JoinPath(folder, kRankFile)));
  return RemoveTree(folder);
}

Result<std::vector<KeptRank>> RecoverRanks(const std::string& worker_folder) {
  const std::string outbox = JoinPath(worker_folder, state_files::kOutbox);
  BRAID_RETURN_IF_ERROR(MakePrivateFolder(outbox));
  BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolder(outbox));
  std::vector<KeptRank> kept;
  std::set<std::string> kept_names;
  for (const std::string& name : names) {
    const std::string folder = JoinPath(outbox, name);
    if (std::optional<KeptRank> rank = ReadRank(worker_folder, name)) {
      RemoveRest(folder, *rank);
      kept.push_back(*std::move(rank));
      kept_names.insert(name);
      // Not whole: the process ended before it had kept enough to deliver.
    } else if (const Status removed = RemoveTree(folder); !removed.ok()) {
      Log(LogLevel::kWarning, "outbox", removed.message());
    }
  }
  BRAID_RETURN_IF_ERROR(CleanUpRanks(worker_folder, kept_names));
  for (const KeptRank& rank : kept)
    // The last line of metrics may have been cut off by a crash.
    CutTornLine(JoinPath(RankFolder(worker_folder, rank.assignment.key), kMetricsFile));
  return kept;
}

}  // namespace braid::worker
