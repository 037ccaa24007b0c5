#include "worker/rpc/session_link.h"

#include <atomic>
#include <thread>

#include "base/clock.h"
#include "base/file.h"
#include "base/host.h"
#include "braid/v1/worker.grpc.pb.h"
#include "rpc/convert.h"
#include "worker/rpc/serial_queue.h"

namespace braid::worker {
namespace {

v1::WorkerHello HelloOf(const Identity& identity) {
  v1::WorkerHello hello;
  hello.set_worker_id(identity.worker_id);
  hello.set_boot_id(identity.boot_id);
  hello.set_site(identity.site);
  for (const auto& [key, value] : identity.labels) (*hello.mutable_labels())[key] = value;
  hello.set_cpu_slots(identity.cpu_slots);
  hello.set_memory_bytes(identity.memory_bytes);
  for (const Gpu& gpu : identity.gpus) {
    v1::Gpu* device = hello.add_gpus();
    device->set_id(gpu.uuid);
    device->set_name(gpu.name);
    device->set_memory_bytes(gpu.memory_bytes);
  }
  hello.set_version(identity.version);
  hello.set_host(HostName());
  hello.set_instance(identity.instance);
  hello.set_network(LoopbackName());
  hello.set_folder(identity.folder);
  for (const std::string& kind : identity.kinds) hello.add_kinds(kind);
  if (!identity.advertised.address.empty()) {
    v1::Advertised* advertised = hello.mutable_advertised();
    advertised->set_address(identity.advertised.address);
    advertised->set_interface(identity.advertised.interface);
    advertised->set_probe_port(identity.probe_port);
    advertised->set_probe_key(identity.probe_key);
  }
  if (!identity.exchange_certificate.empty()) {
    v1::SiteExchange* exchange = hello.mutable_exchange();
    exchange->set_certificate(identity.exchange_certificate);
    exchange->set_port(identity.file_port);
    exchange->set_key(identity.ticket_key);
    exchange->set_clock_ms(SystemClock().MonotonicMs());
    exchange->set_reads_bound(true);
  }
  hello.set_ephemeral(identity.ephemeral);
  return hello;
}

void Fill(const RankStatus& view, v1::RankStatus* rank) {
  rpc::Fill(view.key, rank->mutable_id());
  rpc::Fill(view.progress, rank->mutable_progress());
}

void FillReach(const std::vector<PeerReach>& peers, v1::ReachReport* report) {
  for (const PeerReach& peer : peers) {
    v1::Reach* reach = report->add_peers();
    reach->set_worker(peer.worker);
    reach->set_boot_id(peer.boot_id);
    reach->set_asked(peer.asked);
    reach->set_reached(peer.reached);
    reach->set_why(peer.why);
  }
}

DesiredState FromProto(const v1::DesiredState& state) {
  DesiredState desired;
  desired.version = state.version();
  desired.coordinator = state.coordinator_id();
  // 0 is a field that an older coordinator does not send.
  if (state.heartbeat_interval_ms() > 0)
    desired.heartbeat_interval_ms = state.heartbeat_interval_ms();
  if (state.isolation_timeout_ms() > 0) desired.isolation_timeout_ms = state.isolation_timeout_ms();
  for (const v1::RankAssignment& rank : state.ranks())
    desired.ranks.push_back(rpc::AssignmentOf(rank));
  for (const v1::RefusedGpu& gpu : state.refused_gpus())
    desired.refused_gpus.push_back({gpu.id(), gpu.reason()});
  for (const v1::Peer& peer : state.peers()) {
    desired.peers.push_back({peer.worker(), peer.boot_id(), peer.address(), peer.probe_port(),
                             peer.probe_key(), peer.asked()});
  }
  desired.released = {state.released().begin(), state.released().end()};
  return desired;
}

}  // namespace

// One stream, from opening to end. Its reader thread opens it and reads; a second thread writes,
// because a write blocks as long as the coordinator does not read.
class RpcSessionLink::Stream {
 public:
  Stream(int64_t number, const Identity& identity, RpcLink& link, EventSink& events,
         LoadWatch* load)
      : number_(number), identity_(identity), events_(events), load_(load) {
    reader_ = std::thread([this, &link] { Run(link); });
  }
  ~Stream() {
    Close();
    reader_.join();
  }

