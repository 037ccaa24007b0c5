#include "cli/shared/follow_run.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/excerpt.h"
#include "base/text.h"
#include "cli/shared/columns.h"
#include "cli/shared/live_block.h"
#include "cli/shared/print.h"
#include "cli/shared/progress_line.h"
#include "cli/shared/run_block.h"
#include "rpc/rate_limited.h"

namespace braid::cli {
namespace {

// A coordinator that restarts is back within seconds; after a minute a user should see the error.
constexpr int64_t kPatienceMs = 60'000;

constexpr std::chrono::milliseconds kWatchAgain{300};

// Tells jobs that change state, and a run that is paused or goes on, each in a line.
class RunNews {
 public:
  // What is new since the last call; `seconds` since the first look at the run.
  std::vector<std::string> Of(const v1::Run& run, double seconds) {
    std::vector<std::string> lines;
    if (run.paused_ms() != paused_ms_) {
      paused_ms_ = run.paused_ms();
      if (IsPaused(run)) {
        lines.push_back("paused " + PauseText(run) + "; braid resume " + run.id() +
                        " lets it go on");
      } else if (run.state() == v1::RUN_ACTIVE && !run.cancel_requested()) {
        lines.emplace_back("resumed");
      }
    }
    for (const v1::Job& job : run.jobs()) {
      v1::JobState& known = states_.emplace(job.name(), v1::JOB_BLOCKED).first->second;
      if (known == job.state()) continue;
      known = job.state();
      if (job.state() < v1::JOB_ACTIVE) continue;
      lines.push_back(Format("%5.1f s  %-10s %s%s", seconds, StateName(job.state()).c_str(),
                             job.name().c_str(),
                             job.error().empty() ? "" : (": " + job.error()).c_str()));
    }
    return lines;
  }

 private:
  std::map<std::string, v1::JobState> states_;
  int64_t paused_ms_ = 0;
};

// All jobs that run in one line, for logs.
std::string LineOf(const v1::Run& run) {
  std::vector<std::string> active;
  std::string waiting;
  for (const v1::Job& job : run.jobs()) {
    if (const std::string text = ProgressText(job); !text.empty())
      active.push_back(job.name() + ": " + text);
    if (job.state() == v1::JOB_QUEUED && waiting.empty())
      waiting = job.name() + " waits: " + job.pending_detail();
  }
  if (active.empty()) active.push_back(waiting);
  return Format("[%d/%d] ", run.jobs_succeeded(), run.jobs_total()) + Join(active, " | ");
}

// Where a run that is followed is shown: in a block of a terminal, or in lines.
class RunDisplay {
 public:
  void Show(const v1::Run& run) {
    if (terminal_) return block_.Show(RunBlock(run, LiveBlock::Size(), SystemClock().WallMs()));
    line_.Show(LineOf(run));
  }
  // Instead of the run, until it can be shown again.
  void ShowAway() {
    const std::string text = "the coordinator does not answer, trying again";
    if (terminal_) return block_.Show({Fit(text, LiveBlock::Size().columns - 1)});
    line_.Show(text);
  }
  // A line that stays. What others wrote in it tells the terminal nothing.
  void Say(const std::string& line) {
    if (terminal_) return block_.Say(Excerpt(line, line.size()));
    std::fprintf(stderr, "%s\n", line.c_str());
  }

 private:
  const bool terminal_ = LiveBlock::Possible();
  LiveBlock block_;
  ProgressLine line_;
};

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
  RunNews news;
  RunDisplay display;
  const int64_t begun = SystemClock().MonotonicMs();
  Patience patience;
  while (true) {
    const Result<v1::Run> run = client.GetRun(run_id);
    if (!run.ok()) {
      // The coordinator may be restarting; the run goes on meanwhile.
      display.ShowAway();
      if (!patience.Wait(run.status())) return run.status();
      continue;
    }
    patience = Patience();
    const double seconds = static_cast<double>(SystemClock().MonotonicMs() - begun) / 1000;
    for (const std::string& line : news.Of(*run, seconds)) display.Say(line);
    if (run->state() != v1::RUN_ACTIVE) return run;
    display.Show(*run);
    std::this_thread::sleep_for(kWatchAgain);
  }
}

}  // namespace braid::cli
