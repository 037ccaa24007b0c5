#include "worker/rpc/session.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "base/file.h"
#include "base/host.h"
#include "base/random.h"
#include "braid/v1/worker.grpc.pb.h"
#include "rpc/convert.h"
#include "worker/backoff.h"

namespace braid::worker {
namespace {

constexpr int64_t kRefusedMs = 20'000;  // longer than a coordinator's usual ttl

using Stream = grpc::ClientReaderWriter<v1::WorkerSignal, v1::DesiredState>;

v1::WorkerHello HelloOf(const Identity& identity) {
  v1::WorkerHello hello;
  hello.set_worker_id(identity.worker_id);
  hello.set_boot_id(identity.boot_id);
  hello.set_site(identity.site);
  for (const auto& [key, value] : identity.labels) (*hello.mutable_labels())[key] = value;
  hello.set_cpu_slots(identity.cpu_slots);
  for (const Gpu& gpu : identity.gpus) {
    v1::Gpu* device = hello.add_gpus();
    device->set_id(gpu.uuid);
    device->set_name(gpu.name);
    device->set_memory_bytes(gpu.memory_bytes);
  }
  hello.set_version(identity.version);
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  hello.set_host(host);
  hello.set_instance(identity.instance);
  hello.set_network(LoopbackName());
  hello.set_folder(identity.folder);
  for (const std::string& kind : identity.kinds) hello.add_kinds(kind);
  return hello;
}

void FillInventory(Supervisor& supervisor, v1::WorkerSignal* signal) {
  for (const Supervisor::RankView& view : supervisor.Inventory()) {
    v1::RankStatus* rank = signal->add_ranks();
    rpc::Fill(view.key, rank->mutable_id());
    rpc::Fill(view.progress, rank->mutable_progress());
  }
}

Desired FromProto(const v1::DesiredState& state) {
  Desired desired;
  desired.version = state.version();
  if (state.heartbeat_interval_ms() > 0)
    desired.heartbeat_interval_ms = state.heartbeat_interval_ms();
  if (state.isolation_timeout_ms() > 0) desired.isolation_timeout_ms = state.isolation_timeout_ms();
  for (const v1::RankAssignment& rank : state.ranks())
    desired.ranks.push_back(rpc::AssignmentOf(rank));
  for (const v1::RefusedGpu& gpu : state.refused_gpus())
    desired.refused_gpus.push_back({gpu.id(), gpu.reason()});
  return desired;
}

// One life of the stream.
class Session {
 public:
  Session(const Identity& identity, Supervisor& supervisor, const CachedArtifacts& cached,
          StopSignal& stop)
      : identity_(identity), supervisor_(supervisor), cached_(cached), stop_(stop) {}

  // Returns why it ended; `contact` receives the times at which the coordinator was heard.
  Status Run(const std::shared_ptr<grpc::Channel>& channel, std::atomic<int64_t>& contact,
             std::atomic<int64_t>& isolation_timeout_ms) {
    const auto stub = v1::Workers::NewStub(channel);
    grpc::ClientContext context;
    const std::unique_ptr<Stream> stream = stub->Session(&context);
    StopSignal broken;
    std::thread beats([&] { Beat(*stream, broken); });
    std::thread stopper([&] {
      while (!broken.WaitFor(100)) {
        if (stop_.IsSet()) return context.TryCancel();
      }
    });
    v1::DesiredState state;
    Desired desired;
    while (stream->Read(&state)) {
      if (!state.unchanged()) desired = FromProto(state);
      contact.store(SystemClock().MonotonicMs());
      isolation_timeout_ms.store(desired.isolation_timeout_ms);
      heartbeat_interval_ms_.store(desired.heartbeat_interval_ms);
      // Also where nothing has changed: what it could not do the last time may be possible now.
      supervisor_.Apply(desired);
      applied_.store(desired.version);
    }
    broken.Set();
    beats.join();
    stopper.join();
    return FromGrpc(stream->Finish());
  }

