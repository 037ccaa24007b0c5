// The data of `braid top`, fetched in a thread of its own, so that keys work at once even if the
// coordinator is slow.
#pragma once

#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "cli/client/client.h"

namespace braid::cli {

// The details to be fetched besides the lists of runs and workers: one run, and the log of one of
// its jobs.
struct TopWish {
  std::string run;  // id; empty: none
  std::string job;
  bool operator==(const TopWish&) const = default;
};

// The losses of a training, step by step.
struct TopCurve {
  int64_t since_step = 0;  // the next step to ask for
  std::vector<double> losses;
};

// All that one frame shows.
struct TopData {
  std::string address;
  v1::ListRunsResponse runs;  // the newest
  v1::ListWorkersResponse workers;
  TopWish wish;  // what the rest is about
  v1::Run run;
  std::map<std::string, TopCurve> curves;  // by job, of trainings that have begun
  std::string log;                         // its last lines
  // When all of it was fetched (monotonic; 0: never), and why the newest try was not.
  int64_t fetched_ms = 0;
  Status status;
};

// Fetches what `wish` says into `data`, over what is there; its curves go on where they are.
Status FetchTop(Client& client, const TopWish& wish, TopData* data);

// Fetches again and again.
class TopFeed {
 public:
  // Starts to fetch, every `interval_ms`.
  TopFeed(Client client, int64_t interval_ms);
  // May take as long as a call that is open.
  ~TopFeed();

  // A copy of the newest data.
  TopData Now();
  // From the next fetch on, which begins at once.
  void Wish(const TopWish& wish);

 private:
  void Run();

  Client client_;
  const int64_t interval_ms_;
  Mutex mutex_;
  CondVar changed_;
  bool stop_ BRAID_GUARDED_BY(mutex_) = false;
  TopWish wish_ BRAID_GUARDED_BY(mutex_);
  TopData data_ BRAID_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace braid::cli
