// What one model was measured to be: evaluation.json (docs/formats.md), read strictly. Every part
// may be absent; a part that is there has the types and ranges of the format, or the error names
// file and field. Fields beyond the format are let pass: a newer braid-trainer may say more.
// Scores, accuracies and shares are in per cent everywhere, as in the papers.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "model/spec.h"
#include "report/input/estimate.h"
#include "report/input/loss.h"
#include "report/input/next_token.h"

namespace braid::report {

struct Sample {
  std::string prompt;
  std::string text;
  std::vector<std::pair<std::string, double>> next;  // most probable first tokens, probability 0 to
                                                     // 1
};

// docs/papers/papaformer.md#s8.1.
struct Blimp {
  // Unweighted over the paradigms. Its interval is that of the pairs drawn, binomial a paradigm,
  // and of the router's noise where several noise seeds were averaged.
  Estimate mean;
  std::map<std::string, double> paradigms;
  int64_t pairs = 0;  // in all; 0: not known

  // Fewer than the 67 paradigms of 1000 pairs each that the published scores are of.
  bool partial() const { return pairs > 0 && (pairs < 67'000 || paradigms.size() < 67); }
};

// docs/papers/papaformer.md#s8.2. A task without two seeds takes the largest variance of the other
// tasks for its own (one task of the paper has one seed); if none has two, no interval is known.
struct GlueTask {
  Estimate score;
  double deviation = -1;  // over seeds; below 0: not known
  std::string metric;
  int64_t seeds = 0;
};
struct Glue {
  std::map<std::string, GlueTask> tasks;
  std::optional<Estimate> glue, superglue;  // means of 8 and of 3 tasks
};

// docs/papers/papaformer.md#s8.4. Choices are counted from 1; the last one, if there are more
// choices than paths, is the combination.
struct RoutedPrompt {
  std::string text;
  int64_t correct = 0;  // the path of the prompt's domain, from 1; 0: none is named
  std::vector<std::vector<int64_t>> decisions;  // [positions][parallel layers]; the last position
                                                // alone, as a rule
  std::vector<std::vector<int64_t>> clean_decisions;  // the same of a pass without the router's
                                                      // noise
};
struct RoutingShares {
  std::vector<double> shares;  // by choice
  std::optional<double> correct;
  int64_t decisions = 0;  // in all; 0: not known
  int64_t judged = 0;     // of which the right path is known, and `correct` is taken over; 0: not
                          // known
};
struct Routing {
  bool own_prompts = true;  // false: braid's default ones, which are not the paper's
  std::vector<RoutedPrompt> prompts;
  std::optional<bool> noisy;  // decisions are of a pass with the router's noise; older evaluations
                              // do not say
  std::optional<RoutingShares> summary;       // over the prompts; none if they gave no decision
  std::optional<RoutingShares> clean;         // the same of a pass without the router's noise
  std::map<std::string, RoutingShares> text;  // corpus -> over all tokens of its held-out text
  std::map<std::string, RoutingShares> clean_text;  // the same of a pass without the router's noise
};

// Dual-path, sections 6 and 7.
struct Intervention {
  std::string name;
  int64_t loops = 0;        // forced K; 0: as trained
  std::string gates;        // deep | wide | uniform | open | shuffled | learned | values
  std::string token_class;  // gates are set on tokens of this class, or of these ("NUM, SYM"), or
                            // on as many others; empty: everywhere
  std::map<std::string, double> loss, change;  // by corpus, nats a token; change against the
                                               // learned gates
  bool partial = false;   // in some layers alone, or beside an early exit: no evidence for claims
                          // about all layers
  bool control = false;   // on as many tokens outside the class
  bool keep_sum = false;  // with the learned sum of both gates, and so the scale of the residual
  std::string shuffle = "independent";  // of gates: shuffled
};
// One line of read-outs: what it is about (corpus, class, place) and its numbers by name.
struct ReadOut {
  std::vector<std::pair<std::string, std::string>> labels;
  std::map<std::string, double> values;
};
struct Dual {
  std::map<std::string, double> loss;  // by corpus, with what was learned; empty: not known
  std::vector<ReadOut> layers;         // one a block, in their order
  std::vector<ReadOut> readouts;       // one a corpus, class of tokens and block
  std::vector<Intervention> interventions;
};

struct Evaluation {
  std::string name;
  int64_t parameters = 0;
  std::optional<model::ModelSpec> spec;
  Losses losses;
  std::vector<Sample> samples;
  std::optional<Blimp> blimp;
  std::optional<Glue> glue;
  std::optional<Routing> routing;
  std::optional<Dual> dual;
  std::optional<NextToken> next_token;

  // Unweighted mean of BLiMP, GLUE and SuperGLUE, if all three are known whole (Table 7).
  std::optional<Estimate> MeanScore() const;
};

Result<Evaluation> ReadEvaluation(const std::string& file);

}  // namespace braid::report
