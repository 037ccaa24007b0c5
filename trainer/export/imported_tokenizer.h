// The tokenizer.json of a model that is imported.
#pragma once

#include <string>

#include "base/json.h"
#include "base/status.h"

namespace braid::trainer {

// The text of `tokenizer_file`, in which the token that ends documents is marked
// (corpus::WithEndOfText) if the file has neither such a mark nor <|endoftext|>: the added token
// that `config`, the model's config.json, names by eos_token_id (of a list, the first), or else
// that of `eos_token` in tokenizer_config.json in `folder`. The text as it is if none is named.
Result<std::string> ImportedTokenizer(const std::string& tokenizer_file, const Json& config,
                                      const std::string& folder);

}  // namespace braid::trainer
