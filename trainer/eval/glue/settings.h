// `spec.glue` of an evaluate job (docs/tasks.md), checked.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace braid::trainer {

// The defaults are docs/papers/papaformer.md#s8.2's.
struct GlueSettings {
  std::vector<std::string> tasks;  // none: the eleven of the two suites
  int64_t epochs = 32;             // at most
  int64_t patience = 5;            // evaluations in a row without a lower validation loss
  int64_t batch = 64;
  double lr = 3e-4;
  double weight_decay = 0.1;
  double warmup = 0.06;  // share of the steps
  int64_t length = 128;  // tokens
  int64_t rank = 8;
  double alpha = 16;
  double dropout = 0.1;
  std::vector<uint64_t> seeds;  // none: those of each task
  std::string mnli = "mean";    // mean | matched
  int64_t documents = 0;        // cap of examples of each file; 0: all
  bool adapters = false;        // keep the adapters of every training
};

// An unknown task is kInvalidArgument that lists those that there are.
Result<GlueSettings> GlueSettingsFromJson(const Json& json, const std::string& path);

}  // namespace braid::trainer
