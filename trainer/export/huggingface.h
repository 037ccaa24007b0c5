// Export of a checkpoint folder as a Hugging Face folder, which transformers loads without braid.
#pragma once

#include <functional>
#include <string>

#include "base/json.h"
#include "base/status.h"
#include "spec/merge.h"

namespace braid::trainer {

// What is exported, and where to.
struct ExportOptions {
  // Checkpoint folder.
  std::string model;
  // tokenizer.json; empty for the one in the checkpoint folder.
  std::string tokenizer;
  // The folder to make. It must not exist yet, or be empty.
  std::string out;
  spec::ExportDtype dtype = spec::ExportDtype::kF32;
  // Facts for the model card (docs/tasks.md, `export`); null for none.
  Json card;
  // Called after each tensor.
  std::function<void(int64_t done, int64_t total)> progress = [](int64_t, int64_t) {};
};

// What was written.
struct Exported {
  // "LlamaForCausalLM", or "BraidForCausalLM", whose code is in the folder.
  std::string architecture;
  // The field of the model spec because of which it is no Llama; empty if it is one.
  std::string why_not_llama;
  // Elements of all exported tensors.
  int64_t parameters = 0;
};

// Writes config.json, generation_config.json, model.safetensors, the tokenizer's files, README.md
// and, for models that are no Llama, configuration_braid.py and modeling_braid.py. The folder
// appears complete or not at all. One tensor is in memory at a time, until a Llama is read back and
// its logits are compared (trainer/export/logits_gate.h), for which both models are. With bf16,
// weights are rounded after that check. Errors name file and tensor.
Result<Exported> ExportHuggingFace(const ExportOptions& options);

}  // namespace braid::trainer
