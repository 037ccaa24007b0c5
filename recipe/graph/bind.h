// What bound corpora mean for the jobs of a graph: where they run, and what of them stays there.
// docs/security.md#bound-data has the promises.
#pragma once

#include "base/status.h"
#include "recipe/graph/dag.h"
#include "recipe/recipe.h"

namespace braid::recipe {

// Sets `site` and `binding` of every job that reads or makes something bound. Adds a refusal for
// each job that could run nowhere, since what it reads is bound to different sites, and for an
// export of a model that must not leave; and a caution for a tokenizer that is trained on bound
// text. REQUIRES: the parents of every job come before it.
void BindToSites(const Recipe& recipe, Dag* dag);

// OK unless the variants divide a corpus with `bind: paths` in different ways: what one of them
// lets leave is bound in another.
Status CheckOneSplit(const Recipe& recipe);

}  // namespace braid::recipe
