// All numbers of a report, without prose and layout. gather.h reads it from the inputs of the task.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "report/input/evaluation.h"
#include "report/input/proof.h"
#include "report/results/halving.h"
#include "report/results/role.h"
#include "task/run_summary.h"

namespace braid::report {

// A job that has run: what the coordinator knows of it, or of one that was started by hand what its
// history says, and what follows from that.
struct JobResult : task::JobSummary {
  // From start to end; negative: not known.
  double seconds = -1;
  // Of a training that was done in parts: the time of the parts before, negative if that is not
  // known.
  double seconds_before = 0;
  // `summary_json` as an object; empty if it is none.
  Json summary = Json::object();

  // Of the training up to the end of this part; negative: not known.
  double training_seconds() const {
    return seconds < 0 || seconds_before < 0 ? -1 : seconds + seconds_before;
  }
  // CPU cores, or GPUs, of all ranks together.
  int64_t cores() const { return ranks * slots; }
  // Tokens that it was trained on; 0 if its summary does not have them.
  int64_t tokens() const;
  // Of these, what the training had done before this job went on with it; 0 if it began it.
  int64_t tokens_before() const;
};

// A model of the run: what was measured of it, and what it cost.
struct ModelResult {
  std::string name;
  Role role = Role::kPath;
  // Of kComposite and kCompositeStart: the name of their merge.
  std::string composite;
  // The job that trained it; empty: it was trained before this run, or not at all.
  std::string job;
  // The gradient norm that its training was clipped to, 0: none; absent in tasks of older
  // coordinators.
  std::optional<double> clip;
  // The spec of a composite is there even if its evaluation has none.
  Evaluation evaluation;

  // Costs. Those of a composite include those of its paths, and are not known if those of any path
  // are not. Those of a path include those of the seed model with which it began; of a composite,
  // those count once.
  // Tokens that it was trained on; 0: not known.
  int64_t tokens = 0;
  // Of a composite: the most that are used at once; 0: not known.
  int64_t cores = 0;
  // Times; negative: not known. The time of a composite is its critical path: the seed model and
  // its longest path, the merge, the gate, and the joint training.
  double seconds = -1;
  // Of a composite: the same with its paths one after another.
  double in_turn_seconds = -1;
  // The training of a path with that of its seed model; of a composite, that of its longest path.
  double stage_1_seconds = -1;
  // The joint training, or the training of a dense model.
  double stage_2_seconds = -1;
  // In the last of its two stages; 0: not known.
  double tokens_per_second = 0;
  // Of all its jobs, each times its cores: the time of devices; negative: not known.
  double core_seconds = -1;

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

// The loss of `a` minus that of `b` on a corpus (report/input/loss.h); nullopt if one of them was
// not measured.
std::optional<Estimate> LossDifference(const ModelResult& a, const ModelResult& b,
                                       const std::string& corpus);
// "2.6000 against 2.4000, 0.2000 ± 0.0130 higher". REQUIRES: both were measured.
std::string LossFigures(const ModelResult& a, const ModelResult& b, const std::string& corpus);

// The time of a composite (paths at once, merge, gate, joint training) compared with that of a
// dense baseline. All times are in seconds.
struct SpeedComparison {
  std::string composite, dense;
  // The most that the composite uses at once.
  int64_t cores = 0;
  // Longest path, merge, gate, joint training; and the same with the paths one after another.
  double critical_path = 0;
  double one_after_another = 0;
  // Of all jobs of the composite together.
  double composite_core_seconds = 0;
  // The baseline on its own cores, and on `cores` if it scaled perfectly.
  int64_t dense_cores = 0;
  double dense_seconds = 0;
  double dense_equal_cores = 0;
};

// The preset of the recipe (docs/papers/papaformer.md#s7) and the fields that it sets itself.
struct Compat {
  // "paper" or "fixed"; empty: not known.
  std::string mode;
  // As "train.last_label = ignore".
  std::vector<std::string> overrides;
};

struct Sweep;

// All results of a run. With `seeds` or `sweep` the models are its trainings, under their names in
// the run, and the jobs those of the run.
struct Results {
  // The recipe as YAML text.
  std::string title, recipe;
  // Empty: the report is made by hand, without a coordinator.
  std::string run_id;
  // In ms since 1970; 0: not known.
  int64_t created_ms = 0;
  Compat compat;
  // The corpora of the losses, kAllText last.
  std::vector<std::string> corpora;
  // In the order of the task.
  std::vector<ModelResult> models;
  std::vector<JobResult> jobs;
  // By job, the lines of its history.jsonl in the order of steps.
  std::map<std::string, std::vector<Json>> histories;
  // By composite.
  std::map<std::string, MergeAccount> merges;
  std::map<std::string, GateProof> gates;
  // Each composite with each dense model.
  std::vector<SpeedComparison> speed;
  // What varied (report/results/sweep.h); null without `seeds` and `sweep`.
  std::shared_ptr<const Sweep> sweep;
  // What was compared at rungs.
  std::vector<Halving> halvings;

  // Null if there is none of this name.
  const JobResult* FindJob(const std::string& name) const;
  const ModelResult* FindModel(const std::string& name) const;
  // Null if their times are not known.
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

// Whether the bits a byte of `model` on all text are known, which takes its tokenizer; and the
// number for a table, "-" if it is not known.
bool HasBitsPerByte(const ModelResult& model);
std::string BitsPerByte(const ModelResult& model);

}  // namespace braid::report
