// How a composite's parents teach it in its joint phase: `teachers` of `joint`.
#pragma once

#include <cstdint>
#include <string>

#include "schema/schema.h"

namespace braid::spec {

// On the text of each path's corpus, the loss has the divergence of the composite's predictions
// from those of that path's model, as it was before the merge (docs/models.md, "Teachers").
struct Teachers {
  // Of the divergence in the first step. It falls linearly; 0: nobody teaches.
  double weight = 0.5;
  // The part of the training's steps after which it is 0: the nearest whole step, one at least.
  double until = 0.5;
  // Divides the logits of both before they are compared.
  double temperature = 1;

  // The weight in step `step`, counted from 0, of a training of `total` steps.
  double WeightAt(int64_t step, int64_t total) const;

  static const schema::Schema& Fields();
};

// What one teacher teaches on, by the roles of the task's inputs.
struct Lesson {
  // The checkpoint of a parent (task::role::Parent), and the shards of a corpus (task::role::Data).
  std::string teacher;
  std::string data;

  static const schema::Schema& Fields();
};

}  // namespace braid::spec
