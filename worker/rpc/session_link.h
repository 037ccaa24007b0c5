// The worker's session with the coordinator over gRPC: one bidirectional stream at a time, with
// threads of its own.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "worker/agent/event.h"
#include "worker/agent/session_link.h"
#include "worker/devices/devices.h"
#include "worker/devices/load.h"
#include "worker/network/address.h"
#include "worker/rpc/link.h"

namespace braid::worker {

// The worker's description of itself in its hello (WorkerHello in worker.proto).
struct Identity {
  std::string worker_id;
  std::string boot_id;
  std::string site;
  std::map<std::string, std::string> labels;
  // The kinds of jobs that it takes; empty for all.
  std::vector<std::string> kinds;
  int32_t cpu_slots = 1;
  // The main memory that its ranks may have together; 0: not known.
  int64_t memory_bytes = 0;
  std::vector<Gpu> gpus;
  std::string version;
  // Identifies the worker's folder: a random id that is made once and kept in it.
  std::string instance;
  // Absolute path of the folder that holds cache and ranks.
  std::string folder;
  // Where its ranks are reached from other hosts; empty: they are not. Then the port at which this
  // process answers probes, and the secret that it knows them by (worker/network/probe.h).
  NetworkAddress advertised;
  int32_t probe_port = 0;
  std::string probe_key;
  // How it exchanges files with workers of its site (worker/rpc/file_server.h): its certificate,
  // the port at that address where it serves them (0: it does not), and the key of its tickets.
  std::string exchange_certificate;
  int32_t file_port = 0;
  std::string ticket_key;
  // It does not come back under its id once it has left.
  bool ephemeral = false;
};

// Open, Send and Close are called from one thread; events are posted by the stream's threads.
class RpcSessionLink final : public SessionLink {
 public:
  // All references outlive this. `link` finds the coordinator's address. `load`, if not null, is
  // asked before each heartbeat, and outlives this, too.
  RpcSessionLink(const Identity& identity, RpcLink& link, EventSink& events,
                 LoadWatch* load = nullptr);

  // Ends the session, if one is open, and waits for its threads.
  ~RpcSessionLink() override;

  void Open(int64_t session) override;
  void Send(int64_t session, const Signal& signal) override;
  void Close(int64_t session) override;

 private:
  // One stream with its two threads: one reads, one writes.
  class Stream;
  const Identity& identity_;
  RpcLink& link_;
  EventSink& events_;
  LoadWatch* const load_;
  // The newest stream; null before the first.
  std::unique_ptr<Stream> stream_;
};

}  // namespace braid::worker
