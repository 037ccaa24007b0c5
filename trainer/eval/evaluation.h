// The interface of evaluations. An evaluation measures one thing of a model: losses, samples,
// BLiMP, ... Each has a folder of its own and an entry in the list of trainer/eval/registry.cc. The
// job `evaluate` (evaluate.h), the commands that measure a checkpoint folder (trainer/main.cc), and
// the check of files before a run is submitted (commands.h) use that list and know nothing else
// about evaluations.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/arguments.h"
#include "base/json.h"
#include "base/status.h"
#include "corpus/shards.h"
#include "corpus/tokenizer.h"
#include "model/spec.h"
#include "spec/evaluate/evaluate.h"
#include "task/channel.h"
#include "task/task.h"
#include "trainer/eval/once.h"
#include "trainer/network/network.h"

namespace braid::trainer {

using SharedTokenizer = std::shared_ptr<const corpus::Tokenizer>;

// Called with the progress of a measurement. An error, after a request to stop, ends the
// measurement and is returned. May be empty.
using ProgressReport = std::function<Status(std::string_view phase, std::string_view unit,
                                            int64_t done, int64_t total)>;

// What the caller of a measurement provides.
struct MeasureHooks {
  ProgressReport report;
  Once once = MakeAlways;
};

// A folder below the job's output that is part of its checkpoints: fine-tuning keeps adapters
// there.
inline constexpr char kAdapters[] = "adapters";

// What an evaluation may look at before anything is computed. All of it outlives the evaluation.
struct EvaluationInputs {
  const task::Task& task;
  const model::ModelSpec& model;
  SharedTokenizer tokenizer;
  // Tokens of a sequence; `sequence` of the spec.
  int64_t sequence;

  // The shards of all inputs data.<corpus>; empty if no evaluation of the job has reads_shards().
  const std::vector<corpus::Shards>& shards;
};

// The objects with which an evaluation measures.
struct EvaluationRun {
  Network& network;
  // For additional outputs. Progress is reported through the hooks.
  task::Channel& channel;
  // The job's output folder.
  std::string output;
  MeasureHooks hooks;
};

// One evaluation with its settings, within one job. Used by one thread.
class Evaluation {
 public:
  virtual ~Evaluation() = default;

  // Whether it reads the held-out text of corpora.
  virtual bool reads_shards() const { return false; }

  // Finds the inputs and checks them, and the settings, against the model, so that no error in them
  // is left for a measurement that has run for hours. Called once, before the other functions.
  virtual Status Open(const EvaluationInputs& inputs) = 0;

  // Measures, and returns its part of evaluation.json (docs/formats.md). It is made of pieces that
  // hooks.once keeps, so that an interrupted job does not measure them again.
  virtual Result<Json> Measure(EvaluationRun& run) = 0;

  // Adds the most important numbers of `result` to the job's summary.
  virtual void Summarize(const Json& /*result*/, Json* /*summary*/) const {}
};

// A command `braid-trainer NAME FOLDER ...` that measures a checkpoint folder without a job.
struct EvaluationCommand {
  const char* name;
  // Lines for --help, each with a newline.
  const char* usage;
  // Names of the options that take a value.
  std::vector<const char*> options;
  // Runs the command and prints its result. Errors are shown by main.
  Status (*run)(const Arguments& arguments);
};

// The check of an evaluation's input files by `braid-trainer check`, which needs no model.
struct FileCheck {
  // As in "[--blimp DIR] [--pairs 0]".
  const char* usage = "";
  std::vector<const char*> options;  // those that have a value
  // Null if there is nothing to check.
  Status (*run)(const Arguments& arguments) = nullptr;
};

// An entry in the list of evaluations.
struct EvaluationKind {
  const char* result;  // of evaluation.json
  // With its settings of a job (spec/evaluate/); null if the job does not ask for it.
  std::unique_ptr<Evaluation> (*make)(const spec::EvaluateTask& task);
  EvaluationCommand command;
  FileCheck check = {};
};

// All evaluations, in the order in which a job measures them.
const std::vector<EvaluationKind>& EvaluationKinds();
// The command with this name; null if there is none.
const EvaluationCommand* FindEvaluationCommand(std::string_view name);

// Whether two passes of the model over the same text differ: a Gumbel router with A4 `always`
// (docs/papers/papaformer.md#s7).
bool IsNoisy(const model::ModelSpec& spec);

}  // namespace braid::trainer
