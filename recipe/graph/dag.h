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

namespace braid::recipe {

// The origin of a job's input: an output of an earlier job, or something that exists before the
// run. Exactly one of `job`, `source` and `artifact` is set.
struct InputRef {
  // Name of the job that makes it.
  std::string job;
  // The role of that job's output ("model", "shards", ...).
  std::string role;
  // Name of a Source: "tokenizer", "source.stories", "from.path_1", "blimp", ...
  std::string source;
  // An artifact id, as in `from: ARTIFACT_ID`.
  std::string artifact;

  friend bool operator==(const InputRef&, const InputRef&) = default;
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
};

// One job.
struct JobNode {
  // "tokenizer", "prepare:stories", "path_1", "merge:share_linear", "gate:share_linear",
  // "joint:share_linear", "evaluate:path_1", "evaluate:share_linear@start", "export:path_1" or
  // "report"; unique in the graph.
  std::string name;
  // As in docs/tasks.md.
  std::string kind;
  // Names of the jobs that must succeed first, sorted and without duplicates: the makers of its
  // inputs, and for a joint job also the gate that proves its composite.
  std::vector<std::string> parents;
  // By role.
  std::map<std::string, InputRef> inputs;
  // The spec of the task file (docs/tasks.md). For reports and exports the worker adds facts about
  // the run.
  Json spec = Json::object();
  int32_t ranks = 1;
  // CPU cores, or GPUs.
  int32_t slots_per_rank = 1;
  // "cpu" or "cuda".
  std::string device = "cpu";
  // The site whose workers alone may run it; empty for any.
  std::string site;
  // Its ranks may run at several sites.
  bool across_sites = false;
  Estimate estimate;
};

// A local file or folder that becomes an artifact before the recipe is submitted.
struct Source {
  // As in InputRef::source.
  std::string name;
  // Kind of the artifact's manifest: "source" (files of a corpus), "tokenizer" or "checkpoint".
  std::string kind;
  // Paths or glob patterns as the recipe has them, relative to its folder.
  std::vector<std::string> files;
  // Line of the recipe, for error messages.
  int line = 0;
  // Whether `files` are folders, each taken whole.
  bool folders = false;
};

// The estimated sizes of one model of the run; 0 where they are not known.
struct PlannedModel {
  std::string name;
  std::string job;              // that trains it; empty: trained before
  int64_t parameters = 0;       // without embedding and head while the vocabulary is not known
  int64_t body_parameters = 0;  // without embedding and head
  int64_t state_values = 0;     // numbers of the optimizer's state; 0: no job trains it
  int64_t tokens = 0;           // trained on, over all epochs; 0: not known
  int64_t micro_batches = 0;    // of one epoch
  int64_t steps = 0;            // of one epoch, or of the whole training if that ends earlier
  model::Flops forward;         // of one token, by both accountings
  model::Flops block;  // of one token in one block, where blocks have settings of their own;
                       // otherwise 0
};

// A warning about the training of a model: permitted, but most likely not what the user wants.
struct Caution {
  std::string job;
  std::string text;
};

struct Dag {
  // Name of the run.
  std::string run;
  // In topological order: parents before children.
  std::vector<JobNode> jobs;
  std::vector<Source> sources;
  std::vector<PlannedModel> models;
  std::vector<Caution> cautions;

  // Null if there is no such job.
  const JobNode* Find(const std::string& name) const;
};

}  // namespace braid::recipe
