#include "cli/local/top_view.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/text.h"
#include "cli/shared/braille.h"
#include "cli/shared/columns.h"
#include "cli/shared/print.h"

namespace braid::cli {
namespace {

constexpr int kHeadRows = 2;  // title, heads of columns
constexpr int kFootRows = 1;
constexpr int kCurveColumns = 30;

using TopRow = std::vector<std::string>;

// Rows as lines of equal columns, of which the last takes what is left.
std::vector<std::string> Aligned(const std::vector<TopRow>& rows, int columns) {
  // Wider cells are cut, so that one long name does not push all other columns off the screen.
  constexpr int kMost = 40;
  std::vector<int> widths;
  for (const TopRow& row : rows) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (size_t i = 0; i < row.size(); ++i)
      widths[i] = std::clamp(ColumnsOf(row[i]), widths[i], kMost);
  }
  std::vector<std::string> lines;
  for (const TopRow& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i)
      line += i + 1 < row.size() ? Fit(row[i], widths[i]) + "  " : row[i];
    lines.push_back(Fit(line, columns));
  }
  return lines;
}

// The rows between the head and the foot of a frame of `rows` rows.
int RoomFor(int rows) {
  return std::max(1, rows - kHeadRows - kFootRows);
}

std::vector<TopRow> RunRows(const TopData& data) {
  std::vector<TopRow> rows = {{"RUN", "NAME", "USER", "STATE", "JOBS", "AGE"}};
  for (const v1::Run& run : data.runs.runs()) {
    rows.push_back({run.id(), run.name(), run.user(), StateText(run),
                    std::to_string(run.jobs_succeeded()) + "/" + std::to_string(run.jobs_total()),
                    Ago(run.created_ms())});
  }
  return rows;
}

std::vector<TopRow> WorkerRows(const TopData& data) {
  std::vector<TopRow> rows = {{"WORKER", "SITE", "LINK", "ADMIT", "SLOTS", "GPUS", "HOST", "SEEN"}};
  for (const v1::Worker& worker : data.workers.workers()) {
    rows.push_back({worker.id(), worker.site(), v1::WorkerLink_Name(worker.link()).substr(7),
                    AdmitText(worker),
                    std::to_string(worker.slots_used()) + "/" + std::to_string(worker.cpu_slots()),
                    std::to_string(worker.gpus_size()), worker.host(), Ago(worker.last_seen_ms())});
  }
  return rows;
}

std::string LossText(const TopCurve& curve) {
  return curve.losses.empty() ? "" : Format("%.4g", curve.losses.back());
}

std::vector<TopRow> JobRows(const TopData& data) {
  std::vector<TopRow> rows = {{"JOB", "KIND", "STATE", "LOSS", "", "DETAIL"}};
  for (const v1::Job& job : data.run.jobs()) {
    std::string detail = ProgressText(job);
    if (detail.empty()) detail = job.pending_detail();
    if (job.state() == v1::JOB_FAILED || job.state() == v1::JOB_SKIPPED) detail = job.error();
    const auto curve = data.curves.find(job.name());
    const bool drawn = curve != data.curves.end() && !curve->second.losses.empty();
    rows.push_back(
        {job.name(), job.kind(), StateName(job.state()), drawn ? LossText(curve->second) : "",
         drawn ? BrailleCurve(curve->second.losses, kCurveColumns, 1).front() : std::string(),
         detail});
  }
  return rows;
}

std::vector<std::string> LogLines(const TopData& data) {
  std::string text = data.log;
  while (text.ends_with('\n')) text.pop_back();
  return text.empty() ? std::vector<std::string>{"(nothing was written yet)"} : Split(text, '\n');
}

// The rows of a table that fit, so that the selected one (-1: none) is among them.
void AddTable(const std::vector<TopRow>& rows, int selected, int first, int columns, int room,
              std::vector<ScreenLine>* frame) {
  const std::vector<std::string> lines = Aligned(rows, columns);
  frame->push_back({lines[0], false, true});
  const int count = static_cast<int>(lines.size()) - 1;
  if (selected >= room) first = selected - room + 1;
  first = std::clamp(first, 0, std::max(0, count - room));
  for (int i = first; i < std::min(count, first + room); ++i)
    frame->push_back({lines[static_cast<size_t>(i) + 1], i == selected});
}

// The curve of the selected job, if it is a training and there is room.
void AddCurve(const TopData& data, const TopPlace& place, int columns, int rows,
              std::vector<ScreenLine>* frame) {
  // Rows of the curve: with fewer its shape is not seen, and more would hide the jobs.
  constexpr int kLeast = 3, kMost = 8;
  const int left = rows - kFootRows - static_cast<int>(frame->size()) - 2;
  if (left < kLeast || place.selected_job >= data.run.jobs_size()) return;
  const std::string& name = data.run.jobs(place.selected_job).name();
  const auto curve = data.curves.find(name);
  if (curve == data.curves.end() || curve->second.losses.empty()) return;
  double least = INFINITY, most = -INFINITY;
  for (const double loss : curve->second.losses) {
    if (!std::isfinite(loss)) continue;
    least = std::min(least, loss);
    most = std::max(most, loss);
  }
  frame->push_back({""});
  frame->push_back({Fit("loss of " + name + ", " + Format("%.4g to %.4g", least, most) + ", " +
                            std::to_string(curve->second.losses.size()) + " steps",
                        columns),
                    false, true});
  for (const std::string& line : BrailleCurve(curve->second.losses, columns, std::min(left, kMost)))
    frame->push_back({line});
}

