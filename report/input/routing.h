// Which paths a composite's router chose (docs/papers/papaformer.md#s8.4).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace braid::report {

// The choices for one prompt. They are counted from 1; if there are more choices than paths, the
// last one is the combination of the paths.
struct RoutedPrompt {
  std::string text;
  int64_t correct = 0;  // the path of the prompt's domain, from 1; 0: none is named
  // [positions][parallel layers]: the choice at each; as a rule of the last position alone.
  std::vector<std::vector<int64_t>> decisions;
  // The same of a pass without the router's noise.
  std::vector<std::vector<int64_t>> clean_decisions;
};

// How often each choice was taken, in per cent.
struct RoutingShares {
  std::vector<double> shares;     // by choice
  std::optional<double> correct;  // decisions for the path of the text's domain, of `judged`
  int64_t decisions = 0;          // in all; 0: not known
  int64_t judged = 0;             // decisions whose right path is known; 0: not known
};

// The routing part of one model's evaluation.json.
struct Routing {
  bool own_prompts = true;  // false: braid's default ones, which are not the paper's
  std::vector<RoutedPrompt> prompts;
  // Whether decisions are of a pass with the router's noise; older evaluations do not say.
  std::optional<bool> noisy;
  std::optional<RoutingShares> summary;       // over the prompts; none if they gave no decision
  std::optional<RoutingShares> clean;         // the same of a pass without the router's noise
  std::map<std::string, RoutingShares> text;  // by corpus, over all tokens of its held-out text
  std::map<std::string, RoutingShares> clean_text;  // the same of a pass without the router's noise
};

// `routing` of evaluation.json.
Result<Routing> ReadRouting(const Json& json, const std::string& path);

}  // namespace braid::report
