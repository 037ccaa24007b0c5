// What an evaluate job is to measure: its spec and inputs, read and checked before anything is
// computed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "corpus/shards.h"
#include "task/task.h"
#include "trainer/eval/dual_analysis.h"
#include "trainer/eval/dual_text.h"
#include "trainer/eval/measure.h"
#include "trainer/eval/sample.h"
#include "trainer/loop/validation.h"

namespace braid::trainer {

struct Wanted {
  std::string name;
  int64_t sequence = 256;
  int64_t checkpoint_seconds = 30;
  std::optional<ValidationSpec> loss;
  std::optional<SampleSettings> samples;
  std::optional<DualAnalysis> dual;
  std::optional<GlueSettings> glue;
  bool blimp = false;
  int64_t blimp_pairs = 0;  // of each paradigm; 0: all
  Json routing;             // null: not wanted

  std::string blimp_folder;
  GlueFolders glue_folders;
  std::vector<corpus::Shards> shards;  // of all data.<corpus> inputs, if some part reads them
  std::vector<DualText> texts;         // of `dual`
};

// Reads the spec. Prompts of a file are not there yet.
Result<Wanted> WantedFromTask(const task::Task& task);
// Opens the inputs and checks all of it against the model: positions, classes, files of BLiMP and
// GLUE, prompts.
Status OpenInputs(const task::Task& task, const model::ModelSpec& model,
                  const SharedTokenizer& tokenizer, Wanted* wanted);

}  // namespace braid::trainer