std::string TitleOf(const TopData& data, const TopPlace& place) {
  int active = 0, ready = 0, used = 0, slots = 0;
  for (const v1::Run& run : data.runs.runs()) active += run.state() == v1::RUN_ACTIVE ? 1 : 0;
  for (const v1::Worker& worker : data.workers.workers()) {
    ready += worker.link() == v1::WORKER_READY ? 1 : 0;
    used += worker.slots_used();
    slots += worker.cpu_slots();
  }
  std::string at;
  if (place.page == TopPage::kRun || place.page == TopPage::kLog)
    at = "run " + place.run_name + ": ";
  if (place.page == TopPage::kLog) at += "log of " + place.job + ": ";
  return "braid  " + at + std::to_string(active) + " runs active, " + std::to_string(ready) +
         " workers ready, " + std::to_string(used) + "/" + std::to_string(slots) +
         " CPU slots used  " + data.address;
}

std::string FootOf(const TopData& data, const TopPlace& place, int64_t now_ms) {
  std::string keys = "up, down  enter: open  tab: workers  q: end";
  if (place.page == TopPage::kWorkers) keys = "up, down  tab: runs  q: end";
  if (place.page == TopPage::kRun) keys = "up, down  enter: log  esc: back  q: end";
  if (place.page == TopPage::kLog) keys = "up, down, page: scroll  G: end of it  esc: back  q: end";
  if (data.fetched_ms == 0 && data.status.ok()) return keys + "   connecting";
  const std::string age =
      data.fetched_ms == 0
          ? "nothing was fetched yet"
          : FormatDuration(static_cast<double>(now_ms - data.fetched_ms) / 1000) + " old";
  if (!data.status.ok()) return age + ": " + data.status.message();
  return keys + "   " + age;
}

}  // namespace

std::vector<ScreenLine> TopFrame(const TopData& data, const TopPlace& place, int columns, int rows,
                                 int64_t now_ms) {
  std::vector<ScreenLine> frame = {{Fit(TitleOf(data, place), columns), false, true}};
  const int room = RoomFor(rows);
  switch (place.page) {
    case TopPage::kRuns:
      AddTable(RunRows(data), place.selected_run, 0, columns, room, &frame);
      break;
    case TopPage::kWorkers:
      AddTable(WorkerRows(data), -1, place.scroll, columns, room, &frame);
      break;
    case TopPage::kRun:
      AddTable(JobRows(data), place.selected_job, 0, columns, room, &frame);
      AddCurve(data, place, columns, rows, &frame);
      break;
    case TopPage::kLog: {
      const std::vector<std::string> lines = LogLines(data);
      const int count = static_cast<int>(lines.size());
      const int first = std::clamp(count - (room + 1) - place.scroll, 0, std::max(0, count - 1));
      for (int i = first; i < std::min(count, first + room + 1); ++i)
        frame.push_back({Fit(lines[static_cast<size_t>(i)], columns)});
      break;
    }
  }
  frame.resize(static_cast<size_t>(std::max(rows - kFootRows, 1)));
  frame.push_back({Fit(FootOf(data, place, now_ms), columns)});
  return frame;
}

void Press(Key key, const TopData& data, int rows, TopPlace* place) {
  const int page = RoomFor(rows);
  int move = 0;
  if (key == Key::kUp) move = -1;
  if (key == Key::kDown) move = 1;
  if (key == Key::kPageUp) move = -page;
  if (key == Key::kPageDown) move = page;
  switch (place->page) {
    case TopPage::kRuns:
      place->selected_run = std::clamp(place->selected_run + move, 0,
                                       std::max(0, data.runs.runs_size() - 1));
      if (key == Key::kTab)
        *place = {.page = TopPage::kWorkers, .selected_run = place->selected_run};
      if (key == Key::kEnter && place->selected_run < data.runs.runs_size()) {
        const v1::Run& run = data.runs.runs(place->selected_run);
        place->page = TopPage::kRun;
        place->run_id = run.id();
        place->run_name = run.name();
        place->selected_job = 0;
      }
      break;
    case TopPage::kWorkers:
      place->scroll = std::clamp(place->scroll + move, 0,
                                 std::max(0, data.workers.workers_size() - page));
      if (key == Key::kTab || key == Key::kBack)
        *place = {.page = TopPage::kRuns, .selected_run = place->selected_run};
      break;
    case TopPage::kRun:
      place->selected_job = std::clamp(place->selected_job + move, 0,
                                       std::max(0, data.run.jobs_size() - 1));
      if (key == Key::kBack) *place = {.page = TopPage::kRuns, .selected_run = place->selected_run};
      if (key == Key::kEnter && place->selected_job < data.run.jobs_size()) {
        place->page = TopPage::kLog;
        place->job = data.run.jobs(place->selected_job).name();
        place->scroll = 0;
      }
      break;
    case TopPage::kLog:
      place->scroll = std::clamp(place->scroll - move, 0,
                                 std::max(0, static_cast<int>(LogLines(data).size()) - page));
      if (key == Key::kEnd) place->scroll = 0;
      if (key == Key::kBack) place->page = TopPage::kRun;
      break;
  }
}

}  // namespace braid::cli