 private:
  void Beat(Stream& stream, StopSignal& broken) {
    bool first = true;
    bool told_draining = false;
    int64_t told_cached = 0;
    do {
      v1::WorkerSignal signal;
      if (first) *signal.mutable_hello() = HelloOf(identity_);
      first = false;
      // Before the inventory: what it has seen, the inventory shows.
      signal.set_applied_version(applied_.load());
      FillInventory(supervisor_, &signal);
      signal.set_draining(supervisor_.draining());
      if (const Result<uint64_t> room = FreeBytes(identity_.folder); room.ok())
        signal.set_disk_free_bytes(static_cast<int64_t>(*room));
      if (cached_.version() != told_cached) {
        v1::CachedArtifacts* cached = signal.mutable_cached();
        for (std::string& id : cached_.List(&told_cached)) cached->add_ids(std::move(id));
      }
      if (!stream.Write(signal)) return;
      told_draining = signal.draining();
      if (told_draining) supervisor_.DrainAnnounced();
    } while (!Pause(broken, told_draining));
    stream.WritesDone();
  }

  // Until the next beat, or until draining begins, which cannot wait. True if the stream broke.
  bool Pause(StopSignal& broken, bool told_draining) {
    for (int64_t waited = 0; waited < heartbeat_interval_ms_.load(); waited += kLookMs) {
      if (broken.WaitFor(kLookMs)) return true;
      if (supervisor_.draining() && !told_draining) return false;
    }
    return false;
  }

  static constexpr int64_t kLookMs = 50;
  const Identity& identity_;
  Supervisor& supervisor_;
  const CachedArtifacts& cached_;
  StopSignal& stop_;
  std::atomic<int64_t> heartbeat_interval_ms_{500};
  std::atomic<int64_t> applied_{0};
};

}  // namespace

Status RunSession(const Identity& identity, RpcLink& link, Supervisor& supervisor,
                  const CachedArtifacts& cached, StopSignal& stop) {
  Backoff backoff(100, 5'000);
  const RandomStream draws(0, identity.boot_id);
  std::atomic<int64_t> contact{SystemClock().MonotonicMs()};
  std::atomic<int64_t> isolation_timeout_ms{24 * 3'600'000};
  int64_t refused_since_ms = 0;
  for (uint64_t tries = 0; !stop.IsSet(); ++tries) {
    const Result<std::shared_ptr<grpc::Channel>> channel = link.Channel();
    Status status = channel.status();
    if (channel.ok()) {
      const int64_t before = contact.load();
      status =
          Session(identity, supervisor, cached, stop).Run(*channel, contact, isolation_timeout_ms);
      if (contact.load() != before) backoff.Reset();
    }
    if (stop.IsSet()) return OkStatus();
    if (status.reason() == "WORKER_REPLACED" || status.code() == StatusCode::kInvalidArgument)
      return status;
    // The elder may be about to be missed: it was killed, and the coordinator has not noticed yet.
    const int64_t now_ms = SystemClock().MonotonicMs();
    if (status.code() != StatusCode::kAlreadyExists) {
      refused_since_ms = 0;
    } else if (refused_since_ms == 0) {
      refused_since_ms = now_ms;
    } else if (now_ms - refused_since_ms > kRefusedMs) {
      return status;
    }
    if (SystemClock().MonotonicMs() - contact.load() > isolation_timeout_ms.load()) {
      spdlog::error(
          "cut off from the coordinator for too long: stopping what runs, with checkpoints");
      supervisor.StopAll(60'000);
    }
    const int64_t wait = backoff.Next(draws.Uniform(tries));
    spdlog::warn("no session with the coordinator ({}); again in {} ms", status.message(), wait);
    if (stop.WaitFor(wait)) break;
  }
  return OkStatus();
}

}  // namespace braid::worker
