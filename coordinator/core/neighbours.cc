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

bool MayGive(const LiveWorker& giver, const LiveWorker& asker, const Options& options) {
  const bool here = !options.network.empty() && asker.hello.network == options.network;
  return !here && giver.session != nullptr && asker.session != nullptr &&
         giver.hello.id != asker.hello.id && giver.hello.site == asker.hello.site &&
         !asker.hello.site.empty() && giver.exchange.port != 0 &&
         !giver.advertised.address.empty() && !asker.exchange.certificate_sha256.empty();
}

std::vector<Neighbour> NeighboursWith(const std::string& asker_id, const std::string& artifact,
                                      const std::string& sha256,
                                      const std::set<std::string>& holders, const State& state,
                                      const Options& options, int64_t now_ms) {
  const auto found = state.workers.find(asker_id);
  if (found == state.workers.end()) return {};
  const LiveWorker& asker = found->second;
  // Whether it is on another host; its place among those; itself.
  std::vector<std::tuple<bool, std::string, const LiveWorker*>> givers;
  for (const auto& [id, worker] : state.workers) {
    const bool has = holders.contains(id) ||
                     (worker.cached != nullptr && worker.cached->contains(artifact));
    if (has && MayGive(worker, asker, options))
      givers.emplace_back(!OnOneHost(worker, asker), Sha256Hex(asker_id + "\n" + id), &worker);
  }
  std::sort(givers.begin(), givers.end());
  if (givers.size() > kMostNeighbours) givers.resize(kMostNeighbours);
  std::vector<Neighbour> neighbours;
  for (const auto& [apart, place, worker] : givers) {
    const Exchange& exchange = worker->exchange;
    const task::FileTicket ticket{sha256, asker.exchange.certificate_sha256,
                                  now_ms - exchange.clock_ahead_ms + kTicketMs};
    neighbours.push_back({worker->hello.id, AddressOf(*worker), exchange.certificate,
                          task::SealTicket(ticket, exchange.key)});
  }
  return neighbours;
}

}  // namespace braid::coordinator
