// The evaluations beside loss and samples, of a network: BLiMP, GLUE and SuperGLUE, routing. Each
// gives its part of evaluation.json (docs/formats.md). The job `evaluate` and the commands by hand
// are two ways to call them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "corpus/shards.h"
#include "corpus/tokenizer.h"
#include "trainer/eval/glue/files.h"
#include "trainer/eval/glue/settings.h"
#include "trainer/eval/once.h"
#include "trainer/eval/routing/routing.h"
#include "trainer/network/network.h"

namespace braid::trainer {

using SharedTokenizer = std::shared_ptr<const corpus::Tokenizer>;

// Hears how far a measurement is; an error (a stop that was asked for) ends it. May be empty.
using ProgressReport = std::function<Status(std::string_view phase, std::string_view unit,
                                            int64_t done, int64_t total)>;

struct MeasureHooks {
  ProgressReport report;
  Once once = MakeAlways;
};

// True iff two passes of the model over the same text differ (A4 `always` on a Gumbel router).
bool IsNoisy(const model::ModelSpec& spec);

// What is wrong with a spec or its files, as the measurements say it, but before any long work.
Status CheckBlimp(const std::string& folder, int64_t pairs);
Status CheckGlue(const model::ModelSpec& model, const GlueFolders& folders,
                 const GlueSettings& settings);
Status CheckRouting(const model::ModelSpec& model, const SharedTokenizer& tokenizer,
                    const Json& spec, const std::string& path,
                    const std::vector<corpus::Shards>& shards, int64_t sequence);

// `folder` holds the paradigms, of which the first `pairs` (0: all) count. A noisy model is scored
// with five seeds.
Result<Json> MeasureBlimp(Network& network, const SharedTokenizer& tokenizer,
                          const std::string& folder, int64_t pairs, const MeasureHooks& hooks);

// The adapters of each training go to <adapters>/<task>/seed-<seed> unless
// `adapters` is empty.
Result<Json> MeasureGlue(Network& network, const SharedTokenizer& tokenizer,
                         const GlueFolders& folders, const GlueSettings& settings,
                         const std::string& adapters, const MeasureHooks& hooks);

// The prompts, and with `sequences` every token of so many held-out sequences of each of `shards`.
// kInvalidArgument for a model without decisions: a dense one, connect: slice, a router `none`, or
// share of a single layer or of paths of unequal width, whose outputs do not compare.
Result<Json> MeasureRouting(Network& network, const SharedTokenizer& tokenizer, const Json& spec,
                            const std::string& path, const std::vector<corpus::Shards>& shards,
                            int64_t sequence, const MeasureHooks& hooks);

}  // namespace braid::trainer
