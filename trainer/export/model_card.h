// The README.md of an exported model: what the model is, where it comes from, and how to load it.
#pragma once

#include <string>

#include "base/json.h"
#include "base/status.h"
#include "model/spec.h"

namespace braid::trainer {

// The text of the card, which depends on the arguments alone. `card` has the facts that the model
// itself does not know (docs/tasks.md, `export`); each may be absent, and an unknown one is an
// error. `llama` says that the folder is a LlamaForCausalLM and needs no code of its own.
Result<std::string> ModelCard(const model::ModelSpec& spec, const Json& card, bool llama);

}  // namespace braid::trainer
