#include "cli/shared/progress_line.h"

#include <cstdio>
#include <memory>

#include "base/clock.h"
#include "base/text.h"
#include "cli/shared/columns.h"

namespace braid::cli {
namespace {

// Output that is not a terminal is mostly a log, in which every line stays.
constexpr int64_t kQuietEveryMs = 5'000;

}  // namespace

// Where nothing overwrites a line, what is done at once needs none.
ProgressLine::ProgressLine()
    : terminal_(LiveBlock::Possible()), last_ms_(terminal_ ? 0 : SystemClock().MonotonicMs()) {}

void ProgressLine::Show(const std::string& text) {
  const int64_t now = SystemClock().MonotonicMs();
  if (now - last_ms_ < (terminal_ ? 100 : kQuietEveryMs)) return;
  last_ms_ = now;
  if (terminal_) {
    block_.Show({Fit(text, LiveBlock::Size().columns - 1)});
  } else {
    std::fprintf(stderr, "%s\n", text.c_str());
    std::fflush(stderr);
  }
}

std::function<void(uint64_t, uint64_t)> TransferProgress(const std::string& what) {
  const auto line = std::make_shared<ProgressLine>();
  const int64_t begun = SystemClock().MonotonicMs();
  return [=](uint64_t done, uint64_t total) {
    const double seconds = static_cast<double>(SystemClock().MonotonicMs() - begun) / 1000;
    std::string text = what + " " + FormatBytes(done) + " of " + FormatBytes(total);
    if (seconds >= 0.2 && done > 0) {  // sooner the rate says nothing
      const double rate = static_cast<double>(done) / seconds;
      text += ", " + FormatBytes(static_cast<uint64_t>(rate)) + "/s, " +
              FormatDuration(static_cast<double>(total - done) / rate) + " left";
    }
    line->Show(text);
  };
}

}  // namespace braid::cli
