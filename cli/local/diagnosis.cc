#include "cli/local/diagnosis.h"

#include <algorithm>
#include <cstdlib>

#include "base/text.h"

namespace braid::cli {
namespace {

// Below 10 GiB, the checkpoints of a few small models may fill the disk; below 1 GiB nothing useful
// can run. Clocks that differ by seconds confuse timestamps and certificates' dates.
constexpr uint64_t kLittleBytes = uint64_t{10} << 30;
constexpr uint64_t kTooLittleBytes = uint64_t{1} << 30;
constexpr int64_t kClockMs = 5'000;
constexpr int64_t kDayMs = 86'400'000;

// Variables that people set; docs/operating.md and docs/python.md have their meaning.
const std::vector<std::string>& KnownVariables() {
  static const std::vector<std::string> names = {"BRAID_ADDR", "BRAID_DIR",        "BRAID_HTTP",
                                                 "BRAID_CA",   "BRAID_TOKEN_FILE", "BRAID_OUTPUT",
                                                 "BRAID_ISA"};
  return names;
}

// The variable that `name` was meant to be, judged by what stands behind BRAID_; empty if none is
// near.
std::string MeantVariable(std::string_view name) {
  const auto rest = [](std::string_view whole) { return whole.substr(6); };
  const auto distance = [&](const std::string& known) {
    return EditDistance(rest(name), rest(known));
  };
  const auto& known = KnownVariables();
  const auto nearest = std::min_element(
      known.begin(), known.end(),
      [&](const auto& a, const auto& b) { return distance(a) < distance(b); });
  return distance(*nearest) <= std::max(2, static_cast<int>(rest(name).size()) / 2) ? *nearest : "";
}

}  // namespace

const braid::Words& WordsOf(Verdict) {
  static const braid::Words words = {"ok", "warning", "error"};
  return words;
}

std::string ShortTime(int64_t ms) {
  return ms < 1'000 ? std::to_string(ms) + " ms" : FormatDuration(static_cast<double>(ms) / 1'000);
}

std::string OthersIn(uint32_t mode) {
  const bool group = (mode & 070) != 0, all = (mode & 07) != 0;
  if (group && all) return "its group and all others";
  return group ? "its group" : all ? "all others" : "";
}

Diagnosis JudgeDisk(const std::string& what, uint64_t free_bytes) {
  Diagnosis found{Verdict::kOk, "disk", FormatBytes(free_bytes) + " are free for " + what, ""};
  if (free_bytes >= kLittleBytes) return found;
  found.verdict = free_bytes < kTooLittleBytes ? Verdict::kError : Verdict::kWarning;
  found.advice =
      "make room: braid gc removes what no run needs, braid run delete a run with all that it made";
  return found;
}

Diagnosis JudgeClock(int64_t ahead_ms, int64_t doubt_ms) {
  const int64_t apart_ms = std::abs(ahead_ms);
  Diagnosis found{Verdict::kOk, "clock", "", ""};
  if (apart_ms <= std::max(kClockMs, doubt_ms)) {
    found.found = "as the coordinator's, within " + ShortTime(std::max(apart_ms, doubt_ms));
    return found;
  }
  found.verdict = Verdict::kWarning;
  found.found = "the coordinator's is " + ShortTime(apart_ms) +
                (ahead_ms > 0 ? " ahead of" : " behind") + " this machine's";
  found.advice =
      "set both by NTP (timedatectl shows its state): ages in lists are wrong, and certificates "
      "and "
      "tokens may end too early or too late";
  return found;
}

Diagnosis JudgeCertificate(const std::string& what, int64_t ends_ms, int64_t now_ms) {
  const std::string day = FormatUtc(ends_ms).substr(0, 10);
  Diagnosis found{Verdict::kOk, "certificate", what + " ends on " + day, ""};
  if (ends_ms - now_ms > 30 * kDayMs) return found;
  const bool over = ends_ms <= now_ms;
  if (over) found.found = what + " ended on " + day;
  found.verdict = over ? Verdict::kError : Verdict::kWarning;
  found.advice =
      "the coordinator renews its own months before: restart it, and read its log; one of yours "
      "(--tls-cert, --http-cert) is read again when its file changes";
  return found;
}

Diagnosis JudgeVersion(const std::string& what, std::string_view version, std::string_view ours) {
  Diagnosis found{Verdict::kOk, "version", what + " has version " + std::string(version), ""};
  if (version == ours) return found;
  found.verdict = Verdict::kWarning;
  found.found += ", this program " + std::string(ours);
  found.advice = "install the same version everywhere: an older one does not know newer settings";
  return found;
}

Diagnosis JudgeEnvironment(const std::vector<std::string>& variables) {
  Diagnosis found{Verdict::kOk, "environment", "", ""};
  std::vector<std::string> set, wrong;
  for (const std::string& variable : variables) {
    const std::string name = variable.substr(0, variable.find('='));
    if (!name.starts_with("BRAID_")) continue;
    const auto& known = KnownVariables();
    if (std::find(known.begin(), known.end(), name) != known.end()) {
      set.push_back(variable);
    } else if (const std::string near = MeantVariable(name); !near.empty()) {
      wrong.push_back(name + " says nothing to braid; did you mean " + near + "?");
    }
  }
  std::sort(set.begin(), set.end());
  std::sort(wrong.begin(), wrong.end());
  found.found = set.empty() ? "no variable of it says where the coordinator is" : Join(set, ", ");
  if (wrong.empty()) return found;
  found.verdict = Verdict::kWarning;
  found.found = Join(wrong, ", ");
  found.advice = "there are " + Join(KnownVariables(), ", ");
  return found;
}

}  // namespace braid::cli
