#include "worker/rpc/session.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "base/file.h"
#include "base/host.h"
#include "base/random.h"
#include "braid/v1/worker.grpc.pb.h"
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
    v1::Device* device = hello.add_gpus();
    device->set_kind("cuda");
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
    rank->mutable_id()->set_run_id(view.key.run);
    rank->mutable_id()->set_job(view.key.job);
    rank->mutable_id()->set_epoch(view.key.epoch);
    rank->mutable_id()->set_rank(view.key.rank);
    rank->set_running(view.progress.running);
    v1::Progress* progress = rank->mutable_progress();
    progress->set_phase(view.progress.phase);
    progress->set_unit(view.progress.unit);
    progress->set_done(view.progress.done);
    progress->set_total(view.progress.total);
    progress->set_tokens_per_s(view.progress.tokens_per_s);
    progress->set_eta_s(view.progress.eta_s);
    progress->set_time_ms(view.progress.time_ms);
  }
}

Desired FromProto(const v1::DesiredState& state) {
  Desired desired;
  desired.version = state.version();
  if (state.beat_ms() > 0) desired.beat_ms = state.beat_ms();
  if (state.cut_off_ms() > 0) desired.cut_off_ms = state.cut_off_ms();
  for (const v1::RankAssignment& rank : state.ranks()) {
    Assignment assignment;
    assignment.key = {rank.id().run_id(), rank.id().job(), rank.id().epoch(), rank.id().rank()};
    assignment.world = rank.world();
    assignment.kind = rank.kind();
    assignment.spec = rank.spec_json();
    assignment.inputs = {rank.inputs().begin(), rank.inputs().end()};
    assignment.checkpoint = rank.checkpoint();
    assignment.slots = rank.slots();
    assignment.device = rank.device();
    assignment.stop = rank.stop();
    assignment.stop_deadline_ms = rank.stop_deadline_ms();
    assignment.recipe_sha256 = rank.recipe_sha256();
    desired.ranks.push_back(std::move(assignment));
  }
  for (const v1::RefusedGpu& gpu : state.refused_gpus())
    desired.refused_gpus.push_back({gpu.id(), gpu.reason()});
  return desired;
}

// One life of the stream.
class Session {
 public:
  Session(const Identity& identity, Supervisor& supervisor, StopSignal& stop)
      : identity_(identity), supervisor_(supervisor), stop_(stop) {}

  // Returns why it ended; `contact` receives the times at which the coordinator was heard.
  Status Run(const std::shared_ptr<grpc::Channel>& channel, std::atomic<int64_t>& contact,
             std::atomic<int64_t>& cut_off_ms) {
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
    while (stream->Read(&state)) {
      const Desired desired = FromProto(state);
      contact.store(SystemClock().MonotonicMs());
      cut_off_ms.store(desired.cut_off_ms);
      beat_ms_.store(desired.beat_ms);
      supervisor_.Apply(desired);
      seen_.store(desired.version);
    }
    broken.Set();
    beats.join();
    stopper.join();
    return FromGrpc(stream->Finish());
  }

 private:
  // Progress is worth more often than the beat asks for, but never less.
  void Beat(Stream& stream, StopSignal& broken) {
    bool first = true;
    bool told_draining = false;
    do {
      v1::WorkerSignal signal;
      if (first) *signal.mutable_hello() = HelloOf(identity_);
      first = false;
      // Before the inventory: what it has seen, the inventory shows.
      signal.set_seen_version(seen_.load());
      FillInventory(supervisor_, &signal);
      signal.set_draining(supervisor_.draining());
      if (const Result<uint64_t> room = FreeBytes(identity_.folder); room.ok())
        signal.set_disk_free_bytes(static_cast<int64_t>(*room));
      if (!stream.Write(signal)) return;
      told_draining = signal.draining();
      if (told_draining) supervisor_.DrainAnnounced();
    } while (!Pause(broken, told_draining));
    stream.WritesDone();
  }

  // Until the next beat, or until draining begins, which cannot wait. True if the stream broke.
  bool Pause(StopSignal& broken, bool told_draining) {
    const int64_t pause_ms = std::min<int64_t>(beat_ms_.load(), 500);
    for (int64_t waited = 0; waited < pause_ms; waited += kLookMs) {
      if (broken.WaitFor(kLookMs)) return true;
      if (supervisor_.draining() && !told_draining) return false;
    }
    return false;
  }

  static constexpr int64_t kLookMs = 50;
  const Identity& identity_;
  Supervisor& supervisor_;
  StopSignal& stop_;
  std::atomic<int64_t> beat_ms_{500};
  std::atomic<int64_t> seen_{0};
};

}  // namespace

Status RunSession(const Identity& identity, RpcLink& link, Supervisor& supervisor,
                  StopSignal& stop) {
  Backoff backoff(100, 5'000);
  const RandomStream draws(0, identity.boot_id);
  std::atomic<int64_t> contact{SystemClock().MonotonicMs()};
  std::atomic<int64_t> cut_off_ms{24 * 3'600'000};
  int64_t refused_since_ms = 0;
  for (uint64_t tries = 0; !stop.IsSet(); ++tries) {
    const Result<std::shared_ptr<grpc::Channel>> channel = link.Channel();
    Status status = channel.status();
    if (channel.ok()) {
      const int64_t before = contact.load();
      status = Session(identity, supervisor, stop).Run(*channel, contact, cut_off_ms);
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
    if (SystemClock().MonotonicMs() - contact.load() > cut_off_ms.load()) {
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
