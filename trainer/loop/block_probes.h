// Measurements of what happens inside a model while it is trained, taken on a few held-out
// sequences.
#pragma once

#include <vector>

#include "base/json.h"
#include "corpus/shards.h"
#include "trainer/network/network.h"

namespace braid::trainer {

// Runs a forward pass over the first held-out sequences (up to 4 of each corpus, of `sequence`
// tokens) and returns metrics by name. The training is not changed by it.
//
// For `wide`, `loop` and `dual_path` blocks: `dual/<block>/<reading>`, means over the tokens of the
// read-outs of docs/papers/dual_path.md#s6 (trainer/network/probes.h). For composites that choose
// between their paths: `routing/<layer>/<path>`, the share of tokens that took the path, with
// `combined` for the combined vector (docs/papers/papaformer.md#s8.4). Other models have no
// metrics: the object is empty.
Json ReadBlockProbes(Network& network, const std::vector<const corpus::Shards*>& corpora,
                     int64_t sequence);

}  // namespace braid::trainer
