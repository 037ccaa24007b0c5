// The clients whose load bench/service puts on a coordinator.
#pragma once

#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "bench/service/process.h"
#include "braid/v1/runs.grpc.pb.h"
#include "braid/v1/worker.grpc.pb.h"

namespace braid::bench {

// Each run has five jobs, of which one can run at once, at the given site.
inline constexpr int64_t kJobsOfARun = 5;

// Submits a run and returns its id; ends the program if it cannot.
std::string SubmitOne(v1::Runs::Stub& runs, const std::string& site, const std::string& user);

// Submits by so many callers, each with a connection of its own, until `seconds` are over or `most`
// were sent. Returns how long each took, in seconds.
std::vector<double> Submit(const Coordinator& coordinator, int callers, double seconds,
                           int64_t most, const std::string& site);

// Cancels every run that has not ended, by so many callers. Those without an attempt end at once.
// Returns the ids of all runs.
std::vector<std::string> EndAll(const Coordinator& coordinator, int callers);

// A worker that takes every rank that it is given.
class TakingWorker {
 public:
  // Connects a worker with `slots` CPU slots at the site.
  TakingWorker(const Coordinator& coordinator, const std::string& site, int slots);
  ~TakingWorker();
  // The worker's id.
  const std::string& id() const { return id_; }
  // Waits until some rank of the run is here; false after ten seconds.
  bool WaitFor(const std::string& run);
  // The next rank that it was given and that nobody has taken yet; false after a second without.
  bool TakeRank(v1::RankId* rank);

 private:
  void Read();

  const std::string id_;
  std::unique_ptr<v1::Workers::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::WorkerSignal, v1::DesiredState>> stream_;
  v1::WorkerSignal signal_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> runs_;
  std::vector<v1::RankId> fresh_;
  std::thread reader_;
};

// Many workers, each with a connection, that take what they are given and send a heartbeat with the
// progress of their ranks every five seconds.
class Crowd {
 public:
  // Connects `workers` workers at the site.
  Crowd(const Coordinator& coordinator, int workers, const std::string& site);
  ~Crowd();
  // How many ranks they have, and how many of their sessions have ended.
  int ranks() const;
  int lost() const;

 private:
  class Worker;
  void Beat();

  std::vector<std::unique_ptr<Worker>> workers_;
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stop_ = false;
  std::thread beats_;
};

}  // namespace braid::bench
