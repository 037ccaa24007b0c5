// Sliding windows over a text that is longer than a model's context. Each window scores the tokens
// that no earlier window has scored.
#pragma once

#include <cstdint>
#include <vector>

namespace braid::trainer {

// Tokens [begin, end) of a text are the targets of one pass; each has as context all tokens of the
// window before it, and the first one the token before the window. Targets from `scored` on count.
struct TextWindow {
  int64_t begin = 0;
  int64_t end = 0;
  int64_t scored = 0;
};

// The windows of a text with `tokens` targets. The first has the first `window` targets and scores
// all of them. Each later one ends up to `stride` targets after the one before it and has `window`
// targets, so that those it scores have at least window - stride tokens of context. Every target is
// scored exactly once. REQUIRES: 1 <= stride <= window.
std::vector<TextWindow> WindowsOf(int64_t tokens, int64_t window, int64_t stride);

}  // namespace braid::trainer
