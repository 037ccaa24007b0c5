// GLUE and SuperGLUE: every task is trained with every seed, and the scores are averaged
// (docs/papers/papaformer.md#s8.2).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "corpus/tokenizer.h"
#include "spec/evaluate/glue.h"
#include "trainer/eval/glue/classifier.h"
#include "trainer/eval/glue/files.h"
#include "trainer/eval/glue/fine_tune.h"
#include "trainer/eval/once.h"

namespace braid::trainer {

// What was measured of one model.
struct GlueResult {
  // The results of one task.
  struct Task {
    std::string name;
    std::string suite;
    std::string metric;
    // One for each seed.
    std::vector<FineTuned> runs;
    // One for each seed: the mean over the task's validation sets.
    std::vector<double> scores;
    // Mean of `scores`, and their sample standard deviation.
    double score = 0;
    double deviation = 0;
    int64_t train_examples = 0;
    // Of all validation sets together.
    int64_t validation_examples = 0;
  };
  std::vector<Task> tasks;
};

// What an evaluation does while it runs.
struct GlueHooks {
  // Called with the steps of the present training; `what` is "cola, seed 3", for example. An error
  // ends the evaluation and is returned. May be empty.
  std::function<Status(const std::string& what, int64_t done, int64_t total)> progress;

  // Called after each training, while its best weights are in the classifier. May be empty.
  std::function<Status(const std::string& task, uint64_t seed)> trained;
  // Keeps the result of each training, as the piece "glue/<task>/<seed>".
  Once once = MakeAlways;
};

// Reads and checks the files of all tasks, as RunGlue does: what is wrong with one is known before
// any long work.
Status CheckGlueFiles(const GlueFolders& folders, const spec::GlueSettings& settings);

// Reads the files of all tasks before the first training.
Result<GlueResult> RunGlue(const GlueFolders& folders, const spec::GlueSettings& settings,
                           const corpus::Tokenizer& tokenizer, corpus::Encoder& encoder,
                           Classifier& classifier, const GlueHooks& hooks);

// {"tasks": {name: {"score", "deviation", "metric", "seeds": [score of each], "runs": [...],
// "examples": {"train", "validation"}}}, "glue", "superglue"}, with scores in per cent. The mean of
// a suite is there only if all of its tasks were trained.
Json ToJson(const GlueResult& result);

}  // namespace braid::trainer
