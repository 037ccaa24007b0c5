// What a program computes on.
#pragma once

#include "base/words.h"

namespace braid {

// CPU cores, or NVIDIA GPUs.
enum class Device { kCpu, kCuda };

// "cpu" and "cuda": the words of recipes, task files, the API and the catalog.
inline const Words& WordsOf(Device) {
  static const Words words = {"cpu", "cuda"};
  return words;
}

}  // namespace braid
