// What a model does inside while it is trained, from a few held-out sequences.
#pragma once

#include <vector>

#include "base/json.h"
#include "corpus/shards.h"
#include "trainer/network/network.h"

namespace braid::trainer {

// Metrics by name, over the first sequences set aside of each corpus: of wide, loop and dual_path
// blocks `dual/<block>/<reading>`, means over the tokens (trainer/network/probes.h;
// docs/papers/dual_path.md#s6, #s9), and of a composite that decides between its paths
// `routing/<layer>/<path>`, the share of tokens that took the path, `combined` among them
// (docs/papers/papaformer.md#s8.4). Empty for other models. Nothing of the training changes.
Json ReadBlockProbes(Network& network, const std::vector<const corpus::Shards*>& corpora,
                     int64_t sequence);

}  // namespace braid::trainer
