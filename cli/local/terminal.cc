#include "cli/local/terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>
#include <string_view>
#include <utility>

namespace braid::cli {
namespace {

volatile std::sig_atomic_t end_asked = 0;
void OnEnd(int) {
  end_asked = 1;
}
// Only interrupts poll().
void OnResize(int) {}

void SendToTerminal(const std::string& text) {
  for (size_t at = 0; at < text.size();) {
    const ssize_t written = write(STDOUT_FILENO, text.data() + at, text.size() - at);
    if (written < 0 && errno != EINTR && errno != EAGAIN) return;
    if (written > 0) at += static_cast<size_t>(written);
  }
}

winsize SizeNow() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
    size = {24, 80, 0, 0};
  return size;
}

void HandleSignal(int signal, void (*handler)(int)) {
  struct sigaction action{};
  action.sa_handler = handler;
  sigaction(signal, &action, nullptr);
}

// Sequences of keys as terminals send them, the longer ones first.
constexpr std::pair<std::string_view, Key> kKeys[] = {
    {"\033[5~", Key::kPageUp}, {"\033[6~", Key::kPageDown},
    {"\033[A", Key::kUp},      {"\033OA", Key::kUp},
    {"\033[B", Key::kDown},    {"\033OB", Key::kDown},
    {"\033[C", Key::kEnter},   {"\033OC", Key::kEnter},
    {"\033[D", Key::kBack},    {"\033OD", Key::kBack},
    {"\033\033", Key::kBack},  {"\003", Key::kQuit},
    {"q", Key::kQuit},         {"k", Key::kUp},
    {"j", Key::kDown},         {"\r", Key::kEnter},
    {"\n", Key::kEnter},       {"l", Key::kEnter},
    {"h", Key::kBack},         {"\177", Key::kBack},
    {" ", Key::kPageDown},     {"G", Key::kEnd},
    {"\t", Key::kTab}};

// Control sequences of xterm: the alternate screen, the cursor off and on again, and an empty
// screen.
constexpr char kEnter[] = "\033[?1049h\033[?25l\033[2J";
constexpr char kLeave[] = "\033[?25h\033[?1049l";

}  // namespace

Result<std::unique_ptr<Terminal>> Terminal::Open() {
  termios before{};
  if (isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0 ||
      tcgetattr(STDIN_FILENO, &before) != 0)
    return FailedPrecondition(
        "this is no terminal: --once prints one frame; with ssh, ssh -t gives a terminal");
  // From here on its end puts back what was before.
  std::unique_ptr<Terminal> terminal(new Terminal);
  terminal->before_ = before;
  termios raw = before;
  raw.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON | ISIG | IEXTEN);
  raw.c_iflag &= ~static_cast<tcflag_t>(IXON | ICRNL);
  raw.c_cc[VMIN] = 0;
  raw.c_cc[VTIME] = 0;
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
  for (const int signal : {SIGTERM, SIGHUP, SIGINT}) HandleSignal(signal, OnEnd);
  HandleSignal(SIGWINCH, OnResize);
  SendToTerminal(kEnter);
  return terminal;
}

Terminal::~Terminal() {
  SendToTerminal(kLeave);
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
}

int Terminal::columns() const {
  return SizeNow().ws_col;
}
int Terminal::rows() const {
  return SizeNow().ws_row;
}

void Terminal::Draw(const std::vector<ScreenLine>& frame) {
  const winsize size = SizeNow();
  std::string out;
  if (size.ws_col != shown_columns_ || shown_.size() != size.ws_row) {
    out += "\033[2J";
    shown_.assign(size.ws_row, "");
    shown_columns_ = size.ws_col;
  }
  for (size_t i = 0; i < shown_.size(); ++i) {
    std::string line;
    if (i < frame.size()) {
      const ScreenLine& one = frame[i];
      line = (one.selected ? "\033[7m"
              : one.bold   ? "\033[1m"
                           : "") +
             one.text + (one.selected || one.bold ? "\033[0m" : "");
    }
    if (line == shown_[i]) continue;
    shown_[i] = line;
    out += "\033[" + std::to_string(i + 1) + ";1H" + line + "\033[K";
  }
  SendToTerminal(out);
}

Key Terminal::Read(int timeout_ms) {
  if (end_asked != 0) return Key::kQuit;
  if (unread_.empty()) {
    pollfd input{STDIN_FILENO, POLLIN, 0};
    const int ready = poll(&input, 1, timeout_ms);
    if (end_asked != 0 || (input.revents & (POLLHUP | POLLERR)) != 0) return Key::kQuit;
    if (ready <= 0) return Key::kNone;
    char bytes[64];
    const ssize_t got = read(STDIN_FILENO, bytes, sizeof bytes);
    if (got == 0) return Key::kQuit;
    if (got < 0) return Key::kNone;
    unread_.assign(bytes, static_cast<size_t>(got));
  }
  return TakeKey();
}

Key Terminal::TakeKey() {
  for (const auto& [bytes, key] : kKeys) {
    if (!unread_.starts_with(bytes)) continue;
    unread_.erase(0, bytes.size());
    return key;
  }
  if (unread_ == "\033") {
    unread_.clear();
    return Key::kBack;
  }
  // A sequence that means nothing here, as a whole; or one character.
  unread_.erase(0, unread_[0] == '\033' ? std::string::npos : 1);
  return Key::kNone;
}

}  // namespace braid::cli
