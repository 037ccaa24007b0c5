// What a recipe measures of its models, and what of it applies to one of them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "model/spec.h"

namespace braid::recipe {

// Local files or folders that evaluations read; they become a source.
struct LocalData {
  std::vector<std::string> paths;
  int line = 0;

  bool empty() const { return paths.empty(); }
};

// A prompt of the routing analysis, and who should answer it (docs/papers/papaformer.md#s8.4).
struct RoutingPrompt {
  std::string text;
  std::string path;  // its name, or its number from 1
};

struct Routing {
  std::vector<RoutingPrompt> prompts;
  bool default_prompts = false;                // braid's own instead
  int64_t sequences = 0;                       // of held-out text of each corpus
  std::map<std::string, std::string> correct;  // corpus -> path; otherwise the path that was
                                               // trained on it
};

// Each part as in `evaluate` of docs/tasks.md; null: not wanted.
struct Evaluation {
  Json loss;          // without average and last_label, which the recipe says for all
  Json generate;      // with "prompts", or "file"
  LocalData prompts;  // the file of generate
  Json blimp;
  LocalData blimp_data;
  Json glue;  // GLUE and SuperGLUE together
  LocalData glue_data, superglue_data;
  bool glue_of_start = false;  // of composites before joint training too
  bool routing_wanted = false;
  Routing routing;
  Json dual;
  Json next_token;
  LocalData next_token_files;
  LocalData tagged;                      // files of dual with parts of speech
  bool published_interventions = false;  // those of the paper's table, for each model's own K
  int32_t slots = 1;                     // of each evaluation
  std::string device = "cpu";

  bool any() const;
};

// The parts that a model has: routing is of composites that route or share, dual of models that
// loop. `path_corpora`: of each path of a composite, what it was trained on, or empty. `start`: a
// composite before joint training. Null if nothing is left.
Json EvaluationOf(const Evaluation& evaluation, const model::ModelSpec& spec,
                  const std::vector<std::string>& path_corpora, bool start);

// Whether a model decides between paths, so that routing can be told, and whether it has blocks
// that `dual` is about.
bool Routes(const model::ModelSpec& spec);
bool CanBeAnalysed(const model::ModelSpec& spec);

// Whether an intervention would change anything in a model: a loop has no gates to set, an early
// exit is of steps that have a mass, some models have fewer layers than others.
bool AppliesTo(const Json& intervention, const model::ModelSpec& spec);

// Number, from 1, of the path that `path` names or numbers in a composite; 0 if it has none such.
int64_t PathNumber(const model::ModelSpec& composite, const std::string& path);

}  // namespace braid::recipe
