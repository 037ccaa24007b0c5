// A checkpoint folder as a Hugging Face folder, which transformers loads without braid.
#pragma once

#include <functional>
#include <string>

#include "base/json.h"
#include "base/status.h"

namespace braid::trainer {

struct ExportOptions {
  std::string model;      // checkpoint folder
  std::string tokenizer;  // file; empty: tokenizer.json of the checkpoint folder
  std::string out;        // must not be there yet, or be empty
  Json card;              // facts for the model card (docs/tasks.md, `export`); null: none
  std::function<void(int64_t done, int64_t total)> progress = [](int64_t, int64_t) {};  // tensors
};

struct Exported {
  std::string architecture;   // LlamaForCausalLM, or BraidForCausalLM with its code in the folder
  std::string why_not_llama;  // the field that made it so, or empty
  int64_t parameters = 0;     // of the exported file
};

// Writes config.json, generation_config.json, model.safetensors (F32), the tokenizer's files,
// README.md and, for models that are no Llama, configuration_braid.py and modeling_braid.py. The
// folder appears whole or not at all. One tensor is in memory at a time, until a Llama is read back
// and its logits compared (trainer/export/logits_gate.h). Errors name file and tensor.
Result<Exported> ExportHuggingFace(const ExportOptions& options);

}  // namespace braid::trainer
