#include "coordinator/core/peers.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <memory>
#include <set>
#include <utility>

#include "base/excerpt.h"
#include "coordinator/core/state.h"
#include "coordinator/core/transaction.h"

namespace braid::coordinator {
namespace {

// On either side in the order of names, so that a site of hundreds of hosts costs each of them a
// few connections a minute. Gangs of up to so many hosts and one are possible everywhere.
constexpr size_t kNeighbours = 16;
// Far more than NamePeers names, and than Probe says.
constexpr size_t kMostPeers = 1024;
constexpr size_t kWhyBytes = 300;
// Of an IPv6 address, and of an interface's name, with room to spare.
constexpr size_t kLongestAddress = 64;
constexpr size_t kKeyBytes = 32;

using Named = std::map<std::string, LiveWorker>::const_iterator;

std::string HostOf(const catalog::WorkerRecord& record) {
  return record.host + " " + record.network;
}

bool TakesPart(const LiveWorker& worker) {
  return worker.session != nullptr && !worker.advertised.address.empty();
}

// Adds the pairs of neighbours of one circle of workers, in both directions.
void AddNeighbours(const std::vector<Named>& circle,
                   std::map<std::string, std::map<std::string, Named>>* pairs) {
  for (size_t i = 0; i < circle.size(); ++i) {
    size_t found = 0;
    for (size_t step = 1; step < circle.size() && found < kNeighbours; ++step) {
      const Named other = circle[(i + step) % circle.size()];
      if (HostOf(other->second.hello) == HostOf(circle[i]->second.hello)) continue;
      ++found;
      (*pairs)[circle[i]->first].emplace(other->first, other);
      (*pairs)[other->first].emplace(circle[i]->first, circle[i]);
    }
  }
}

std::map<std::string, std::map<std::string, Named>> PairsOf(const State& state, bool across) {
  std::map<std::string, std::vector<Named>> circles;
  for (auto worker = state.workers.cbegin(); worker != state.workers.cend(); ++worker) {
    if (!TakesPart(worker->second)) continue;
    const std::string& site = worker->second.hello.site;
    if (!site.empty()) circles["site " + site].push_back(worker);
    if (across) circles[""].push_back(worker);
  }
  std::map<std::string, std::map<std::string, Named>> pairs;
  for (const auto& [name, circle] : circles) AddNeighbours(circle, &pairs);
  return pairs;
}

// Changes when something does on which the peers depend.
uint64_t DigestOf(const State& state, bool any, bool across) {
  if (!any) return 0;
  uint64_t digest = across ? 2 : 1;
  const auto add = [&](uint64_t value) { digest = (digest ^ value) * 0x100000001b3; };  // FNV-1a
  for (const auto& [id, worker] : state.workers) {
    if (!TakesPart(worker)) continue;
    for (const std::string* text : {&id, &worker.hello.boot_id, &worker.hello.site})
      add(std::hash<std::string>()(*text));
    add(static_cast<uint64_t>(worker.session_id));
    add(static_cast<uint64_t>(worker.asked));
  }
  return digest;
}

}  // namespace

Status CheckAdvertised(const Advertised& advertised) {
  const auto plain = [](const std::string& text) {
    return !text.empty() && text.size() <= kLongestAddress &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
  };
  const bool port = advertised.probe_port > 0 && advertised.probe_port < 65536;
  if (plain(advertised.address) && plain(advertised.interface) && port &&
      advertised.probe_key.size() == kKeyBytes)
    return OkStatus();
  return InvalidArgument(
      "a hello advertises an address, an interface, a port or a key for probes "
      "that cannot be one");
}

void NamePeers(State& state) {
  if (!std::exchange(state.changes.peers, false)) return;
  bool any = !state.with_binding().empty(), across = false;
  for (const JobKey& key : state.gangs()) {
    any = true;
    const JobRecord* job = state.FindJob(key);
    across = across || (job != nullptr && job->across_sites);
  }
  const uint64_t digest = DigestOf(state, any, across);
  if (std::exchange(state.peers_digest, digest) == digest) return;
  std::map<std::string, std::map<std::string, Named>> pairs;
  if (any) pairs = PairsOf(state, across);
  for (auto& [id, worker] : state.workers) {
    std::vector<Peer> peers;
    if (const auto of = pairs.find(id); of != pairs.end()) {
      for (const auto& [name, other] : of->second) {
        const LiveWorker& peer = other->second;
        peers.push_back({name, peer.hello.boot_id, peer.advertised.address,
                         peer.advertised.probe_port, peer.advertised.probe_key,
                         std::max(worker.asked, peer.asked)});
      }
    }
    if (worker.peers == nullptr ? peers.empty() : *worker.peers == peers) continue;
    worker.peers = std::make_shared<const std::vector<Peer>>(std::move(peers));
    // It is to be told, and what it has tried before may count no more.
    state.changes.workers.insert(id);
    state.changes.desired.insert(id);
    state.changes.scheduling = true;
  }
}

std::map<std::string, PeerReach> Bounded(std::map<std::string, PeerReach> said) {
  if (said.size() > kMostPeers)
    said.erase(std::next(said.begin(), static_cast<std::ptrdiff_t>(kMostPeers)), said.end());
  for (auto& [worker, reach] : said) reach.why = Excerpt(reach.why, kWhyBytes);
  return said;
}

std::map<std::string, std::string> TriedBy(const std::string& id, const State& state) {
  std::map<std::string, std::string> tried;
  const auto worker = state.workers.find(id);
  if (worker == state.workers.end() || worker->second.peers == nullptr) return tried;
  for (const Peer& peer : *worker->second.peers) {
    const auto reach = worker->second.reach.find(peer.worker);
    if (reach == worker->second.reach.end() || reach->second.boot_id != peer.boot_id ||
        reach->second.asked != peer.asked)
      continue;
    tried[peer.worker] = reach->second.reached ? "" : reach->second.why;
    if (!reach->second.reached && reach->second.why.empty()) tried[peer.worker] = peer.address;
  }
  return tried;
}

bool IsAcrossHosts(const catalog::AttemptRecord& attempt, const State& state) {
  const auto& workers = state.image().workers;
  std::set<std::string> hosts;
  for (const std::string& id : attempt.workers) {
    const auto record = workers.find(id);
    if (record != workers.end()) hosts.insert(HostOf(record->second));
  }
  return hosts.size() > 1;
}

void AskAgain(const catalog::AttemptRecord& attempt, Transaction& tx) {
  if (attempt.workers.size() < 2 || !IsAcrossHosts(attempt, tx.state())) return;
  for (const std::string& id : attempt.workers) {
    const auto worker = tx.state().workers.find(id);
    if (worker == tx.state().workers.end()) continue;
    // Both ends of a pair take the larger number, so each must be above all that were there.
    tx.worker(id).asked = std::max(worker->second.asked + 1, tx.now_ms());
  }
}

}  // namespace braid::coordinator
