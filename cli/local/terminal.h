// A terminal as a screen: whole frames, single keys.
#pragma once

#include <termios.h>

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"

namespace braid::cli {

// What was pressed. Characters are themselves.
enum class Key { kNone, kUp, kDown, kEnter, kBack, kTab, kPageUp, kPageDown, kQuit, kEnd };

// A line of a frame, as wide as the screen or less, without anything that controls a terminal.
struct ScreenLine {
  std::string text;
  bool selected = false;
  bool bold = false;
};

// One at a time. From its making to its end the terminal shows a second screen, without a cursor,
// and passes on keys at once. SIGTERM, SIGHUP and SIGINT are read as kQuit.
class Terminal {
 public:
  // kFailedPrecondition if standard input and output are no terminal.
  static Result<std::unique_ptr<Terminal>> Open();
  // As it was before.
  ~Terminal();

  // In characters, as it is now.
  int columns() const;
  int rows() const;
  // Shows the frame; only lines that have changed are sent.
  void Draw(const std::vector<ScreenLine>& frame);
  // The next key; kNone after `timeout_ms`, and when the size has changed.
  Key Read(int timeout_ms);

 private:
  Terminal() = default;
  // The first key of `unread_`, which is not empty.
  Key TakeKey();

  termios before_{};
  std::string unread_;
  std::vector<std::string> shown_;  // lines as they were sent
  int shown_columns_ = 0;
};

}  // namespace braid::cli
