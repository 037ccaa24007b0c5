#include "cli/shared/run_block.h"

#include <algorithm>

#include "base/text.h"
#include "cli/shared/columns.h"

namespace braid::cli {
namespace {

// Columns of the cells right of the bar, each as wide as the widest that is shown in it.
constexpr int kPercent = 5;  // "100 %"
constexpr int kRate = 16;    // "999.9 k tokens/s"
constexpr int kLeft = 17;    // "after 59 min 59 s"
constexpr int kShortLeft = 11;
constexpr int kLeastWithRate = 72;
constexpr int kShortestBar = 6;
constexpr int kLongestBar = 42;

// How the columns of a terminal are shared. Only its width and the names of all jobs of the run
// matter, and these do not change.
struct Layout {
  int columns = 0;  // of a whole line
  int name = 0, bar = 0, rate = 0, left = 0;
};

Layout LayoutOf(const v1::Run& run, int columns) {
  Layout layout;
  // The last column stays free: some terminals go on to the next line when it is written to.
  layout.columns = std::max(1, columns - 1);
  const bool wide = columns >= kLeastWithRate;
  layout.rate = wide ? kRate : 0;
  layout.left = wide ? kLeft : kShortLeft;
  layout.name = ColumnsOf(run.name());
  for (const v1::Job& job : run.jobs()) layout.name = std::max(layout.name, ColumnsOf(job.name()));
  layout.name = std::min(layout.name, std::max(8, layout.columns / 3));
  const int others = layout.name + 1 + 1 + kPercent + (wide ? 2 + layout.rate : 0) + 2 +
                     layout.left;
  layout.bar = std::min(layout.columns - others, kLongestBar);
  if (layout.bar < kShortestBar) layout.bar = 0;
  return layout;
}

// The share of its present phase that a job has done; negative: it does not say.
double ShareOf(const v1::Job& job) {
  const v1::Progress& progress = job.progress();
  if (progress.total() <= 0) return -1;
  return std::clamp(static_cast<double>(progress.done()) / static_cast<double>(progress.total()),
                    0.0, 1.0);
}

std::string PercentText(double share) {
  if (share < 0) return "-  ";
  // Rounded down: 100 % is the end.
  return Format("%d %%", static_cast<int>(share * 100 + 1e-9));
}

std::string LineOf(const Layout& layout, const std::string& name, double share,
                   const std::string& rate, const std::string& left) {
  std::string line = Fit(name, layout.name) + " ";
  if (layout.bar > 0) line += Bar(std::max(share, 0.0), layout.bar) + " ";
  line += FitRight(PercentText(share), kPercent);
  if (layout.rate > 0) line += "  " + FitRight(rate, layout.rate);
  return Fit(line + "  " + FitRight(left, layout.left), layout.columns);
}

std::string JobLine(const Layout& layout, const v1::Job& job) {
  const v1::Progress& progress = job.progress();
  const bool narrow = layout.rate == 0;
  // What it does, where nothing is known that says more.
  std::string rate = progress.phase().empty() ? "starting" : progress.phase();
  std::string left = narrow ? rate : "";
  if (progress.tokens_per_s() > 0) rate = FormatCount(progress.tokens_per_s()) + " tokens/s";
  if (progress.eta_s() > 0) left = FormatDuration(progress.eta_s()) + (narrow ? "" : " left");
  return LineOf(layout, job.name(), ShareOf(job), rate, left);
}

// A job that runs counts with what it has done of its present phase.
double ShareOf(const v1::Run& run) {
  if (run.jobs_total() <= 0) return -1;
  double done = run.jobs_succeeded();
  for (const v1::Job& job : run.jobs()) {
    if (job.state() == v1::JOB_ACTIVE && !job.left_behind()) done += std::max(0.0, ShareOf(job));
  }
  return std::clamp(done / run.jobs_total(), 0.0, 1.0);
}

std::string TotalLine(const Layout& layout, const v1::Run& run, int64_t now_ms) {
  const std::string since =
      "after " +
      FormatDuration(static_cast<double>(std::max<int64_t>(0, now_ms - run.created_ms())) / 1000);
  if (layout.rate == 0) {
    return LineOf(layout, run.name(), ShareOf(run), "",
                  Format("%d/%d jobs", run.jobs_succeeded(), run.jobs_total()));
  }
  return LineOf(layout, run.name(), ShareOf(run),
                Format("%d of %d jobs", run.jobs_succeeded(), run.jobs_total()), since);
}

}  // namespace

std::string Bar(double share, int columns) {
  if (columns < 3) return "";
  const int inside = columns - 2;
  const int filled = std::clamp(static_cast<int>(share * inside + 1e-9), 0, inside);
  return "[" + std::string(static_cast<size_t>(filled), '#') +
         std::string(static_cast<size_t>(inside - filled), ' ') + "]";
}

std::vector<std::string> RunBlock(const v1::Run& run, const ScreenSize& size, int64_t now_ms) {
  const Layout layout = LayoutOf(run, size.columns);
  std::vector<std::string> lines;
  std::string waiting;
  for (const v1::Job& job : run.jobs()) {
    if (job.state() == v1::JOB_ACTIVE) lines.push_back(JobLine(layout, job));
    if (job.state() == v1::JOB_QUEUED && waiting.empty())
      waiting = Fit(job.name() + " waits: " + job.pending_detail(), layout.columns);
  }
  if (lines.empty() && !waiting.empty()) lines.push_back(waiting);
  // A row above the block stays free, and the last two are the rest of the jobs and the run.
  const auto room = static_cast<size_t>(std::max(size.rows - 3, 1));
  if (lines.size() > room + 1) {
    const size_t more = lines.size() - room;
    lines.resize(room);
    lines.push_back(Fit(Format("... and %zu more jobs that run", more), layout.columns));
  }
  lines.push_back(TotalLine(layout, run, now_ms));
  return lines;
}

}  // namespace braid::cli
