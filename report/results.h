// Everything a report says, read from the inputs of the report job and put into numbers; no prose, no layout.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "task/task.h"

namespace braid::report {

struct Loss {
  double loss = 0;
  double perplexity = 0;
  int64_t tokens = 0;  // targets counted
};

struct Sample {
  std::string prompt;
  std::string text;
};

// What the coordinator says of a job that has run.
struct JobFact {
  std::string name, kind, state, worker;
  std::vector<std::string> parents;
  int64_t ranks = 1, slots = 1, attempts = 0;  // slots of each rank
  double seconds = -1;                         // from start to end; below 0: not known
  std::map<std::string, std::string> inputs, outputs;  // role -> artifact id
  Json summary = Json::object();

  int64_t cores() const { return ranks * slots; }
};

struct ModelResult {
  std::string name;
  std::string role;       // path | composite | composite_start | dense
  std::string composite;  // of the last two: whose
  std::string job;        // that trained it; empty: trained before this run, or not trained
  int64_t parameters = 0;
  int64_t tokens = 0;     // trained; of a composite with those of its paths. 0: not known
  int64_t cores = 0;      // of a composite: the most that are used at once. 0: not known
  double seconds = -1;    // of a composite: its critical path
  std::map<std::string, Loss> losses;  // corpus, or "all"
  std::vector<Sample> samples;
};

// The composite's way (paths at once, merge, gate, joint training) beside a dense baseline.
struct SpeedComparison {
  std::string composite, dense;
  int64_t cores = 0;              // the most the composite uses at once
  double critical_path = 0;       // seconds: longest path, merge, gate, joint
  double one_after_another = 0;   // seconds: the same with the paths in turn
  double composite_core_seconds = 0;
  int64_t dense_cores = 0;
  double dense_seconds = 0;
  double dense_equal_cores = 0;   // dense core-seconds / cores: what perfect scaling would reach
};

struct Results {
  std::string title, recipe;
  std::string run_id;
  int64_t created_ms = 0;
  std::vector<std::string> corpora;  // of the losses, "all" last
  std::vector<ModelResult> models;
  std::vector<JobFact> jobs;
  std::map<std::string, std::vector<Json>> histories;  // job -> points, in order of step
  std::map<std::string, Json> merges, gates;           // composite -> merge.json, gate.json
  std::vector<SpeedComparison> speed;

  const JobFact* FindJob(const std::string& name) const;
  const ModelResult* FindModel(const std::string& name) const;
  // Names of the paths of a composite, in the order of their slices.
  std::vector<std::string> PathsOf(const std::string& composite) const;
};

// Reads the inputs of a report job (docs/tasks.md). Errors name the file and the field.
Result<Results> Gather(const task::Task& task);

// report.json.
Json ToJson(const Results& results);

}  // namespace braid::report
