// Adds the facts about a run to the specs of the jobs that describe it: reports and exports with
// model cards.
#pragma once

#include <string>

#include "base/json.h"
#include "spec/card.h"
#include "task/assignment.h"
#include "task/run_summary.h"

namespace braid::coordinator {

// Adds to the card of an export the facts that are only in `facts`, a task::RunSummary as JSON: the
// id of the run, the tokens that the model with artifact `model` was trained on (those of its
// parents included, if all are known), the size of its corpora, and each parent's artifact and
// tokens. Fields without a fact are left as they are.
void FillCard(const Json& facts, const std::string& model, spec::ModelCard* card);

// The spec of a report or an export with what is known of its run; that of any other job as it is,
// and so is one to which it cannot be added: the summaries are what task programs said, and
// whatever that is, the job goes out.
std::string SpecWithSummary(const task::Assignment& assignment, const task::RunSummary& run);

}  // namespace braid::coordinator
