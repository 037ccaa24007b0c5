// Lines on the terminal of standard error that are replaced where they stand.
#pragma once

#include <string>
#include <vector>

namespace braid::cli {

// The size of a terminal in characters.
struct ScreenSize {
  int columns = 80, rows = 24;
};

// What is sent so that `lines` stand at the cursor's line and below it in place of what was there,
// and the cursor is at the beginning of the first of them again. From there everything below can be
// replaced, also after a terminal that became narrower has wrapped it. Without lines, what was
// there is cleared. REQUIRES: each line is narrower than the terminal.
std::string DrawText(const std::vector<std::string>& lines);

// One at a time, and only where Possible(). What is shown is cleared at its end, and when SIGINT,
// SIGTERM or SIGHUP end the program.
class LiveBlock {
 public:
  // Whether standard error is a terminal that can move its cursor.
  static bool Possible();
  // Of standard error, now.
  static ScreenSize Size();

  LiveBlock() = default;
  ~LiveBlock();
  LiveBlock(const LiveBlock&) = delete;
  LiveBlock& operator=(const LiveBlock&) = delete;

  // Replaces the lines; DrawText has what is required of them.
  void Show(const std::vector<std::string>& lines);
  // Prints a text that stays, above the block. It may be longer than a line of the terminal.
  void Say(const std::string& text);

 private:
  std::vector<std::string> shown_;
};

}  // namespace braid::cli
