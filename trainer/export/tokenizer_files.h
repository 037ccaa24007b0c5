// The tokenizer's files in a Hugging Face folder: tokenizer.json, tokenizer_config.json and
// special_tokens_map.json.
#pragma once

#include <string>

#include "base/json.h"
#include "base/status.h"
#include "model/spec.h"

namespace braid::trainer {

// The contents of the three files.
struct TokenizerFiles {
  // tokenizer.json, byte for byte, because braid identifies a tokenizer by the digest of this file.
  std::string tokenizer;
  // tokenizer_config.json.
  Json config;
  // special_tokens_map.json.
  Json special_tokens;
};

// Makes the files from `tokenizer_file`, a tokenizer.json. The pad token is the first id behind its
// entries, and transformers adds it there when it reads its name. kInvalidArgument for a tokenizer
// that is not the model's, or whose entries and pad do not fit the model's rows.
Result<TokenizerFiles> MakeTokenizerFiles(const model::ModelSpec& spec,
                                          const std::string& tokenizer_file);

}  // namespace braid::trainer
