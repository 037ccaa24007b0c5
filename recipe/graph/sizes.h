// How large the models of a recipe are, how many tokens train them, and what that costs: the
// planner's arithmetic.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "recipe/graph/dag.h"
#include "recipe/graph/expand.h"
#include "recipe/recipe.h"

namespace braid::recipe {

// The length of one training.
struct Length {
  double tokens = 0;          // over all epochs; 0: the corpora are of unknown size
  int64_t micro_batches = 0;  // of one epoch
  int64_t steps = 0;        // of one epoch, or of the whole training if `steps` or `tokens` end it
                            // earlier
  int64_t all_steps = -1;   // of the whole training, at most; -1: not known
  double epoch_tokens = 0;  // 0: the corpora are of unknown size
};

class Sizes {
 public:
  // Both must outlive this.
  Sizes(const Recipe& recipe, const Known& known) : recipe_(recipe), known_(known) {}

  // Tokens of a corpus after its caps; 0: not known.
  int64_t TokensOf(const std::string& corpus) const;
  // Training on the part `share` of each corpus (docs/papers/papaformer.md#s4).
  Length LengthOf(const std::vector<std::string>& corpora, double share,
                  const spec::Train& train) const;
  // What is wrong with training so long by these settings, for a person; empty: nothing. Sizes are
  // estimates, so it is no error.
  std::string CautionOf(const Length& length, const spec::Train& train) const;
  // Rows of embedding and head, 0: not known.
  int64_t vocab() const;
  // Checks the spec with a vocabulary filled in; the error is the model's. `train` is null for a
  // model that no job trains.
  Result<PlannedModel> Plan(const model::ModelSpec& spec, const std::string& job,
                            const Length& length, const spec::Train* train) const;
  // What a job that trains `model` costs.
  static Estimate TrainingOf(const PlannedModel& model);

 private:
  const Recipe& recipe_;
  const Known& known_;
};

}  // namespace braid::recipe
