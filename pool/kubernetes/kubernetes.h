// Kubernetes by kubectl, as whoever its configuration says.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "pool/command.h"
#include "pool/engine.h"
#include "pool/kubernetes/manifest.h"
#include "pool/settings.h"

namespace braid::pool::kubernetes {

// The context that kubectl uses now, if the settings name none; empty if there is none, as in a
// pod. A pool stays in the cluster where it was created, whatever its user chooses later.
std::string CurrentContext(const Settings& settings, int64_t timeout_ms);

// The engine for Kubernetes. Used by one thread.
class Kubernetes final : public Engine {
 public:
  // `folder` is the pool's. Each command gets `timeout_ms`.
  Kubernetes(const Settings& settings, std::string folder, int64_t timeout_ms)
      : settings_(settings), folder_(std::move(folder)), timeout_ms_(timeout_ms) {}

  // With `ask`, whether pods could reach the coordinator, and whether the API server would take a
  // job of one worker and its Secret and shows its jobs. The error is in Kubernetes' words, with
  // advice.
  Status Check(bool ask) override;
  Result<std::vector<EngineJob>> List() override;
  Submission Submit(const Allocation& allocation) override;
  // A pod that begins to run while it is cancelled is asked to hand back, as any.
  Status Cancel(const std::vector<std::string>& ids, bool waiting_only) override;

 private:
  // How pods reach the coordinator, read anew since its address and token may change.
  Result<Reach> FindReach() const;
  // Runs kubectl with what the settings say; for at most the time of a command.
  Result<CommandResult> Kubectl(const std::vector<std::string>& words) const;
  // The JSON document that kubectl prints. If it fails, the error has its words, and what to do.
  Result<Json> Ask(const std::vector<std::string>& words) const;
  // Makes an object of a kind ("jobs", "secrets"), or with `dry_run` only asks whether it could be
  // made.
  Result<CommandResult> Create(const std::string& kind, const Json& object, bool dry_run) const;
  // Makes the Secret of a job, unless it is there.
  Status MakeSecret(const std::string& job, const std::string& uid, const Reach& reach);
  Status MakeMissingSecrets(const Json& list);

  const Settings settings_;
  const std::string folder_;
  const int64_t timeout_ms_;
  // The jobs whose Secrets were made by this process.
  std::set<std::string> secrets_;
  // Jobs that were made, could not have their Secret, and were deleted again: the agent knows
  // nothing of them.
  std::set<std::string> withdrawn_;
};

}  // namespace braid::pool::kubernetes
