// Which path a composite chooses, for prompts and for every token of held-out text
// (docs/papers/papaformer.md#s8.4).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "corpus/shards.h"
#include "corpus/tokenizer.h"
#include "spec/evaluate/routing.h"
#include "trainer/eval/routing/prompts.h"
#include "trainer/network/intervention.h"

namespace braid::trainer {

// The settings with every default filled in.
struct RoutingPlan {
  std::vector<spec::RoutingPrompt> prompts;
  bool own_prompts = false;  // the settings have some; otherwise they are DefaultRoutingPrompts()
  int64_t sequences = 0;     // at most so many held-out ones of each corpus; 0: no text
  std::map<std::string, int64_t> corpora;  // the right path of a corpus, from 1 on

  // A right path that a model of `paths` paths has not is kInvalidArgument, which names its field
  // below `path`.
  static Result<RoutingPlan> Of(const spec::RoutingSettings& settings, const std::string& path,
                                int64_t paths);
};

// Ids of a prompt. An empty one, or one that is longer than `max_positions` (0: any), is
// kInvalidArgument.
Result<std::vector<int32_t>> EncodeRoutingPrompt(const spec::RoutingPrompt& prompt,
                                                 corpus::Encoder& encoder, int64_t max_positions);

// The function of a network that the analysis needs: the choices of each parallel layer, for ids of
// [batch, sequence].
using RoutingTracer =
    std::function<std::vector<LayerRouting>(const int32_t* ids, int64_t batch, int64_t sequence)>;

// The interface of a composite for the analysis.
struct RoutedModel {
  // Number of choices: the paths, and with a router the combined vector.
  int64_t choices = 0;
  bool has_router = false;
  // The model draws noise in evaluation: then a trace has `choices` of a pass with Gumbel noise,
  // and `clean_choices` of a pass without. Otherwise the two are equal.
  bool noisy = false;
  // The longest input, in tokens; 0 for any.
  int64_t max_positions = 0;
  RoutingTracer trace;
};

// {"prompts": [{"text", "correct", "decisions": [[choice of each layer, from 1 on]]}], "summary":
// TALLY}, and of a model with a router also `clean_decisions` and `clean` (the same of a pass
// without Gumbel noise in any layer). A prompt counts with its last position, the prediction of the
// next token; layers whose choice is not defined (the last of `share`) are left out. Without
// prompts there is no summary and no clean.
Result<Json> RoutePrompts(const std::vector<spec::RoutingPrompt>& prompts, corpus::Encoder& encoder,
                          const RoutedModel& model);

// The TALLY over all tokens of up to `sequences` held-out sequences, with "layers": [TALLY of each
// layer], and for a model with a router "clean": the TALLY of a pass without Gumbel noise.
// `correct` is the right path, counted from 1; 0 if it is not known.
Result<Json> RouteText(const corpus::Shards& shards, int64_t sequence, int64_t sequences,
                       int64_t correct, const RoutedModel& model);

}  // namespace braid::trainer
