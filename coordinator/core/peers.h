// The coordinator's part in forming gangs across hosts (scheduler/reach.h) and in placing jobs that
// read bound data of others (scheduler/bound_places.h): it chooses which workers test their
// connections to each other, and keeps the results.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "storage/catalog/records.h"

namespace braid::coordinator {

class State;
class Transaction;

// Where ranks of a worker are reached from other hosts, as its hello says (Advertised in
// gangs.proto). The address is empty if they are not.
struct Advertised {
  std::string address;
  std::string interface;
  int64_t probe_port = 0;
  std::string probe_key;
  bool operator==(const Advertised&) const = default;
};

// Checks what a worker advertises, since it is passed on to other workers and to people.
// kInvalidArgument for anything that braid-worker would not send.
Status CheckAdvertised(const Advertised& advertised);

// A worker of another host to which a worker shall test its connection (Peer in gangs.proto).
struct Peer {
  std::string worker;
  std::string boot_id;
  std::string address;
  int64_t probe_port = 0;
  std::string probe_key;
  int64_t asked = 0;
  bool operator==(const Peer&) const = default;
};

// The result of such a test (Reach in gangs.proto).
struct PeerReach {
  std::string boot_id;
  int64_t asked = 0;
  bool reached = false;
  std::string why;
  bool operator==(const PeerReach&) const = default;
};

// Sets LiveWorker::peers of every connected worker: while a job with several ranks or with a
// binding has not ended, workers of other hosts at its site (at all sites, if a gang may leave its
// own), at most some thirty of them, its neighbours in the order of the names. Otherwise none, so
// that no connections are made in vain. Does nothing if nothing has changed (Changes::peers).
void NamePeers(State& state);

// The results that a worker reports, limited to the number of peers that it can have been given and
// to texts of bounded length.
std::map<std::string, PeerReach> Bounded(std::map<std::string, PeerReach> said);

// What `worker` found about each of its present peers that it has tried: empty, or where it tried
// and why it did not get there. Results about an earlier boot of a peer do not count.
std::map<std::string, std::string> TriedBy(const std::string& worker, const State& state);

// True if the attempt's ranks are not all on one host.
bool IsAcrossHosts(const catalog::AttemptRecord& attempt, const State& state);

// The ranks of this attempt have lost each other: what its workers found about each other before
// counts no more, and they try again before the next gang is placed on them. Does nothing for an
// attempt on one host.
void AskAgain(const catalog::AttemptRecord& attempt, Transaction& tx);

}  // namespace braid::coordinator
