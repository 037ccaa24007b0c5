// Which workers of a site may give a file to another one of it, so that its bytes cross the line to
// the site once. The functions run in the core's thread.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/status.h"
#include "storage/catalog/records.h"

namespace braid::coordinator {

class State;
struct LiveWorker;
struct Options;

// How a worker exchanges files with others of its site, as its hello says (SiteExchange in
// neighbours.proto).
struct Exchange {
  // PEM, and the SHA-256 of the first of it. Empty: it exchanges none.
  std::string certificate;
  std::string certificate_sha256;
  // At its advertised address; 0: it serves none.
  int64_t port = 0;
  std::string key;
  // By how much this process's monotonic clock was ahead of the worker's when it said hello, or
  // less, for as long as the hello was on its way: tickets end rather too early.
  int64_t clock_ahead_ms = 0;
  // It fetches what is bound to its site from those who keep it.
  bool reads_bound = false;
  bool operator==(const Exchange&) const = default;
};

// Checks what a worker says, since it is passed on to other workers. kInvalidArgument for anything
// that braid-worker would not send.
Status CheckExchange(const Exchange& exchange);

// A worker that has the file that is asked for (Neighbour in neighbours.proto).
struct Neighbour {
  std::string worker;
  std::string address;
  std::string certificate;
  std::string ticket;
};

// How long a ticket is good.
inline constexpr int64_t kTicketMs = 15 * 60'000;
// How many neighbours are named at most, and how many may be left out.
inline constexpr size_t kMostNeighbours = 3;
inline constexpr size_t kMostExcept = 32;

// Whether the worker serves files to others of its site.
bool ServesFiles(const LiveWorker& worker);

// Whether the worker can read what is bound to its site from others (scheduler/bound_places.h).
bool ReadsBound(const LiveWorker& worker);

// Whether `giver` may give files to `asker`: both are connected and at the same site, which has a
// name, and the giver serves files at an address.
bool MayGive(const LiveWorker& giver, const LiveWorker& asker);

// Whether the worker is on the coordinator's own machine, so that no file crosses the line of a
// site on its way to it: only what is bound is to come from others then.
bool HasNoLineToSpare(const LiveWorker& asker, const Options& options);

// A file that a worker wants.
struct WantedFile {
  const catalog::ArtifactRecord& artifact;
  std::string sha256;
};

// Those that may give the file to the worker and have it: the artifact is whole in their cache, or
// they are among `holders`, who have said that they have this file. Workers of the asker's own host
// come first, then those that it has reached, then those with the whole artifact. Which of the
// others comes first differs from asker to asker, so that no worker is asked by all. Those of
// `except` are left out. Empty for an unknown worker.
std::vector<Neighbour> NeighboursWith(const std::string& asker, const WantedFile& file,
                                      const std::set<std::string>& holders,
                                      const std::set<std::string>& except, const State& state,
                                      int64_t now_ms);

// The worker as a neighbour of the asker, with a ticket for the file. REQUIRES: it may give.
Neighbour AsNeighbour(const LiveWorker& giver, const LiveWorker& asker, const std::string& sha256,
                      int64_t now_ms);

}  // namespace braid::coordinator
