// The worker's session with the coordinator over gRPC: one stream, in threads of its own.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "worker/agent/event.h"
#include "worker/agent/session_link.h"
#include "worker/devices/devices.h"
#include "worker/rpc/link.h"

namespace braid::worker {

// Who this worker is: what its hello says.
struct Identity {
  std::string worker_id;
  std::string boot_id;
  std::string site;
  std::map<std::string, std::string> labels;
  std::vector<std::string> kinds;
  int32_t cpu_slots = 1;
  std::vector<Gpu> gpus;
  std::string version;
  std::string instance;  // of its folder, for good
  std::string folder;    // of its cache and ranks
};

class RpcSessionLink final : public SessionLink {
 public:
  // All outlive it. `link` knows where the coordinator is.
  RpcSessionLink(const Identity& identity, RpcLink& link, EventSink& events);
  // Ends the session, if one is open, and waits for its threads.
  ~RpcSessionLink() override;

  void Open(int64_t session) override;
  void Send(int64_t session, const Signal& signal) override;
  void Close(int64_t session) override;

 private:
  class Stream;
  const Identity& identity_;
  RpcLink& link_;
  EventSink& events_;
  std::unique_ptr<Stream> stream_;  // the newest
};

}  // namespace braid::worker
