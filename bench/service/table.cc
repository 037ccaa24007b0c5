#include "bench/service/table.h"

#include <algorithm>

#include "base/file.h"
#include "base/text.h"

namespace braid::bench {
namespace {

constexpr char kBegin[] = "<!-- bench/service writes what follows -->\n";
constexpr char kEnd[] = "<!-- bench/service wrote what stands above -->\n";

// A line of the table, and what is aimed at: at least or at most so much, or nothing.
enum class Aim { kNone, kAtLeast, kAtMost };
struct Line {
  const char* row;
  const char* value;
  const char* text;
  const char* unit;
  Aim aim = Aim::kNone;
  double target = 0;
};

constexpr Line kLines[] = {
    {"submit", "per_s", "durable submits of a run of five jobs", "/s", Aim::kAtLeast, 1000},
    {"submit", "p50_ms", "... p50", " ms"},
    {"submit", "p99_ms", "... p99", " ms"},
    {"submit", "cpu_ms_each", "... CPU of the coordinator for each", " ms"},
    {"lease", "per_s", "attempts ended and granted again, durable and fenced", "/s", Aim::kAtLeast,
     5000},
    {"lease", "cpu_ms_each", "... CPU of the coordinator for each", " ms"},
    {"lease", "load_cpu_ms_each", "... CPU of the workers, which are the load, for each", " ms"},
    {"start", "p50_ms", "from a submit to the message at an idle worker, p50", " ms", Aim::kAtMost,
     5},
    {"start", "p99_ms", "... p99", " ms", Aim::kAtMost, 25},
    {"idle", "cpu_percent", "CPU while nobody calls", " % of a core", Aim::kAtMost, 1},
    {"idle", "memory_mb", "memory", " MB"},
    {"restart", "seconds", "SIGKILL to serving", " s", Aim::kAtMost, 2},
    {"ended", "seconds", "... when all runs have ended", " s", Aim::kAtMost, 2},
    {"ended", "memory_mb", "memory then", " MB"},
    {"ended_list", "p50_ms", "a page of them, p50", " ms"},
    {"ended_list", "p99_ms", "... p99", " ms", Aim::kAtMost, 50},
    {"describe", "p50_ms", "one of them described, p50", " ms"},
    {"describe", "p99_ms", "... p99", " ms", Aim::kAtMost, 50},
    {"metrics", "p50_ms", "`/metrics`, p50", " ms"},
    {"metrics", "p99_ms", "... p99", " ms", Aim::kAtMost, 50},
    {"list", "p50_ms", "a page of runs, p50", " ms"},
    {"list", "p99_ms", "... p99", " ms", Aim::kAtMost, 50},
    {"others", "p99_ms", "any other read meanwhile, p99", " ms", Aim::kAtMost, 50},
    {"crowd", "workers", "workers over TLS that beat every 5 s, each with a running rank", ""},
    {"crowd", "cpu_percent", "... CPU", " % of a core", Aim::kAtMost, 50},
    {"crowd", "memory_mb", "... memory", " MB", Aim::kAtMost, 768},
    {"transfer", "up_mb_s", "a verified blob into the store, one stream", " MB/s", Aim::kAtLeast,
     1000},
    {"transfer", "up_4_mb_s", "... four streams", " MB/s"},
    {"transfer", "down_mb_s", "a blob out of the store, one stream", " MB/s", Aim::kAtLeast, 1000},
};

std::string Number(double value) {
  return Format(value >= 100 ? "%.0f" : value >= 10 ? "%.1f" : "%.2f", value);
}

std::string CellOf(const Row* row, const Line& line) {
  if (row == nullptr) return "";
  const double value = row->values.at(line.value);
  const bool missed = (line.aim == Aim::kAtLeast && value < line.target) ||
                      (line.aim == Aim::kAtMost && value > line.target);
  return Number(value) + line.unit + (missed ? " (missed)" : "");
}

std::string TargetOf(const Line& line) {
  if (line.aim == Aim::kNone) return "";
  return (line.aim == Aim::kAtLeast ? "at least " : "at most ") + Format("%.0f", line.target) +
         line.unit;
}

}  // namespace

std::string TableOf(const std::vector<Row>& rows) {
  int64_t most = 0;
  for (const Row& row : rows) {
    if (row.name == "submit") most = std::max(most, row.jobs);
  }
  std::string text = "| row | target | empty | " + std::to_string(most) + " jobs |\n" +
                     "|---|---:|---:|---:|\n";
  for (const Line& line : kLines) {
    const Row *empty = nullptr, *full = nullptr;
    for (const Row& row : rows) {
      if (row.name != line.row) continue;
      // Those that are measured once have a column of their own sort.
      (row.jobs == most && most > 0 ? full : empty) = &row;
    }
    if (empty == nullptr && full == nullptr) continue;
    text += "| " + std::string(line.text) + " | " + TargetOf(line) + " | " + CellOf(empty, line) +
            " | " + CellOf(full, line) + " |\n";
  }
  return text;
}

Status UpdateDocument(const std::string& path, const std::string& text) {
  BRAID_ASSIGN_OR_RETURN(const std::string before, ReadFile(path));
  const size_t begin = before.find(kBegin);
  const size_t end = before.find(kEnd);
  if (begin == std::string::npos || end == std::string::npos || end < begin)
    return InvalidArgument(path + " has no lines between which the bench may write: it needs \"" +
                           std::string(kBegin, sizeof kBegin - 2) + "\" and \"" +
                           std::string(kEnd, sizeof kEnd - 2) + "\"");
  return WriteFileAtomic(
      path, before.substr(0, begin) + kBegin + "\n" + text + "\n" + before.substr(end));
}

}  // namespace braid::bench
