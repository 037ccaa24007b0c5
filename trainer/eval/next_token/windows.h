// How a text that is longer than a model's context is read: in windows, of which each scores the
// tokens that no earlier one has.
#pragma once

#include <cstdint>
#include <vector>

namespace braid::trainer {

// Tokens [begin, end) of a text are targets of one pass, each with all tokens of the window before
// it as its context (and, for the first, the token before the window). Those from `scored` on
// count.
struct TextWindow {
  int64_t begin = 0;
  int64_t end = 0;
  int64_t scored = 0;
};

// The windows of a text of `tokens` targets. The first has the first `window` of them and scores
// all; each that follows ends up to `stride` further and is `window` long, so that what it scores
// has at least window - stride tokens of context. Every target is scored once.
// REQUIRES: 1 <= stride <= window.
std::vector<TextWindow> WindowsOf(int64_t tokens, int64_t window, int64_t stride);

}  // namespace braid::trainer
