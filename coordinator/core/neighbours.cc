#include "coordinator/core/neighbours.h"

#include <algorithm>
#include <tuple>

#include "base/sha256.h"
#include "coordinator/core/options.h"
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

}  // namespace

Status CheckExchange(const Exchange& exchange) {
  if (exchange.certificate.size() <= kLongestCertificate && !exchange.certificate_sha256.empty() &&
      exchange.port >= 0 && exchange.port < 65536 && exchange.key.size() == task::kTicketKeyBytes)
    return OkStatus();
  return InvalidArgument(
      "a hello says how the worker exchanges files, with a certificate, a port or a key that "
      "cannot "
      "be one");
}

bool ServesFiles(const LiveWorker& worker) {
  return worker.session != nullptr && worker.exchange.port != 0 &&
         !worker.advertised.address.empty();
}

bool MayGive(const LiveWorker& giver, const LiveWorker& asker, const Options& options) {
  const bool here = !options.network.empty() && asker.hello.network == options.network;
  return giver.hello.site == asker.hello.site && !asker.hello.site.empty() && !here &&
         ServesFiles(giver) && asker.session != nullptr && giver.hello.id != asker.hello.id &&
         !asker.exchange.certificate_sha256.empty();
}

Neighbour AsNeighbour(const LiveWorker& giver, const LiveWorker& asker, const std::string& sha256,
                      int64_t now_ms) {
  const task::FileTicket ticket{sha256, asker.exchange.certificate_sha256,
                                now_ms - giver.exchange.clock_ahead_ms + kTicketMs};
  return {giver.hello.id, AddressOf(giver), giver.exchange.certificate,
          task::SealTicket(ticket, giver.exchange.key)};
}

std::vector<Neighbour> NeighboursWith(const std::string& asker_id, const std::string& artifact,
                                      const std::string& sha256,
                                      const std::set<std::string>& holders,
                                      const std::set<std::string>& except, const State& state,
                                      const Options& options, int64_t now_ms) {
  const auto found = state.workers.find(asker_id);
  if (found == state.workers.end()) return {};
  const LiveWorker& asker = found->second;
  // Whether it is on another host; its place among those; itself.
  std::vector<std::tuple<bool, std::string, const LiveWorker*>> givers;
  for (const auto& [id, worker] : state.workers) {
    // First what costs least and leaves out most.
    if (!MayGive(worker, asker, options) || except.contains(id)) continue;
    if (holders.contains(id) || (worker.cached != nullptr && worker.cached->contains(artifact)))
      givers.emplace_back(!OnOneHost(worker, asker), Sha256Hex(asker_id + "\n" + id), &worker);
  }
  std::sort(givers.begin(), givers.end());
  if (givers.size() > kMostNeighbours) givers.resize(kMostNeighbours);
  std::vector<Neighbour> neighbours;
  for (const auto& [apart, place, worker] : givers)
    neighbours.push_back(AsNeighbour(*worker, asker, sha256, now_ms));
  return neighbours;
}

}  // namespace braid::coordinator
