// The coordinator that bench/service measures, in a process of its own.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/endpoint.h"
#include "base/file.h"
#include "base/process.h"

namespace braid::bench {

struct Settings {
  int64_t jobs = 10'000;
  int callers = 64;
  int workers = 500;
  double seconds = 5;
  int64_t transfer_mb = 512;
  std::string only;  // the one measurement that is wanted; empty: all
  std::string bin;   // the folder of braid-coordinator
  std::string dir;   // where everything is kept; empty: a temporary folder
  std::string docs;  // the document whose table is to be written; empty: none
};

using SteadyClock = std::chrono::steady_clock;
// Seconds since then.
double Since(SteadyClock::time_point begin);
// Ends the program, with the reason on standard error.
[[noreturn]] void Fail(const std::string& why);

class Coordinator {
 public:
  // Starts it, and returns when it answers. Ends the program if it does not start.
  Coordinator(const Settings& settings, bool tls);
  ~Coordinator();
  // From SIGKILL to the first answer of the next process, in seconds.
  double Restart();
  // Seconds of CPU, and bytes of memory, of the process.
  double Cpu() const;
  int64_t Memory() const;

  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  const Endpoint& endpoint() const { return endpoint_; }
  // HOST:PORT of its HTTP server.
  const std::string& http() const { return http_; }
  const std::string& dir() const { return dir_; }

 private:
  void Start();

  const Settings settings_;
  const bool tls_;
  std::unique_ptr<TemporaryFolder> folder_;
  std::string dir_;
  std::unique_ptr<Process> process_;
  Endpoint endpoint_;
  std::string http_;
  std::shared_ptr<grpc::Channel> channel_;
};

// Seconds of CPU of all processes of the machine together, and of this one.
double CpuOfMachine();
double CpuOfThis();
// "AMD EPYC ..., 2 cores, Linux 6.1".
std::string MachineText();

}  // namespace braid::bench
