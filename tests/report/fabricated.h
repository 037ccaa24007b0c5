// Results of a run that never was: two paths, a composite and its start, a dense model, and parts
// to add to them.
#pragma once

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "report/input/blimp.h"
#include "report/input/glue.h"
#include "report/input/routing.h"
#include "report/results/results.h"
#include "tests/word.h"

namespace braid::report {

inline void SetLoss(ModelResult* model, double loss) {
  model->evaluation.losses[kAllText] = {loss, std::exp(loss), 1000};
}

inline ModelResult Model(const std::string& name, Role role, double loss,
                         int64_t tokens = 1'000'000) {
  ModelResult model;
  model.name = name;
  model.role = role;
  model.evaluation.parameters = 2'000'000;
  model.tokens = tokens;
  SetLoss(&model, loss);
  return model;
}

inline model::ModelSpec DenseSpec(const std::string& block, int64_t width = 64) {
  model::ModelSpec spec;
  spec.vocab = 100;
  spec.sequence = 32;
  spec.dense = {"m", width, 4, 4, block == "llama" ? 4 * width : 0, Word(block)};
  if (block == "wide") spec.dense.dual.ffn_wide = 640;
  if (block == "loop") spec.dense.dual.ffn_deep = 288, spec.dense.dual.loops = 2;
  if (block == "dual_path")
    spec.dense.dual.ffn_deep = 64, spec.dense.dual.ffn_wide = 340, spec.dense.dual.loops = 2;
  return spec;
}

inline model::ModelSpec CompositeSpec(const std::string& kind) {
  model::ModelSpec spec;
  spec.kind = model::Kind::kComposite;
  spec.connection.kind = Word(kind);
  spec.paths = {{"path_1", 32, 2, 2, 128}, {"path_2", 32, 2, 2, 128}};
  spec.large = {"large", 64, 4, 2, 256};
  return spec;
}

// Scores with the intervals of 67,000 pairs and of five seeds a task.
inline void SetScores(ModelResult* model, double score, double deviation = 0.5) {
  Blimp blimp;
  blimp.mean = Scaled(Proportion(score / 100, 67000), 100);
  Glue glue;
  glue.glue = OfSeeds(score, deviation, 5);
  glue.superglue = OfSeeds(score, deviation, 5);
  model->evaluation.measured.Set(blimp);
  model->evaluation.measured.Set(glue);
}

// Routing over ten prompts of each path, three layers each.
inline void SetRouting(ModelResult* model, std::vector<double> shares, double correct) {
  Routing routing;
  for (int i = 0; i < 20; ++i)
    routing.prompts.push_back({"prompt " + std::to_string(i), i < 10 ? 1 : 2, {{1, 2, 1}}});
  routing.summary = RoutingShares{std::move(shares), correct, 60, 60};
  model->evaluation.measured.Set(routing);
}

inline Results TwoPathRun() {
  Results results;
  results.corpora = {kAllText};
  results.models = {Model("path_1", Role::kPath, 5.0, 300'000),
                    Model("path_2", Role::kPath, 4.5, 300'000),
                    Model("c@start", Role::kCompositeStart, 8.0, 600'000),
                    Model("c", Role::kComposite, 2.6), Model("dense", Role::kDense, 2.4)};
  for (const size_t i : {2u, 3u}) {
    results.models[i].composite = "c";
    results.models[i].evaluation.spec = CompositeSpec("share");
  }
  results.models[3].job = "joint:c";
  results.merges["c"].parents = {"path_1", "path_2"};
  return results;
}

// Another composite of the same paths, with its start.
inline ModelResult* AddComposite(Results* results, const std::string& name,
                                 const std::string& connection, double loss) {
  ModelResult start = Model(name + "@start", Role::kCompositeStart, 6, 600'000),
              trained = Model(name, Role::kComposite, loss);
  start.composite = trained.composite = name;
  start.evaluation.spec = trained.evaluation.spec = CompositeSpec(connection);
  trained.job = "joint:" + name;
  results->merges[name].parents = {"path_1", "path_2"};
  results->models.push_back(start);
  results->models.push_back(trained);
  return &results->models.back();
}

// A model of the run, to be changed; null if it has none of the name.
inline ModelResult* Find(Results* results, const std::string& name) {
  for (ModelResult& model : results->models) {
    if (model.name == name) return &model;
  }
  return nullptr;
}

// What was measured of a model, to be changed; made if there is nothing yet.
template <typename T>
T& Measured(Results* results, const std::string& name) {
  Measurements& measured = Find(results, name)->evaluation.measured;
  T* found = measured.Find<T>();
  return found != nullptr ? *found : measured.Set(T());
}

}  // namespace braid::report
