// What a run knows of itself, as reports and model cards tell it.
#pragma once

#include <string>

#include "base/json.h"
#include "coordinator/core/state.h"

namespace braid::coordinator {

// FACTS of docs/tasks.md: the run and its jobs, with summaries, inputs and outputs.
Json FactsOf(const std::string& run, const State& state);

// Adds to CARD of docs/tasks.md what only the facts know: the id of the run, the tokens that the
// model with artifact `model` was trained on (those of its parents included, if all are known), the
// size of its corpora, and each parent's artifact and tokens. What they do not know stays away.
void FillCard(const Json& facts, const std::string& model, Json* card);

}  // namespace braid::coordinator
