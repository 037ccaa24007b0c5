// An evaluation measures one thing of a model: losses, samples, BLiMP, ... Each stands in a folder
// of its own and is found by its name in the list of registry.cc. The job `evaluate` (evaluate.h),
// the commands that measure a checkpoint folder by hand (main.cc) and the check of files before a
// run is submitted (commands.h) go through that list and know nothing else of it.
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

// Hears how far a measurement is; an error (a stop that was asked for) ends it. May be empty.
using ProgressReport = std::function<Status(std::string_view phase, std::string_view unit,
                                            int64_t done, int64_t total)>;

struct MeasureHooks {
  ProgressReport report;
  Once once = MakeAlways;
};

// The folder below a job's output whose files go into its checkpoints: what fine-tuning keeps.
inline constexpr char kAdapters[] = "adapters";

// What an evaluation is given of a job before anything is computed. All of it outlives the
// evaluation.
struct EvaluationInputs {
  const task::Task& task;
  const model::ModelSpec& model;
  SharedTokenizer tokenizer;
  int64_t sequence;  // tokens that are read at once, `sequence` of the spec
  // Of all data.<corpus> inputs; empty if no evaluation of the job reads_shards().
  const std::vector<corpus::Shards>& shards;
};

// What it is given to measure with.
struct EvaluationRun {
  Network& network;
  task::Channel& channel;  // for further outputs; progress goes to the hooks
  std::string output;      // the job's output folder
  MeasureHooks hooks;
};

// One evaluation with its settings, in one job.
class Evaluation {
 public:
  virtual ~Evaluation() = default;

  virtual bool reads_shards() const { return false; }
  // Finds its inputs and checks them and the settings against the model, so that nothing is wrong
  // with them later. Called once, before the others.
  virtual Status Open(const EvaluationInputs& inputs) = 0;
  // Its part of evaluation.json (docs/formats.md), made of pieces by hooks.once.
  virtual Result<Json> Measure(EvaluationRun& run) = 0;
  // Adds to the job's summary what people look for first in `result`.
  virtual void Summarize(const Json& /*result*/, Json* /*summary*/) const {}
};

// A command `braid-trainer NAME FOLDER ...` that measures a checkpoint folder.
struct EvaluationCommand {
  const char* name;
  const char* usage;                 // lines of --help, each with its end
  std::vector<const char*> options;  // those that have a value
  Status (*run)(const Arguments& arguments);
};

// What `braid-trainer check` looks at for an evaluation: files, without a model.
struct FileCheck {
  const char* usage = "";                               // "[--blimp DIR] [--pairs 0]"
  std::vector<const char*> options;                     // those that have a value
  Status (*run)(const Arguments& arguments) = nullptr;  // null: there is nothing to check
};

// An entry of the list.
struct EvaluationKind {
  const char* result;  // of evaluation.json
  // With its settings of a job (spec/evaluate/); null if the job does not ask for it.
  std::unique_ptr<Evaluation> (*make)(const spec::EvaluateTask& task);
  EvaluationCommand command;
  FileCheck check = {};
};

// In the order in which a job measures them.
const std::vector<EvaluationKind>& EvaluationKinds();
// The command of that name, or null.
const EvaluationCommand* FindEvaluationCommand(std::string_view name);

// True iff two passes of the model over the same text differ (A4 `always` on a Gumbel router).
bool IsNoisy(const model::ModelSpec& spec);

}  // namespace braid::trainer
