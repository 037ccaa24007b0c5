// Progress on standard error.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "cli/shared/live_block.h"

namespace braid::cli {

// A line that overwrites itself on a terminal, cut to its width; elsewhere it appears at most every
// 5 s.
class ProgressLine {
 public:
  ProgressLine();
  // Replaces the text; nothing is written if the last one is too fresh.
  void Show(const std::string& text);

 private:
  const bool terminal_;
  LiveBlock block_;  // of a terminal
  int64_t last_ms_;  // when it was written, on the monotonic clock
};

// Shows the bytes done and the bytes in all of an upload or download, with rate and time left.
std::function<void(uint64_t, uint64_t)> TransferProgress(const std::string& what);

}  // namespace braid::cli
