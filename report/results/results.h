// Everything a report says, as numbers: no prose, no layout. gather.h reads it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "report/input/evaluation.h"
#include "report/input/proof.h"
#include "report/results/role.h"

namespace braid::report {

// What the coordinator says of a job that has run.
struct JobFact {
  std::string name, kind, state, worker;
  std::vector<std::string> parents;
  int64_t ranks = 1, slots = 1, attempts = 0;          // slots of each rank
  int64_t started_ms = 0, ended_ms = 0;                // since 1970; 0: not known
  double seconds = -1;                                 // from start to end; below 0: not known
  std::map<std::string, std::string> inputs, outputs;  // role -> artifact id
  Json summary = Json::object();                       // the program's own

  int64_t cores() const { return ranks * slots; }
  int64_t tokens() const;  // trained, 0 if its summary does not say
};

struct ModelResult {
  std::string name;
  Role role = Role::kPath;
  std::string composite;  // of kComposite and kCompositeStart: the name of their merge
  std::string job;        // that trained it; empty: trained before this run, or not trained
  // The gradient norm that its training was clipped to, 0: none. Tasks of older coordinators do not
  // say.
  std::optional<double> clip;
  Evaluation evaluation;  // of a composite the spec is there even if its evaluation has none

  // Costs. Of a composite they include those of its paths, and are not known where those of any
  // path are not.
  int64_t tokens = 0;   // trained. 0: not known
  int64_t cores = 0;    // of a composite: the most that are used at once. 0: not known
  double seconds = -1;  // of a composite: its critical path (longest path, merge, gate, joint
                        // training). Below 0: not known, here and below
  double in_turn_seconds = -1;   // of a composite: the same with its paths one after another
  double stage_1_seconds = -1;   // training of a path; of a composite, of its longest path
  double stage_2_seconds = -1;   // joint training, or training of a dense model
  double tokens_per_second = 0;  // of the last of its two stages. 0: not known

  // Merged from paths that were trained before.
  bool composed() const { return role == Role::kComposite || role == Role::kCompositeStart; }
  // Trained from scratch on all text: what composites are compared with.
  bool baseline() const { return role == Role::kDense || role == Role::kCompositeScratch; }
  // Number of paths of a model that is known to be a composite; 0 of others.
  size_t paths() const;
  // Mean loss on a corpus, nats a token, if it was measured.
  std::optional<double> LossOn(const std::string& corpus) const;
  // What an evaluation found out (Blimp, Routing, ...); null if it was not measured.
  template <typename T>
  const T* Find() const {
    return evaluation.measured.Find<T>();
  }
};

// The loss of `a` less that of `b` on a corpus (report/input/loss.h); nothing if one was not
// measured.
std::optional<Estimate> LossDifference(const ModelResult& a, const ModelResult& b,
                                       const std::string& corpus);
// "2.6000 against 2.4000, 0.2000 ± 0.0130 higher". REQUIRES: both were measured.
std::string LossFigures(const ModelResult& a, const ModelResult& b, const std::string& corpus);

// The composite's way (paths at once, merge, gate, joint training) beside a dense baseline.
struct SpeedComparison {
  std::string composite, dense;
  int64_t cores = 0;                  // the most the composite uses at once
  double critical_path = 0;           // seconds: longest path, merge, gate, joint
  double one_after_another = 0;       // seconds: the same with the paths in turn
  double composite_core_seconds = 0;  // of all its jobs together
  int64_t dense_cores = 0;
  double dense_seconds = 0;      // on these cores
  double dense_equal_cores = 0;  // dense core-seconds / cores: what perfect scaling would reach
};

// The preset of the recipe (docs/papers/papaformer.md#s7) and the fields that it sets itself.
struct Compat {
  std::string mode;                    // paper | fixed; empty: not said
  std::vector<std::string> overrides;  // "train.last_label = ignore"
};

struct Results {
  std::string title, recipe;  // the recipe is its YAML text
  std::string run_id;         // empty: by hand, without a coordinator
  int64_t created_ms = 0;     // since 1970; 0: not known
  Compat compat;
  std::vector<std::string> corpora;  // of the losses, kAllText last
  std::vector<ModelResult> models;   // in the order of the task
  std::vector<JobFact> jobs;
  // Job -> lines of its history.jsonl, objects, in order of step.
  std::map<std::string, std::vector<Json>> histories;
  std::map<std::string, MergeAccount> merges;  // composite -> merge.json
  std::map<std::string, GateProof> gates;      // composite -> gate.json
  std::vector<SpeedComparison> speed;          // each composite with each dense model

  // Null if there is none of the name.
  const JobFact* FindJob(const std::string& name) const;
  const ModelResult* FindModel(const std::string& name) const;
  // Null where their times are not known.
  const SpeedComparison* FindSpeed(const ModelResult& composite, const ModelResult& dense) const;
  // Models of a role, and those that `wanted` answers true for, in the order of the task.
  std::vector<const ModelResult*> WithRole(Role role) const;
  template <typename Wanted>
  std::vector<const ModelResult*> ModelsWhere(const Wanted& wanted) const {
    std::vector<const ModelResult*> found;
    for (const ModelResult& model : models) {
      if (wanted(model)) found.push_back(&model);
    }
    return found;
  }
  // The merged model that `composite` began as, or null.
  const ModelResult* StartOf(const ModelResult& composite) const;
  // Names of the paths of `composite`, in the order of their slices. A merge account names the
  // paths that were merged; those kept of a base are in the spec alone.
  std::vector<std::string> PathsOf(const ModelResult& composite) const;
};

// The bits a byte of `model` on all text, for a table; "-" if they are not known.
std::string BitsPerByte(const ModelResult& model);

}  // namespace braid::report
