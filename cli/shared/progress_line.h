// Progress on standard error.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace braid::cli {

// A line that overwrites itself on a terminal; elsewhere it appears at most every 5 s.
class ProgressLine {
 public:
  ProgressLine();
  // Clears the line of a terminal.
  ~ProgressLine();
  // Replaces the text; nothing is written if the last one is too fresh.
  void Show(const std::string& text);

 private:
  int64_t last_ms_;  // when it was written, on the monotonic clock
  bool shown_ = false;
};

// Shows the bytes done and the bytes in all of an upload or download, with rate and time left.
std::function<void(uint64_t, uint64_t)> TransferProgress(const std::string& what);

}  // namespace braid::cli
