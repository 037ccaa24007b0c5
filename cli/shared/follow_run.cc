#include "cli/shared/follow_run.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/text.h"
#include "cli/shared/print.h"
#include "cli/shared/progress_line.h"
#include "rpc/rate_limited.h"

namespace braid::cli {
namespace {

// A coordinator that restarts is back within seconds; after a minute a user should see the error.
constexpr int64_t kPatienceMs = 60'000;

// A line that stays, in place of the line of progress.
void Say(const std::string& line) {
  std::fprintf(stderr, "%s%s\n", isatty(STDERR_FILENO) ? "\r\033[K" : "", line.c_str());
}

}  // namespace

bool Patience::Wait(const Status& status) {
  const int64_t turn_ms = rpc::RetryAfterMs(status);
  if (status.code() != StatusCode::kUnavailable && status.code() != StatusCode::kDeadlineExceeded &&
      turn_ms == 0)
    return false;
  const int64_t now = SystemClock().MonotonicMs();
  if (since_ms_ == 0) since_ms_ = now;
  if (now - since_ms_ > kPatienceMs) return false;
  std::this_thread::sleep_for(std::chrono::milliseconds(std::max<int64_t>(300, turn_ms)));
  return true;
}

Result<v1::Run> FollowRun(Client& client, const std::string& run_id) {
  std::map<std::string, v1::JobState> seen;
  ProgressLine line;
  const int64_t begun = SystemClock().MonotonicMs();
  Patience patience;
  int64_t paused_ms = 0;
  while (true) {
    const Result<v1::Run> run = client.GetRun(run_id);
    if (!run.ok()) {
      // The coordinator may be restarting; the run goes on meanwhile.
      line.Show("the coordinator does not answer, trying again");
      if (!patience.Wait(run.status())) return run.status();
      continue;
    }
    patience = Patience();
    if (run->paused_ms() != paused_ms) {
      paused_ms = run->paused_ms();
      if (IsPaused(*run)) {
        Say("paused " + PauseText(*run) + "; braid resume " + run->id() + " lets it go on");
      } else if (run->state() == v1::RUN_ACTIVE && !run->cancel_requested()) {
        Say("resumed");
      }
    }
    std::vector<std::string> active;
    std::string waiting;
    for (const v1::Job& job : run->jobs()) {
      const auto [known, fresh] = seen.emplace(job.name(), v1::JOB_BLOCKED);
      if (known->second != job.state()) {
        known->second = job.state();
        if (job.state() >= v1::JOB_ACTIVE) {
          const std::string clock = Format(
              "%5.1f s", static_cast<double>(SystemClock().MonotonicMs() - begun) / 1000);
          Say(Format("%s  %-10s %s%s", clock.c_str(), StateName(job.state()).c_str(),
                     job.name().c_str(), job.error().empty() ? "" : (": " + job.error()).c_str()));
        }
      }
      if (const std::string text = ProgressText(job); !text.empty())
        active.push_back(job.name() + ": " + text);
      if (job.state() == v1::JOB_QUEUED && waiting.empty())
        waiting = job.name() + " waits: " + job.pending_detail();
    }
    if (active.empty()) active.push_back(waiting);
    if (run->state() != v1::RUN_ACTIVE) return run;
    line.Show(Format("[%d/%d] ", run->jobs_succeeded(), run->jobs_total()) + Join(active, " | "));
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
  }
}

}  // namespace braid::cli
