// The course of trainings: gradient norms from their histories, and the losses of composite and
// dense model after equal tokens and after equal time.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "report/results/results.h"

namespace braid::report {

// How a training went, from the gradient norms of its history.
struct Gradients {
  int64_t steps = 0;
  double first = 0;               // norm of the first step, before clipping
  std::optional<double> clipped;  // share of the steps whose norm was above `clip`; not known
                                  // without it
};
// Nothing if the model has no history, or one that does not begin with the first step.
std::optional<Gradients> GradientsOf(const Results& results, const ModelResult& model);

// A validation loss on all text during training, and where.
struct Reached {
  double loss = 0;
  double share = 0;  // of the steps that the whole training takes, at most 1
};

// A composite at its end, and a dense model when it had seen as many tokens, and when as much time
// was over.
//
// Losses are the validation losses of the two histories, which measure the same sequences of each
// corpus; those of "all" are means over the corpora, weighed by their held-out tokens. Between two
// validations the loss is taken from the straight line; before the first there is none. Time is
// that of report/results/cost.h: the composite's critical path on the most cores it uses at once,
// the dense model on as many, its time divided by the factor between the cores; its steps are taken
// to last equally long.
struct EqualTerms {
  const ModelResult* composite = nullptr;
  const ModelResult* dense = nullptr;
  double loss = 0;  // of the composite, at its last validation
  std::optional<Reached> tokens, time;
  SpeedComparison speed;
};
// Every composite with every dense model that BaselinesOf (report/results/baseline.h) has for it,
// as far as histories and times are there.
std::vector<EqualTerms> CompareOnEqualTerms(const Results& results);

// Validation loss on all text over the steps of a training: (step, tokens, loss), in order of step.
struct ValidationPoint {
  double step = 0, tokens = 0, loss = 0;
};
std::vector<ValidationPoint> ValidationCurve(const Results& results, const ModelResult& model);

}  // namespace braid::report
