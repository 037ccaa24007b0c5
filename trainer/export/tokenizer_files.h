// What stands beside tokenizer.json in a Hugging Face folder: tokenizer_config.json and
// special_tokens_map.json.
#pragma once

#include <string>

#include "base/json.h"
#include "base/status.h"
#include "model/spec.h"

namespace braid::trainer {

struct TokenizerFiles {
  std::string tokenizer;  // tokenizer.json, byte for byte: its digest is how braid knows it
  Json config;            // tokenizer_config.json
  Json special_tokens;    // special_tokens_map.json
};

// The pad is the first id behind tokenizer.json's entries; transformers adds it there when it reads
// the name. A tokenizer that is not the model's, or whose entries and pad do not fit its rows, is
// kInvalidArgument.
Result<TokenizerFiles> MakeTokenizerFiles(const model::ModelSpec& spec,
                                          const std::string& tokenizer_file);

}  // namespace braid::trainer
