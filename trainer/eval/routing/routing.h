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
#include "trainer/eval/routing/prompts.h"
#include "trainer/network/intervention.h"

namespace braid::trainer {

// `spec.routing` of an evaluate job (docs/tasks.md).
struct RoutingSettings {
  // DefaultRoutingPrompts(), unless the spec has prompts of its own (`own_prompts`).
  std::vector<RoutingPrompt> prompts;
  bool own_prompts = false;
  // At most so many held-out sequences of each corpus are read; 0 for none.
  int64_t sequences = 0;
  // The right path of a corpus, counted from 1.
  std::map<std::string, int64_t> corpora;
};
// Reads the settings for a composite with `paths` paths. kInvalidArgument for a right path beyond
// them; errors name the field, with `path` in front.
Result<RoutingSettings> RoutingSettingsFromJson(const Json& json, const std::string& path,
                                                int64_t paths);

// The token ids of a prompt. kInvalidArgument if it is empty, or longer than `max_positions` (0:
// any length).
Result<std::vector<int32_t>> EncodeRoutingPrompt(const RoutingPrompt& prompt,
                                                 corpus::Encoder& encoder, int64_t max_positions);

// The function of a network that the analysis needs: the choices of each parallel layer, for ids of
// [batch, sequence].
using RoutingTracer =
    std::function<std::vector<LayerRouting>(const int32_t* ids, int64_t batch, int64_t sequence)>;

// A composite as the analysis sees it.
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
// TALLY}, where TALLY is ToJson(RoutingTally). A model with a router also has `clean_decisions` and
// `clean`, the same for a pass without Gumbel noise in any layer. A prompt counts with its last
// position, which predicts the next token. Layers without a defined choice (the last one of
// `share`) are left out. Without prompts there is neither `summary` nor `clean`.
Result<Json> RoutePrompts(const std::vector<RoutingPrompt>& prompts, corpus::Encoder& encoder,
                          const RoutedModel& model);

// The TALLY over all tokens of up to `sequences` held-out sequences, with "layers": [TALLY of each
// layer], and for a model with a router "clean": the TALLY of a pass without Gumbel noise.
// `correct` is the right path, counted from 1; 0 if it is not known.
Result<Json> RouteText(const corpus::Shards& shards, int64_t sequence, int64_t sequences,
                       int64_t correct, const RoutedModel& model);

}  // namespace braid::trainer
