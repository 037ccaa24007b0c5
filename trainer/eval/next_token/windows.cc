#include "trainer/eval/next_token/windows.h"

#include <algorithm>

namespace braid::trainer {

std::vector<TextWindow> WindowsOf(int64_t tokens, int64_t window, int64_t stride) {
  std::vector<TextWindow> windows;
  for (int64_t scored = 0; scored < tokens;) {
    // The first window has no earlier one, so it scores all of its targets.
    const int64_t end = std::min(tokens, scored == 0 ? window : scored + stride);
    windows.push_back({std::max<int64_t>(0, end - window), end, scored});
    scored = end;
  }
  return windows;
}

}  // namespace braid::trainer
