// What a training must have in common with the one that it makes longer: `continue` of recipes,
// input `continue` of tasks.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/status.h"
#include "schema/schema.h"
#include "spec/data.h"
#include "spec/train.h"

namespace braid::spec {

// What a checkpoint notes of its training.
struct TrainingNote {
  // As the task has them.
  Data data;
  uint64_t seed = 42;
  TaskTrain train;
  // Steps after which it ends.
  int64_t total = 0;
  // By role, what tells the shards of a corpus from others.
  std::map<std::string, std::string> shards;

  static const schema::Schema& Fields();
};

// How far a checkpoint is, and how it got there.
struct Begun {
  int64_t steps = 0;
  int64_t tokens = 0;
  // Absent where nobody noted it.
  std::optional<TrainingNote> training;
};

// Fails unless the training of `task` reads the same text in the same order, by the same steps,
// with the same optimizer, and is longer than what has been done. The message names the settings as
// recipes do. What else differs (rates, decay, checkpoints, ...) holds from here on.
Status CheckGoesOn(const Begun& begun, const TrainTask& task);

// What else differs, as "train.clip was 1.0 and is 0.5, ..."; empty if nothing does. The length is
// not named: it is meant to differ.
std::string OtherSettings(const TrainingNote& note, const TrainTask& task);

}  // namespace braid::spec
