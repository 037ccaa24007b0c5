// Carries a merge plan out: streams the composite with constant memory, then proves its bytes.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "merge/plan.h"

namespace braid::merge {

// Writes <folder>/model.safetensors, config.json, state.json and, if the first parent has one, tokenizer.json.
// `progress` hears of every tensor written. A NaN or infinity in a parent is kInvalidArgument with parent and tensor.
Status WriteComposite(const MergePlan& plan, const std::vector<std::string>& parent_folders, const std::string& folder,
                      const std::function<void(int64_t done, int64_t total)>& progress);

// Reads the composite back and compares every slice with its parent, and every new tensor with its initial values, bit
// for bit. Returns the account with a SHA-256 of each tensor; kDataLoss names the first that differs.
Result<Json> ProveComposite(const MergePlan& plan, const std::vector<std::string>& parent_folders,
                            const std::string& folder);

}  // namespace braid::merge
