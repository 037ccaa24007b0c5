// The clients whose load bench/service puts on a coordinator.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
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
  std::thread reader_;
};

// A worker that reports each rank that it is given as preempted, one after the other, so that it is
// given the next one. It has no thread of its own, and one connection, as braid-worker.
class Leaser final : public grpc::ClientBidiReactor<v1::WorkerSignal, v1::DesiredState> {
 public:
  // Connects a worker with `slots` CPU slots at the site. Ends that the coordinator has taken are
  // counted in `ended`, which outlives it.
  Leaser(const Coordinator& coordinator, const std::string& site, int slots,
         std::atomic<int64_t>* ended);
  ~Leaser() override;

 private:
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;
  // With the lock:
  void Take(const v1::DesiredState& state);
  void Write();
  void Report();
  // The coordinator has answered.
  void OnReported(const grpc::Status& status);

  const std::unique_ptr<v1::Workers::Stub> stub_;
  std::atomic<int64_t>* const ended_;
  grpc::ClientContext context_;
  v1::DesiredState state_;
  std::mutex mutex_;
  std::condition_variable changed_;
  v1::WorkerSignal signal_, sent_;
  bool writing_ = false, write_again_ = false;
  // The ranks of the newest state, and those of them that are still to be reported.
  std::set<std::string> known_;
  std::vector<v1::RankId> fresh_;
  std::unique_ptr<grpc::ClientContext> report_context_;  // of the report on its way; null: none is
  v1::ReportEndedRequest report_;
  v1::ReportEndedResponse reported_;
  bool stop_ = false, done_ = false;
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
