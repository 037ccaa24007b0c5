// Workers on this machine, started by the pool's agent itself. They live no longer than the agent:
// when it ends they hand back what they run, and when it is killed they are, too.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/process.h"
#include "pool/engine.h"
#include "pool/settings.h"

namespace braid::pool::local {

// The GPUs in what `nvidia-smi --query-gpu=uuid --format=csv,noheader` prints.
std::vector<std::string> ParseGpus(const std::string& printed);

// What the end of a worker means and what to do. `last_line` is what it printed last, `log` where.
std::string AdviceOnExit(const ProcessExit& exit, const std::string& last_line,
                         const std::string& log);

// The line of shell that starts worker `rank` of a job with these GPUs. `folder` is the pool's.
std::string WorkerLine(const Settings& settings, const std::string& folder, const std::string& job,
                       int64_t rank, const std::vector<std::string>& gpus);

// All calls come from one thread, which lives as long as the workers.
class Local final : public Engine {
 public:
  // `folder` is the pool's: logs/ gets what workers print, workers/ has their folders. Without
  // `command_timeout_ms` no program of the machine is asked for longer.
  Local(const Settings& settings, std::string folder, int64_t command_timeout_ms);
  ~Local() override;

  // With `ask`, an error if the most workers would have more cores or GPUs than there are.
  Status Check(bool ask) override;
  Result<std::vector<EngineJob>> List() override;
  Submission Submit(const Allocation& allocation) override;
  // Nothing waits here, so that `waiting_only` ends nothing.
  Status Cancel(const std::vector<std::string>& ids, bool waiting_only) override;
  void Leave() override;

 private:
  struct Worker {
    std::unique_ptr<Process> process;
    std::vector<std::string> gpus;
  };
  struct Job {
    EngineJob said;
    std::vector<Worker> workers;
  };

  Result<std::string> NextId();
  Status Start(const std::string& id, const Allocation& allocation, Job* job);
  Result<std::vector<std::string>> TakeGpus(std::set<std::string>* taken);
  std::string LogPath(const std::string& id, size_t rank) const;
  // Updates the state in `job`; the job has ended when all of its workers have.
  void Look(Job* job);

  const Settings settings_;
  const std::string folder_;
  const int64_t timeout_ms_;
  bool cleaned_ = false;
  std::map<std::string, Job> jobs_;
};

}  // namespace braid::pool::local
