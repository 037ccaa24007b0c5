#include "alert/journal.h"

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"

namespace braid::alert {
namespace {

// A journal has some hundred bytes for each channel; a larger file is not ours.
constexpr uint64_t kMaxBytes = 1 << 20;

Status NotOurs(const Status& why) {
  return DataLoss(why.message() +
                  ": remove the file, and alerts begin with what happens from now on");
}

Result<Progress> ReadProgress(const Json& json, const std::string& path) {
  JsonReader read(json, path);
  Progress progress;
  progress.seq = read.RequireInt("seq");
  progress.sent = read.Int("sent", 0);
  progress.dropped = read.Int("dropped", 0);
  progress.last_sent_ms = read.Int("last_sent_ms", 0);
  if (const Status status = read.Finish(); !status.ok()) return NotOurs(status);
  return progress;
}

}  // namespace

Result<Journal> Journal::Open(const std::string& path, const std::vector<std::string>& channels,
                              int64_t last_seq) {
  Json json = {{"channels", Json::object()}};
  if (PathExists(path)) {
    auto there = ReadJsonFile(path, kMaxBytes);
    if (!there.ok()) return NotOurs(there.status());
    json = *std::move(there);
  }
  JsonReader read(json, path);
  const Json& known = read.RequireObject("channels");
  const bool disk_low = read.Bool("disk_low", false);
  if (const Status status = read.Finish(); !status.ok()) return NotOurs(status);
  std::map<std::string, Progress> all;
  for (const std::string& name : channels) {
    all[name].seq = last_seq;
    if (!known.contains(name)) continue;
    BRAID_ASSIGN_OR_RETURN(all[name], ReadProgress(known[name], path + ": channels." + name));
    all[name].seq = std::min(all[name].seq, last_seq);
  }
  Journal journal(path);
  {
    MutexLock lock(journal.mutex_);
    journal.channels_ = std::move(all);
    journal.disk_low_ = disk_low;
    // Where a new channel begins outlives a restart before its first alert. If there is no room for
    // it now, there is for what comes later; a full disk is no reason not to start.
    if (const Status written = journal.Write(); !written.ok())
      Log(LogLevel::kWarning, "coordinator", "alerts: " + written.message());
  }
  return journal;
}

Journal::Journal(Journal&& other) noexcept {
  MutexLock lock(other.mutex_);
  MutexLock mine(mutex_);
  path_ = std::move(other.path_);
  channels_ = std::move(other.channels_);
  disk_low_ = other.disk_low_;
}

Progress Journal::Of(const std::string& channel) {
  MutexLock lock(mutex_);
  return channels_[channel];
}

Status Journal::Note(const std::string& channel, const Progress& progress) {
  MutexLock lock(mutex_);
  channels_[channel] = progress;
  return Write();
}

bool Journal::disk_low() {
  MutexLock lock(mutex_);
  return disk_low_;
}

Status Journal::NoteDiskLow(bool low) {
  MutexLock lock(mutex_);
  disk_low_ = low;
  return Write();
}

Status Journal::Write() {
  Json channels = Json::object();
  for (const auto& [name, progress] : channels_) {
    channels[name] = {{"seq", progress.seq},
                      {"sent", progress.sent},
                      {"dropped", progress.dropped},
                      {"last_sent_ms", progress.last_sent_ms}};
  }
  return WriteJsonFile(path_, {{"channels", channels}, {"disk_low", disk_low_}});
}

}  // namespace braid::alert
