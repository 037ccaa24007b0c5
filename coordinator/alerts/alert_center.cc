#include "coordinator/alerts/alert_center.h"

#include <sys/statvfs.h>

#include <utility>

#include "base/file.h"
#include "base/host.h"
#include "base/log.h"
#include "base/random.h"
#include "base/state_files.h"
#include "base/text.h"
#include "coordinator/alerts/event_alerts.h"

namespace braid::coordinator {
namespace {

// Bounds the memory of a channel that has fallen behind. Free space changes slowly, so it is
// checked twice a minute.
constexpr int64_t kEventsAtOnce = 500;
constexpr int64_t kLookAtDiskMs = 30'000;
// There is room again only when there is so much more than the limit: a disk near it would
// otherwise be told of again and again.
constexpr double kClearlyMore = 1.25;

}  // namespace

Result<std::unique_ptr<AlertCenter>> AlertCenter::Create(
    alert::Settings settings, const std::string& dir, const std::string& coordinator_id,
    catalog::Store* store, const catalog::Reader* reader, Core* core) {
  std::vector<std::string> names;
  for (const alert::Channel& channel : settings.channels) names.push_back(channel.name);
  BRAID_ASSIGN_OR_RETURN(
      alert::Journal journal,
      alert::Journal::Open(JoinPath(dir, state_files::kAlerts), names, core->durable_seq()));
  return std::unique_ptr<AlertCenter>(new AlertCenter(std::move(settings), dir, coordinator_id,
                                                      store, reader, core, std::move(journal)));
}

void AlertCenter::Start() {
  dispatcher_ = std::make_unique<alert::Dispatcher>(
      settings_.channels, &journal_, [this](int64_t seq) { return ReadAfter(seq); },
      core_->options().clock);
  Ring(dispatcher_.get());
  subscription_ = core_->events().Subscribe(Core::kAllEvents, [bell = bell_] {
    MutexLock lock(bell->mutex);
    if (bell->rings != nullptr) bell->rings->Wake();
  });
  // An event between the dispatcher's first look and the subscription.
  dispatcher_->Wake();
  disk_thread_ = std::thread([this] { WatchDisk(); });
}

void AlertCenter::Ring(alert::Dispatcher* dispatcher) {
  MutexLock lock(bell_->mutex);
  bell_->rings = dispatcher;
}

void AlertCenter::Halt() {
  if (dispatcher_ != nullptr) dispatcher_->Stop();
}

void AlertCenter::Stop() {
  {
    MutexLock lock(mutex_);
    stop_ = true;
    changed_.NotifyAll();
  }
  if (disk_thread_.joinable()) disk_thread_.join();
  subscription_.reset();
  Ring(nullptr);
  dispatcher_.reset();
}

Result<alert::Outcome> AlertCenter::SendTest(const std::string& channel) {
  catalog::EventRecord event;
  event.time_ms = core_->options().clock->WallMs();
  event.kind = "server.test";
  event.detail = "Sent by hand from the coordinator on " + HostName() + ".";
  alert::Alert alert = AlertOf(alert::Kind::kTest, event, nullptr, coordinator_id_, settings_.url);
  alert.id = "test-" + RandomUuid();
  return dispatcher_->SendNow(channel, alert);
}

Result<std::vector<alert::Found>> AlertCenter::ReadAfter(int64_t seq) const {
  BRAID_ASSIGN_OR_RETURN(const auto events, store_->ReadEvents({seq, "", kEventsAtOnce, false}));
  std::vector<alert::Found> found;
  for (const catalog::EventRecord& event : events) {
    found.push_back({event.seq, std::nullopt});
    if (const auto kind = AlertKindOf(event)) found.back().alert = AlertFor(*kind, event);
  }
  return found;
}

alert::Alert AlertCenter::AlertFor(alert::Kind kind, const catalog::EventRecord& event) const {
  std::optional<catalog::RunRows> rows;
  if (!event.run.empty()) {
    auto snapshot = reader_->Open();
    if (snapshot.ok()) {
      auto read = (*snapshot)->past()->ReadRun(event.run);
      // Details that cannot be read now are left out: the alert is more important than they are.
      if (read.ok()) rows = *std::move(read);
    }
  }
  return AlertOf(kind, event, rows.has_value() ? &*rows : nullptr, coordinator_id_, settings_.url);
}

void AlertCenter::WatchDisk() {
  while (true) {
    LookAtDisk();
    MutexLock lock(mutex_);
    const int64_t end_ms = core_->options().clock->MonotonicMs() + kLookAtDiskMs;
    for (int64_t left = kLookAtDiskMs; !stop_ && left > 0;
         left = end_ms - core_->options().clock->MonotonicMs())
      changed_.WaitFor(mutex_, left);
    if (stop_) return;
  }
}

void AlertCenter::LookAtDisk() {
  struct statvfs info{};
  if (statvfs(dir_.c_str(), &info) != 0 || info.f_blocks == 0) return;
  const double block = static_cast<double>(info.f_frsize);
  const double free = static_cast<double>(info.f_bavail) * block;
  const double total = static_cast<double>(info.f_blocks) * block;
  const double least = settings_.disk_free_share * total +
                       static_cast<double>(settings_.disk_free_bytes);
  const bool was_low = journal_.disk_low();
  const bool low = was_low ? free < kClearlyMore * least : free < least;
  if (low == was_low) return;
  const std::string detail =
      FormatBytes(static_cast<uint64_t>(free)) + " of " +
      FormatBytes(static_cast<uint64_t>(total)) + " are free in " + dir_ +
      (low ? ", and " + FormatBytes(static_cast<uint64_t>(least)) +
                 " should be: runs wait once it is full (docs/operating.md, Disk)"
           : "");
  const Status told = core_->Do([&](Transaction& tx) {
    tx.Add(catalog::ServerReported{low ? "disk_low" : "disk_ok", detail});
    return OkStatus();
  });
  // Tried again at the next look: a full disk takes no event.
  if (!told.ok()) return Log(LogLevel::kWarning, "coordinator", detail);
  if (const Status noted = journal_.NoteDiskLow(low); !noted.ok())
    Log(LogLevel::kWarning, "coordinator", detail + "; " + noted.message());
}

}  // namespace braid::coordinator
