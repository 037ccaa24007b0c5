// Slurm by its commands sbatch, squeue and scancel, as the user of this process.
#pragma once

#include <string>
#include <vector>

#include "pool/command.h"
#include "pool/engine.h"
#include "pool/settings.h"

namespace braid::pool::slurm {

// The name of a job, "braid:POOL:MARK:WORKERS:RUN", by which the agent finds it in the queue.
std::string JobName(const Settings& settings, const Allocation& allocation);

// Parses the output of `squeue --format=%i|%T|%r|%j`, and returns the jobs of this pool.
std::vector<EngineJob> ParseQueue(const Settings& settings, const std::string& text);

// The batch script that starts the worker or workers of one job.
std::string ScriptOf(const Settings& settings);

// The id of the job that sbatch has made, from what it printed: "42" or "42;cluster", perhaps with
// other lines around. Empty if there is none.
std::string IdFrom(const std::string& printed);

// The command line of sbatch without the script. `folder` is the pool's.
std::vector<std::string> SubmitWords(const Settings& settings, const std::string& folder,
                                     const Allocation& allocation);

// The engine for Slurm. Used by one thread.
class Slurm final : public Engine {
 public:
  // `folder` is the pool's; its logs/ get what the jobs print. Each command gets `timeout_ms`.
  Slurm(const Settings& settings, std::string folder, int64_t timeout_ms)
      : settings_(settings), folder_(std::move(folder)), timeout_ms_(timeout_ms) {}

  // Writes the script and, with `ask`, asks Slurm whether it would take a job of one worker. The
  // error is in Slurm's words, with advice.
  Status Check(bool ask) override;

  Result<std::vector<EngineJob>> List() override;
  Submission Submit(const Allocation& allocation) override;
  Status Cancel(const std::vector<std::string>& ids, bool waiting_only) override;

 private:
  std::string ScriptPath() const;
  // What the command prints.
  Result<std::string> Ask(const std::vector<std::string>& words);

  const Settings settings_;
  const std::string folder_;
  const int64_t timeout_ms_;
};

}  // namespace braid::pool::slurm
