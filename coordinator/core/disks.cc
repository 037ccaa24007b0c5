#include "coordinator/core/disks.h"

#include <algorithm>

#include "base/text.h"

namespace braid::coordinator {
namespace {

// A disk may be full for a moment, as when another job is about to remove its files; so the waits
// begin short.
constexpr int64_t kFirstWaitMs = 2'000;
constexpr int64_t kMaxWaitMs = 60'000;
// A smaller gain may be the log file or the folder of the failed rank itself, which is not room for
// another try.
constexpr int64_t kMuchMoreBytes = int64_t{4} << 20;

bool HasMuchMoreRoom(const WorkerDisk& disk) {
  const int64_t then = disk.free_then_bytes;
  return then >= 0 && disk.free_bytes >= 2 * then && disk.free_bytes >= then + kMuchMoreBytes;
}

}  // namespace

void NoteFullDisk(const std::string& id, const std::string& why, Transaction& tx) {
  WorkerDisk& disk = tx.worker(id).disk;
  const int64_t wait_ms = std::min(kMaxWaitMs,
                                   kFirstWaitMs << std::min<int64_t>(disk.times_full, 16));
  ++disk.times_full;
  disk.full_until_ms = tx.now_ms() + wait_ms;
  disk.full_until_wall_ms = tx.wall_ms() + wait_ms;
  disk.free_then_bytes = disk.free_bytes;
  if (disk.times_full == 1) tx.Add(catalog::WorkerLinkChanged{id, "disk_full", why});
}

void NoteRoom(const std::string& id, Transaction& tx) {
  const auto worker = tx.state().workers.find(id);
  if (worker == tx.state().workers.end() || worker->second.disk.times_full == 0) return;
  WorkerDisk& disk = tx.worker(id).disk;
  disk.times_full = 0;
  disk.full_until_ms = 0;
}

void ObserveDisk(WorkerDisk& disk, int64_t now_ms) {
  if (disk.full_until_ms == 0) return;
  // From the second failure on, freed space is no evidence: it may be only what the failed rank had
  // filled and gave back, and the next attempt would fill it again.
  const bool room = disk.times_full == 1 && HasMuchMoreRoom(disk);
  if (room || now_ms >= disk.full_until_ms) disk.full_until_ms = 0;
}

std::string FullDiskText(const std::string& id, const State& state) {
  const auto worker = state.workers.find(id);
  if (worker == state.workers.end() || worker->second.disk.full_until_ms == 0) return "";
  const WorkerDisk& disk = worker->second.disk;
  std::string text = "the disk of worker " + id + " is full";
  std::string where = worker->second.hello.folder;
  if (disk.free_bytes >= 0)
    where += (where.empty() ? "" : ", ") + FormatBytes(static_cast<uint64_t>(disk.free_bytes)) +
             " free";
  if (!where.empty()) text += " (" + where + ")";
  return text + "; tried again when there is room, or at " + FormatUtc(disk.full_until_wall_ms);
}

}  // namespace braid::coordinator
