// Import of a Hugging Face Llama, or a Mistral that is one, as a checkpoint folder: as a path for a
// merge, or as the start of a training.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "model/spec.h"
#include "trainer/export/llama_config.h"

namespace braid::trainer {

// What is imported, and where to.
struct ImportOptions {
  // Has config.json, model.safetensors (or its shards with their index) and tokenizer.json.
  std::string folder;
  // The folder to make. It must not exist yet, or be empty.
  std::string out;
  // Of the model; empty for the name of the folder.
  std::string name;
  // A file to read in place of the folder's tokenizer.json; empty for that one.
  std::string tokenizer;
};

// What was made of it.
struct Imported {
  model::ModelSpec spec;
  // Sentences for people about what was changed on the way.
  std::vector<std::string> notes;
};

// Writes config.json, model.safetensors, state.json and tokenizer.json. The logits of the model
// equal those of the Llama, for all tokens that the tokenizer gives.
//   - F32, F16 and BF16 become F32, exactly.
//   - With tie_word_embeddings the head is a copy of the embedding. A file with tied embeddings
//     that holds a different head is kInvalidArgument, because versions of transformers load it as
//     different models.
//   - The pad token is the first id behind the tokenizer's entries. Its embedding row is set to
//     zero; if the file has no such row, a zero row is appended to embedding and head.
//
// A tensor that is missing, unknown, of another shape, or that holds a NaN or infinity is
// kInvalidArgument, with its file.
Result<Imported> ImportHuggingFace(const ImportOptions& options);

}  // namespace braid::trainer
