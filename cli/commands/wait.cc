// braid wait: silent until a run has ended.
#include <algorithm>
#include <cstdio>

#include "base/clock.h"
#include "base/text.h"
#include "cli/commands/command.h"
#include "cli/shared/completion.h"
#include "cli/shared/duration.h"
#include "cli/shared/print.h"

namespace braid::cli {
namespace {

// The first queued job, with its reason, if no worker can run any job that is left: the run then
// stands still until a suitable worker joins. Empty otherwise.
std::string Unschedulable(const v1::Run& run) {
  std::string stuck;
  for (const v1::Job& job : run.jobs()) {
    if (job.state() == v1::JOB_ACTIVE || job.state() == v1::JOB_CANCELLING) return "";
    if (job.state() != v1::JOB_QUEUED) continue;
    if (job.pending() != v1::UNSCHEDULABLE) return "";
    if (stuck.empty()) stuck = "job " + job.name() + ": " + job.pending_detail();
  }
  return stuck;
}

// Whether a pool is served: its agent may start workers of a kind that does not exist yet.
bool PoolIsServed(Client& client) {
  // Agents report about every second. One that was silent for ten minutes has ended or lost its
  // network, and no worker will come from it.
  constexpr int64_t kSilentMs = 600'000;
  const auto pools = client.Call<v1::ListPoolsResponse>(&v1::Pools::Stub::ListPools, client.pools(),
                                                        v1::ListPoolsRequest());
  if (!pools.ok()) return false;
  return std::any_of(pools->pools().begin(), pools->pools().end(), [](const v1::Pool& pool) {
    return SystemClock().WallMs() - pool.last_seen_ms() < kSilentMs;
  });
}

Result<int> Wait(const Globals& globals, const std::string& id, const std::string& timeout) {
  BRAID_ASSIGN_OR_RETURN(const int64_t limit_ms, ParseDuration(timeout));
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  BRAID_ASSIGN_OR_RETURN(v1::Run run, client.GetRun(id));
  const int64_t deadline = SystemClock().MonotonicMs() + limit_ms;
  int64_t told_paused_ms = 0;
  while (run.state() == v1::RUN_ACTIVE) {
    const int64_t left = deadline - SystemClock().MonotonicMs();
    if (left <= 0) break;
    if (IsPaused(run) && run.paused_ms() != told_paused_ms) {
      told_paused_ms = run.paused_ms();
      std::fprintf(stderr, "run %s is paused, %s: waiting until somebody says braid resume %s\n",
                   run.id().c_str(), PauseText(run).c_str(), run.id().c_str());
    }
    const std::string stuck = Unschedulable(run);
    v1::WaitRunRequest request;
    request.set_id(run.id());
    request.set_timeout_ms(std::min<int64_t>(left, 60'000));
    const auto waited = client.Call<v1::Run>(&v1::Runs::Stub::WaitRun, client.runs(), request,
                                             request.timeout_ms() + 30'000);
    if (waited.ok()) {
      run = *waited;
      // Only if it was so before the wait, too: a worker that is just starting gets time to join.
      if (!stuck.empty() && run.state() == v1::RUN_ACTIVE && Unschedulable(run) == stuck &&
          !PoolIsServed(client))
        break;
      // A coordinator that restarts is waited for, as long as the user has allowed.
    } else if (waited.status().code() != StatusCode::kUnavailable &&
               waited.status().code() != StatusCode::kDeadlineExceeded) {
      return waited.status();
    }
  }
  if (globals.json()) {
    PrintJson(globals, run);
  } else {
    std::printf("%s\n", StateText(run).c_str());
  }
  if (const std::string stuck = Unschedulable(run);
      run.state() == v1::RUN_ACTIVE && !stuck.empty() && !PoolIsServed(client)) {
    std::fprintf(stderr, "braid: %s; start such a worker, or cancel the run\n", stuck.c_str());
    return kUnschedulableExit;
  }
  return ExitCodeOf(run);
}

}  // namespace

void RegisterWait(const Registry& registry) {
  auto id = std::make_shared<std::string>();
  auto timeout = std::make_shared<std::string>("240h");
  CLI::App* command = registry.app.add_subcommand(
      "wait",
      "Return when a run has ended: exit code 0, 10 (failed), 11 (cancelled), 8 (not yet), 12 (no "
      "worker could ever run it)");
  command->add_option("run", *id, "id, its beginning, or name of a run")
      ->type_name(kRunValue)
      ->required();
  command->add_option("--timeout", *timeout, "90s, 30m, 2h")
      ->capture_default_str()
      ->check([](const std::string& text) {
        const Result<int64_t> duration = ParseDuration(text);
        return duration.ok() ? std::string() : duration.status().message();
      });
  command->callback([registry, id, timeout] {
    registry.chosen = [&globals = registry.globals, id, timeout] {
      return Wait(globals, *id, *timeout);
    };
  });
}

}  // namespace braid::cli
