// What a recipe becomes: a graph of jobs. The coordinator stores it, `braid plan` prints it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "model/flops.h"

namespace braid::recipe {

// Where an input comes from: an output of an earlier job, or something that exists before the run.
struct InputRef {
  std::string job;       // name of the job, or empty
  std::string role;      // its output role ("model", "shards", ...)
  std::string source;    // name of a source ("tokenizer", "source.stories", "from.path_1", "blimp")
                         // if job is empty
  std::string artifact;  // artifact id if both are empty (`from: ARTIFACT_ID`)

  friend bool operator==(const InputRef&, const InputRef&) = default;
};

// What the planner knows of a job's size.
struct Estimate {
  int64_t parameters = 0;
  int64_t tokens = 0;  // trained or evaluated
  double flops = 0;    // of the whole job
  int64_t bytes = 0;   // written as outputs
};

struct JobNode {
  std::string name;  // "tokenizer", "prepare:stories", "path_1", "merge:share_linear",
                     // "gate:share_linear", "joint:share_linear", "evaluate:path_1",
                     // "evaluate:share_linear@start", "export:path_1", "report"
  std::string kind;  // docs/tasks.md
  std::vector<std::string> parents;  // sorted, each once; follows from inputs (a gate is a parent
                                     // of its joint job too)
  std::map<std::string, InputRef> inputs;  // role -> where from
  Json spec = Json::object();              // the task's spec, complete but for report facts
  int32_t ranks = 1;
  int32_t slots_per_rank = 1;  // CPU threads, or GPUs
  std::string device = "cpu";  // cpu | cuda
  std::string site;            // hard placement; empty: anywhere
  Estimate estimate;
};

// A local file or folder that the submitter must make an artifact of before submitting.
struct Source {
  std::string name;  // as in InputRef.source
  std::string kind;  // manifest kind: "source" (corpus files), "tokenizer", "checkpoint"
  std::vector<std::string> files;  // globs or paths as written, relative to the recipe's folder
  int line = 0;                    // in the recipe, for errors
  bool folders = false;            // `files` are folders, taken whole
};

// A model of the run, as the planner knows it.
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

// What will most likely go wrong with the model that a job trains, although nothing forbids it.
struct Caution {
  std::string job;
  std::string text;
};

struct Dag {
  std::string run;            // name
  std::vector<JobNode> jobs;  // topological order
  std::vector<Source> sources;
  std::vector<PlannedModel> models;
  std::vector<Caution> cautions;

  const JobNode* Find(const std::string& name) const;
};

}  // namespace braid::recipe
