// The graph of jobs that a recipe expands to. The coordinator stores it, and `braid plan` prints
// it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "model/flops.h"
#include "recipe/source.h"
#include "recipe/sweep.h"
#include "task/job_kind.h"
#include "task/requirements.h"
#include "task/rung.h"

namespace braid::recipe {

// The origin of a job's input: an output of an earlier job, or something that exists before the
// run. Exactly one of `job`, `source` and `artifact` is set.
struct InputRef {
  // Name of the job that makes it.
  std::string job;
  // The role of that job's output (task/artifact.h).
  std::string role;
  // Name of a Source (SourceName): "tokenizer", "source.stories", "from.path_1", ...
  std::string source;
  // An artifact id, as in `from: ARTIFACT_ID`.
  std::string artifact;

  friend bool operator==(const InputRef&, const InputRef&) = default;
};

// What the ranks of a training say to one another; all 0 for one rank alone, or where the model's
// size is not known.
struct Exchange {
  // Steps from one exchange to the next.
  int64_t every = 0;
  // Bytes that each rank sends in an exchange, at most: embeddings of tokens that nobody has read
  // are left out of gradients.
  int64_t bytes = 0;
  // Bytes that each other rank sends to rank 0 for a checkpoint.
  int64_t checkpoint_bytes = 0;
};

// The estimated size of a job; 0 where it is not known.
struct Estimate {
  int64_t parameters = 0;
  // Tokens that are trained on or evaluated.
  int64_t tokens = 0;
  // Floating-point operations of the whole job.
  double flops = 0;
  // Bytes of its outputs.
  int64_t bytes = 0;
  Exchange exchange;
};

// One job: what it demands of workers (task::Requirements, with its kind), and its place in the
// graph.
struct JobNode : task::Requirements {
  // "tokenizer", "report", the name of a path or baseline for its training, or task::JobName;
  // unique in the graph.
  std::string name;
  // Names of the jobs that must succeed first, sorted and without duplicates: the makers of its
  // inputs, and for a joint job also the gate that proves its composite.
  std::vector<std::string> parents;
  // By role.
  std::map<std::string, InputRef> inputs;
  // The spec of the task file (docs/tasks.md): the struct of the kind in spec/, as JSON
  // (docs/architecture.md, "The types of a job", says why).
  Json spec = Json::object();
  // How many seconds it may have workers, as `max_duration` of the recipe says; 0: any number.
  int64_t max_duration_s = 0;
  Estimate estimate;
  // Of a training that a sweep compares with others.
  task::Rung rung;
};

// The estimated sizes of one model of the run; 0 where they are not known.
struct PlannedModel {
  std::string name;
  // The job that trains it; empty: it was trained before.
  std::string job;
  // Without embedding and head while the vocabulary is not known.
  int64_t parameters = 0;
  // Without embedding and head.
  int64_t body_parameters = 0;
  // Numbers of the optimizer's state; 0: no job trains it.
  int64_t state_values = 0;
  // Trained on, over all epochs.
  int64_t tokens = 0;
  // Of one epoch. Steps: or of the whole training, if that ends earlier.
  int64_t micro_batches = 0;
  int64_t steps = 0;
  // Operations of one token in the whole model, and in one block of a kind that has settings of its
  // own (otherwise 0), by both accountings.
  model::Flops forward;
  model::Flops block;
};

// A warning about the training of a model: permitted, but most likely not what the user wants.
struct Caution {
  std::string job;
  std::string text;
};

// A job that could run nowhere, or whose result nobody could have, because of what is bound to
// sites: an error of a run that has the job.
struct Refusal {
  std::string job;
  // The field of the recipe, and its line, from 1; 0: unknown.
  std::string field;
  int line = 0;
  std::string text;
};

// A variant of a recipe with `seeds` or `sweep`, and its jobs among those of the run.
struct PlannedVariant {
  std::string name;
  SweptValues values;
  // From a job's name in the graph of this variant alone to its name in the run.
  std::map<std::string, std::string> jobs;
};

// The graph of a run.
struct Dag {
  // Name of the run.
  std::string run;
  // How many seconds the run may take from its submission; 0: any number.
  int64_t max_duration_s = 0;
  // In topological order: parents before children.
  std::vector<JobNode> jobs;
  std::vector<Source> sources;
  std::vector<PlannedModel> models;
  std::vector<Caution> cautions;
  std::vector<Refusal> refusals;
  // Empty without `seeds` and `sweep`. A job of several variants is one job.
  std::vector<PlannedVariant> variants;

  // Null if there is no such job.
  const JobNode* Find(const std::string& name) const;
};

// The part of `dag` with the jobs named in `only` and all jobs that they need; all of it if `only`
// is empty. kNotFound names a job that does not exist, and the most similar name.
Result<Dag> Only(const Dag& dag, const std::vector<std::string>& only);

}  // namespace braid::recipe
