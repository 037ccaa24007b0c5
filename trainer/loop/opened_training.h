// What a training reads before its first step, checked against one another.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "corpus/dataset.h"
#include "corpus/tokenizer.h"
#include "spec/going_on.h"
#include "task/task.h"
#include "trainer/loop/settings.h"

namespace braid::trainer {

// The inputs of one training.
struct OpenedTraining {
  std::shared_ptr<const corpus::Tokenizer> tokenizer;
  TrainSettings settings;
  // SHA-256 of the task's spec with the tokenizer's numbers filled in and without `until`: a
  // checkpoint belongs to these settings alone, and another training must not go on from it.
  std::string digest;
  // For whoever goes on from a checkpoint of this training.
  spec::TrainingNote note;
  std::unique_ptr<corpus::Dataset> dataset;
  StepPlan plan;

  // The shards of all corpora, in the order of the spec's sources. Owned by `dataset`.
  std::vector<const corpus::Shards*> corpora() const;
};

// Opens the inputs of a train or joint job. All errors in them are found here: a training that has
// run for hours must not fail because a corpus has nothing to validate on. kInvalidArgument names
// the field, or the corpus and what to do.
Result<OpenedTraining> OpenTraining(const task::Task& task);

}  // namespace braid::trainer
