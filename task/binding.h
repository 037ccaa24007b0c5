// What of a job stays at the site to which its data is bound (docs/security.md#bound-data).
#pragma once

#include <string_view>

#include "base/words.h"
#include "task/artifact.h"

namespace braid::task {

//   kNothing  nothing: its inputs and outputs may be anywhere
//   kInputs   something that it reads is bound to its site; what it makes may leave
//   kShards   of what it makes, the output `shards`
//   kOutputs  all that it makes, its checkpoints too
enum class Binding { kNothing, kInputs, kShards, kOutputs };

inline const Words& WordsOf(Binding) {
  static const Words words = {"nothing", "inputs", "shards", "outputs"};
  return words;
}

// Whether a job makes something that stays.
inline bool MakesBound(Binding binding) {
  return binding == Binding::kShards || binding == Binding::kOutputs;
}

// Whether an output of this role stays at the site of its job. Checkpoints have the role that is
// the name of their kind.
inline bool Stays(Binding binding, std::string_view role) {
  return binding == Binding::kOutputs || (binding == Binding::kShards && role == role::kShards);
}

}  // namespace braid::task
