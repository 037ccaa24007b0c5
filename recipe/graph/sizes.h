// The planner's arithmetic: how large the models of a recipe are, how many tokens train them, and
// what that costs.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "recipe/graph/dag.h"
#include "recipe/graph/expand.h"
#include "recipe/recipe.h"

namespace braid::recipe {

// The estimated length of one training.
struct Length {
  // Over all epochs; 0 if the sizes of the corpora are not known.
  double tokens = 0;
  // Of one epoch.
  int64_t micro_batches = 0;
  // Of one epoch, or of the whole training if a bound (`steps`, `tokens`) ends it earlier.
  int64_t steps = 0;
  // An upper bound for the whole training; -1 if it is not known.
  int64_t all_steps = -1;
  // Of one epoch; 0 if the sizes of the corpora are not known.
  double epoch_tokens = 0;
};

// Immutable; all functions are pure.
class Sizes {
 public:
  // Both references outlive this.
  Sizes(const Recipe& recipe, const Known& known) : recipe_(recipe), known_(known) {}

  // Tokens of a corpus after its caps; 0 if not known.
  int64_t TokensOf(const std::string& corpus) const;

  // The length of a training with the settings `train` on the part `share` of each corpus
  // (docs/papers/papaformer.md#s4).
  Length LengthOf(const std::vector<std::string>& corpora, double share,
                  const spec::Train& train) const;

  // A warning for people if a training of this length cannot do what its settings ask for;
  // otherwise empty. No error, because sizes are estimates.
  std::string CautionOf(const Length& length, const spec::Train& train) const;

  // The same of a joint phase whose ranks agree by outer steps.
  static std::string CautionOf(const Length& length, const spec::Sync& sync);

  // Rows of embedding and head; 0 if not known.
  int64_t vocab() const;

  // The sizes of a model that `job` trains. Checks the spec with a vocabulary filled in; errors are
  // those of model::Validate.
  Result<PlannedModel> Plan(const model::ModelSpec& spec, const std::string& job,
                            const Length& length, const spec::Train* train) const;
  // What a job that trains `model` costs.
  static Estimate TrainingOf(const PlannedModel& model);
  // The operations of the parents that teach a composite in a joint phase of this length; 0 if the
  // sizes of the corpora are not known, or nobody teaches. The errors of the specs are those of
  // Plan, which found none in them.
  double TeachingOf(const Composite& composite, const Length& length) const;
  // What the ranks of a joint phase that trains `model` exchange.
  Exchange ExchangeOf(const PlannedModel& model, const spec::Joint& joint) const;

 private:
  const Recipe& recipe_;
  const Known& known_;
};

}  // namespace braid::recipe
