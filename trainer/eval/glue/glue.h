// GLUE and SuperGLUE: every task with every seed, averaged (docs/papers/papaformer.md#s8.2).
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

struct GlueResult {
  struct Task {
    std::string name;
    std::string suite;
    std::string metric;
    std::vector<FineTuned> runs;  // one for each seed
    std::vector<double> scores;   // one for each seed: the mean of its validation sets
    double score = 0;             // mean over the seeds
    double deviation = 0;         // their sample standard deviation
    int64_t train_examples = 0;
    int64_t validation_examples = 0;  // of all sets
  };
  std::vector<Task> tasks;
};

struct GlueHooks {
  // Steps of one training so far; `what` is "cola, seed 3". An error ends the evaluation with it.
  // May be empty.
  std::function<Status(const std::string& what, int64_t done, int64_t total)> progress;
  // After each training, its best weights being in the classifier. May be empty.
  std::function<Status(const std::string& task, uint64_t seed)> trained;
  Once once = MakeAlways;  // of each training, "glue/<task>/<seed>"
};

// Reads and checks the files of all tasks, as RunGlue does: what is wrong with one is known before
// any long work.
Status CheckGlueFiles(const GlueFolders& folders, const spec::GlueSettings& settings);

// Reads the files of all tasks before the first training.
Result<GlueResult> RunGlue(const GlueFolders& folders, const spec::GlueSettings& settings,
                           const corpus::Tokenizer& tokenizer, corpus::Encoder& encoder,
                           Classifier& classifier, const GlueHooks& hooks);

// {"tasks": {name: {"score", "deviation", "metric", "seeds": [score of each], "runs": [...],
// "examples":
// {"train", "validation"}}}, "glue", "superglue"}, scores in per cent. A suite's mean is there only
// if all its tasks are.
Json ToJson(const GlueResult& result);

}  // namespace braid::trainer
