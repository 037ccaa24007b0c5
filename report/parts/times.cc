// How long trainings took by stage, beside the published hours (Table 4 of PaPaformer), and all
// jobs over the clock.
#include <algorithm>

#include "base/text.h"
#include "report/page/plot.h"
#include "report/parts/counterpart.h"
#include "report/parts/part.h"
#include "report/parts/published.h"
#include "report/parts/wording.h"

namespace braid::report {
namespace {

std::string StageTime(double seconds) {
  return seconds >= 0 ? FormatDuration(seconds) : "-";
}
std::string Hours(double hours) {
  return hours >= 0 ? Format("%.2f h", hours) : "-";
}

Table TimesTable(const Results& results) {
  Table table;
  table.columns = {{"model"},
                   {"counterpart"},
                   {"stage 1", true},
                   {"stage 2", true},
                   {"total, paths at once", true},
                   {"total, paths in turn", true},
                   {"tokens/s", true}};
  for (const ModelResult& model : results.models) {
    if (model.role == Role::kCompositeStart || (model.seconds < 0 && model.stage_2_seconds < 0))
      continue;
    table.rows.push_back(
        {model.name, CounterpartOf(results, model), StageTime(model.stage_1_seconds),
         StageTime(model.stage_2_seconds), StageTime(model.seconds),
         StageTime(model.in_turn_seconds),
         model.tokens_per_second > 0 ? FormatCount(model.tokens_per_second) : "-"});
  }
  if (table.rows.empty()) return table;
  table.groups = {{0, kThisRun},
                  {table.rows.size(), "published: phase 2, hours of one GPU of the Puhti system"}};
  for (const PublishedTime& time : PublishedTimes()) {
    table.rows.push_back({time.model, "", Hours(time.stage_1_hours), Hours(time.stage_2_hours),
                          Hours(time.at_once_hours), Hours(time.in_turn_hours),
                          FormatCount(time.tokens_per_second)});
  }
  return table;
}

// One bar a job, from its start to its end: which paths ran at once, and what the critical path
// waited for. Nothing where the times are not known.
void AddTimeline(const Results& results, Document* document) {
  std::vector<const JobResult*> jobs;
  for (const JobResult& job : results.jobs) {
    if (job.started_ms > 0 && job.seconds >= 0) jobs.push_back(&job);
  }
  if (jobs.size() < 2) return;  // one bar says nothing that the table does not
  std::stable_sort(jobs.begin(), jobs.end(), [](const JobResult* a, const JobResult* b) {
    return a->started_ms < b->started_ms;
  });
  Timeline timeline{"Jobs over the clock", {}};
  for (const JobResult* job : jobs) {
    const double start = static_cast<double>(job->started_ms - jobs.front()->started_ms) / 1000;
    timeline.bars.push_back({job->name, job->kind, start, start + job->seconds});
  }
  document->Plot("From the start to the end of each job's last attempt, by kind.", "timeline.svg",
                 ToSvg(timeline));
}

// Trainings that a job of this run has made longer; empty if there is none.
std::string Continued(const Results& results) {
  std::vector<std::string> parts;
  for (const JobResult& job : results.jobs) {
    if (job.tokens_before() > 0)
      parts.push_back(job.name + " after " + FormatCount(static_cast<double>(job.tokens_before())) +
                      " of its tokens");
  }
  if (parts.empty()) return "";
  return "These trainings go on where another run had stopped: " + Join(parts, ", ") +
         ". Their steps and tokens are those of the whole training. What the part before has taken "
         "is not known here, so that there is no time for them and for what is made of them.";
}

void AddTimes(const Report& report, Document* document) {
  Table times = TimesTable(report.results);
  const std::string continued = Continued(report.results);
  if (times.rows.empty() && continued.empty()) return;
  document->Heading("Times");
  if (!continued.empty()) document->Text(continued);
  if (times.rows.empty()) return;
  document->Text(
      "Stage 1 is the training of a path, after that of the seed model if it began with one, and "
      "of "
      "a composite that of its longest path; stage 2 is the "
      "joint training, or that of a dense "
      "model. Totals have the merge and its proof in them. Tokens/s are those of the last stage.");
  document->Add(std::move(times));
  AddTimeline(report.results, document);
}

}  // namespace

Part TimesPart() {
  return {.name = "times", .add_to_report = AddTimes};
}

}  // namespace braid::report
