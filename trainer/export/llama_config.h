// config.json of a Hugging Face Llama, or of a Mistral that is one, as a model of braid.
#pragma once

#include <string>

#include "base/json.h"
#include "base/status.h"
#include "model/spec.h"

namespace braid::trainer {

// The dense model that a Llama's config.json describes. Its name, tokenizer, pad and end-of-text
// ids are not set; `vocab` is the number of rows in the file. A key whose value braid cannot
// compute exactly (attention_bias, sliding_window, hidden_act, ...) is kUnimplemented, and the
// message names it. `what` is put in front of error messages.
Result<model::ModelSpec> LlamaSpec(const Json& config, const std::string& what);

}  // namespace braid::trainer