  int64_t number() const { return number_; }
  void Close() { context_.TryCancel(); }
  void Send(const Signal& signal) {
    writes_.Do([this, signal] { Write(signal); });
  }

 private:
  void Run(RpcLink& link) {
    const Result<std::shared_ptr<grpc::Channel>> channel = link.Channel();
    if (!channel.ok()) {
      events_.Post(SessionClosed{number_, channel.status()});
      return;
    }
    const auto stub = v1::Workers::NewStub(*channel);
    stream_ = stub->Session(&context_);
    events_.Post(SessionOpened{number_});
    v1::DesiredState state;
    DesiredState desired;
    while (stream_->Read(&state)) {
      // An unchanged set is posted again: the agent may be able to do now what it could not do
      // before.
      if (!state.unchanged()) desired = FromProto(state);
      events_.Post(DesiredArrived{number_, desired});
    }
    broken_.store(true);
    writes_.Close();
    Status status = FromGrpc(stream_->Finish());
    if (status.code() == StatusCode::kUnavailable && status.reason().empty()) {
      if (const std::string why = link.WhyNoConnection(); !why.empty()) status = Unavailable(why);
    }
    events_.Post(SessionClosed{number_, status});
  }

  // A failed write needs no report of its own, because it makes Read fail as well.
  void Write(const Signal& signal) {
    if (broken_.load()) return;
    v1::WorkerSignal message;
    if (signal.hello) *message.mutable_hello() = HelloOf(identity_);
    message.set_applied_version(signal.applied_version);
    for (const RankStatus& rank : signal.ranks) Fill(rank, message.add_ranks());
    for (const RankKey& key : signal.delivering) rpc::Fill(key, message.add_delivering());
    if (signal.cached.has_value()) {
      message.mutable_cached()->mutable_ids()->Assign(signal.cached->begin(), signal.cached->end());
      for (const std::string& id : signal.bound) message.mutable_cached()->add_bound(id);
    }
    if (signal.reach.has_value()) FillReach(*signal.reach, message.mutable_reach());
    message.set_draining(signal.draining);
    message.set_leaving(signal.leaving);
    if (const Result<uint64_t> room = FreeBytes(identity_.folder); room.ok())
      message.set_disk_free_bytes(static_cast<int64_t>(*room));
    if (load_ != nullptr) {
      if (const auto measured = load_->TakeNew()) rpc::Fill(*measured, message.mutable_load());
    }
    if (stream_->Write(message)) events_.Post(SignalSent{number_, signal.draining});
  }

  const int64_t number_;
  const Identity& identity_;
  EventSink& events_;
  LoadWatch* const load_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::WorkerSignal, v1::DesiredState>> stream_;
  std::atomic<bool> broken_{false};
  SerialQueue writes_;
  std::thread reader_;
};

RpcSessionLink::RpcSessionLink(const Identity& identity, RpcLink& link, EventSink& events,
                               LoadWatch* load)
    : identity_(identity), link_(link), events_(events), load_(load) {}

RpcSessionLink::~RpcSessionLink() = default;

void RpcSessionLink::Open(int64_t session) {
  // The old stream's threads end before the new ones start, so that events of two streams do not
  // mix.
  stream_.reset();
  stream_ = std::make_unique<Stream>(session, identity_, link_, events_, load_);
}

void RpcSessionLink::Send(int64_t session, const Signal& signal) {
  if (stream_ != nullptr && stream_->number() == session) stream_->Send(signal);
}

void RpcSessionLink::Close(int64_t session) {
  if (stream_ != nullptr && stream_->number() == session) stream_->Close();
}

}  // namespace braid::worker
