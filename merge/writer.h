// Carries a merge plan out: streams the composite with constant memory, then proves its bytes.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "merge/plan.h"

namespace braid::merge {

// Writes <folder>/model.safetensors, config.json, state.json and, if the first source has one,
// tokenizer.json; of a plan that carries the optimizer also optimizer.safetensors, and `steps` in
// state.json, with `states` unless every tensor has AdamW's. `source_folders` are in the order of
// plan.sources. Works on so many `threads`; `progress` is called after every tensor written, by one
// thread at a time. A NaN or infinity in a source, and a second moment below zero, is
// kInvalidArgument with source and tensor.
Status WriteComposite(const MergePlan& plan, const std::vector<std::string>& source_folders,
                      const std::string& folder, size_t threads,
                      const std::function<void(int64_t done, int64_t total)>& progress);

// Reads the composite back and compares every part with its source, and everything new with its
// initial values (of the optimizer's state: zeros), bit for bit. Returns the account with a SHA-256
// of each tensor; kDataLoss names the first that differs.
Result<Json> VerifyComposite(const MergePlan& plan, const std::vector<std::string>& source_folders,
                             const std::string& folder, size_t threads);

}  // namespace braid::merge
