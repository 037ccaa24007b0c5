#include "coordinator/core/neighbours.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "base/sha256.h"
#include "coordinator/core/options.h"
#include "coordinator/core/peers.h"
#include "coordinator/core/state.h"
#include "task/file_ticket.h"

namespace braid::coordinator {
namespace {

// Of two certificates on P-256, with room to spare.
constexpr size_t kLongestCertificate = 8192;

std::string AddressOf(const LiveWorker& worker) {
  const std::string& host = worker.advertised.address;
  const bool six = host.find(':') != std::string::npos;
  return (six ? "[" + host + "]" : host) + ":" + std::to_string(worker.exchange.port);
}

bool OnOneHost(const LiveWorker& a, const LiveWorker& b) {
  return a.hello.host == b.hello.host && a.hello.network == b.hello.network;
}

bool HasWhole(const LiveWorker& worker, const std::string& artifact) {
  return (worker.cached != nullptr && worker.cached->contains(artifact)) ||
         (worker.kept != nullptr && worker.kept->contains(artifact));
}

}  // namespace

Status CheckExchange(const Exchange& exchange) {
  if (exchange.certificate.size() <= kLongestCertificate && !exchange.certificate_sha256.empty() &&
      exchange.port >= 0 && exchange.port < 65536 && exchange.key.size() == task::kTicketKeyBytes)
    return OkStatus();
  return InvalidArgument(
      "a hello says how the worker exchanges files, with a certificate, a port or a key that "
      "cannot be one");
}

bool ServesFiles(const LiveWorker& worker) {
  return worker.session != nullptr && worker.exchange.port != 0 &&
         !worker.advertised.address.empty();
}

bool ReadsBound(const LiveWorker& worker) {
  return worker.session != nullptr && worker.exchange.reads_bound &&
         !worker.exchange.certificate_sha256.empty();
}

bool MayGive(const LiveWorker& giver, const LiveWorker& asker) {
  return giver.hello.site == asker.hello.site && !asker.hello.site.empty() && ServesFiles(giver) &&
         asker.session != nullptr && giver.hello.id != asker.hello.id &&
         !asker.exchange.certificate_sha256.empty();
}

bool HasNoLineToSpare(const LiveWorker& asker, const Options& options) {
  return !options.network.empty() && asker.hello.network == options.network;
}

Neighbour AsNeighbour(const LiveWorker& giver, const LiveWorker& asker, const std::string& sha256,
                      int64_t now_ms) {
  const task::FileTicket ticket{sha256, asker.exchange.certificate_sha256,
                                now_ms - giver.exchange.clock_ahead_ms + kTicketMs};
  return {giver.hello.id, AddressOf(giver), giver.exchange.certificate,
          task::SealTicket(ticket, giver.exchange.key)};
}

std::vector<Neighbour> NeighboursWith(const std::string& asker_id, const WantedFile& file,
                                      const std::set<std::string>& holders,
                                      const std::set<std::string>& except, const State& state,
                                      int64_t now_ms) {
  const auto found = state.workers.find(asker_id);
  if (found == state.workers.end()) return {};
  const LiveWorker& asker = found->second;
  const std::map<std::string, std::string> tried = TriedBy(asker_id, state);
  // What workers are sorted by, the best first: whether it is on another host; whether the asker
  // has not reached it there; whether it may have removed the file since it reported that one; a
  // text that differs from asker to asker. Then the worker itself.
  std::vector<std::tuple<bool, bool, bool, std::string, const LiveWorker*>> givers;
  for (const std::string& id : state.sites.At(asker.hello.site)) {
    const auto other = state.workers.find(id);
    // First what costs least and leaves out most.
    if (other == state.workers.end() || except.contains(id) || !MayGive(other->second, asker))
      continue;
    const LiveWorker& giver = other->second;
    const bool whole = HasWhole(giver, file.artifact.id);
    if (!whole && !holders.contains(id)) continue;
    const auto reach = tried.find(id);
    const bool apart = !OnOneHost(giver, asker);
    const bool unreached = apart && (reach == tried.end() || !reach->second.empty());
    givers.emplace_back(apart, unreached, !whole, Sha256Hex(asker_id + "\n" + id), &giver);
  }
  std::sort(givers.begin(), givers.end());
  if (givers.size() > kMostNeighbours) givers.resize(kMostNeighbours);
  std::vector<Neighbour> neighbours;
  for (const auto& [apart, unreached, lacks, place, worker] : givers)
    neighbours.push_back(AsNeighbour(*worker, asker, file.sha256, now_ms));
  return neighbours;
}

}  // namespace braid::coordinator
