// Text from a model: greedy or sampled, and what it thinks comes next.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "corpus/tokenizer.h"
#include "spec/evaluate/generate.h"
#include "trainer/network/network.h"

namespace braid::trainer {

struct Sample {
  std::string prompt;
  std::string text;                                  // what follows the prompt
  std::vector<std::pair<std::string, double>> next;  // the five likeliest tokens after the prompt
};
// {"prompt", "text", "next": [{"token", "probability"}]}
Json ToJson(const Sample& sample);

// The token that `logits` [vocab] give under the settings; `draw` is a uniform number in [0, 1).
// The pad is never chosen.
int32_t ChooseToken(const std::vector<float>& logits, const spec::GenerateSettings& settings,
                    int32_t pad_id, double draw);

// Adds the prompts of a file, one a line, to `prompts`; empty lines are none. A file without any is
// kInvalidArgument.
Status ReadPrompts(const std::string& path, std::vector<std::string>* prompts);

// Ids of a prompt; of an empty one <|endoftext|>. kInvalidArgument if the model's position table is
// too short for it and its continuation, of which the last token is never read.
Result<std::vector<int32_t>> EncodePrompt(const model::ModelSpec& model,
                                          const corpus::Tokenizer& tokenizer,
                                          corpus::Encoder& encoder, const std::string& prompt,
                                          int64_t tokens);

// Stops at <|endoftext|>. The noise of a router is of the settings' seed too: what ran before does
// not matter. Errors as EncodePrompt.
Result<Sample> Generate(Network& network, const corpus::Tokenizer& tokenizer,
                        corpus::Encoder& encoder, const std::string& prompt,
                        const spec::GenerateSettings& settings, uint64_t stream);

}  // namespace braid::trainer
