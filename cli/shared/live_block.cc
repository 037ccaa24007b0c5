#include "cli/shared/live_block.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "base/text.h"

namespace braid::cli {
namespace {

// From the cursor's line on, everything.
constexpr char kClear[] = "\r\033[J";

volatile std::sig_atomic_t block_is_shown = 0;

// The shell's prompt is to stand where the block was. SA_RESETHAND has put the signal's own effect
// back, which follows once this has returned.
void ClearAndEnd(int signal) {
  if (block_is_shown != 0) {
    block_is_shown = 0;
    [[maybe_unused]] const ssize_t sent = write(STDERR_FILENO, kClear, sizeof kClear - 1);
  }
  raise(signal);
}

void ClearWhenEnded() {
  static const bool once = [] {
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
      struct sigaction now{};
      // What is ignored (nohup) stays ignored.
      if (sigaction(signal, nullptr, &now) != 0 || now.sa_handler != SIG_DFL) continue;
      struct sigaction action{};
      action.sa_handler = ClearAndEnd;
      action.sa_flags = static_cast<int>(SA_RESETHAND);
      sigaction(signal, &action, nullptr);
    }
    return true;
  }();
  (void)once;
}

// In one call, so that no half of a block is seen.
void Send(const std::string& text) {
  for (size_t at = 0; at < text.size();) {
    const ssize_t written = write(STDERR_FILENO, text.data() + at, text.size() - at);
    if (written < 0 && errno != EINTR && errno != EAGAIN) return;
    if (written > 0) at += static_cast<size_t>(written);
  }
}

}  // namespace

std::string DrawText(const std::vector<std::string>& lines) {
  if (lines.empty()) return kClear;
  std::string text = "\r";
  for (size_t i = 0; i < lines.size(); ++i) text += (i > 0 ? "\r\n" : "") + lines[i] + "\033[K";
  text += "\033[J\r";
  if (lines.size() > 1) text += Format("\033[%zuA", lines.size() - 1);
  return text;
}

bool LiveBlock::Possible() {
  const char* kind = std::getenv("TERM");
  return isatty(STDERR_FILENO) != 0 && kind != nullptr && std::string(kind) != "dumb";
}

ScreenSize LiveBlock::Size() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
    return {};
  return {size.ws_col, size.ws_row};
}

LiveBlock::~LiveBlock() {
  Show({});
}

void LiveBlock::Show(const std::vector<std::string>& lines) {
  if (lines.empty() && shown_.empty()) return;
  ClearWhenEnded();
  // Also if they are the same: the terminal may have wrapped them meanwhile.
  Send(DrawText(lines));
  block_is_shown = lines.empty() ? 0 : 1;
  shown_ = lines;
}

void LiveBlock::Say(const std::string& text) {
  std::string line = text;
  for (size_t at = 0; (at = line.find('\n', at)) != std::string::npos; at += 2)
    line.replace(at, 1, "\r\n");
  Send((shown_.empty() ? std::string() : std::string(kClear)) + line + "\r\n" +
       (shown_.empty() ? std::string() : DrawText(shown_)));
}

}  // namespace braid::cli
