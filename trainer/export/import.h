// A Hugging Face Llama directory as a checkpoint folder: a path for a merge, or the start of a
// training.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "model/spec.h"

namespace braid::trainer {

struct ImportOptions {
  std::string folder;     // config.json, model.safetensors (or its shards and their index),
                          // tokenizer.json
  std::string out;        // must not be there yet, or be empty
  std::string name;       // of the model; empty: the folder's name
  std::string tokenizer;  // file; empty: tokenizer.json of the folder
};

struct Imported {
  model::ModelSpec spec;
  std::vector<std::string> notes;  // what was changed on the way, for people
};

// The dense model that a config.json of a Llama describes, without name, tokenizer, pad and end of
// text, and with the rows of the file as `vocab`. A key whose value cannot be computed exactly
// (attention_bias, rope_scaling, hidden_act, ...) is kUnimplemented and named. `what` goes in front
// of errors.
Result<model::ModelSpec> LlamaSpec(const Json& config, const std::string& what);

// Writes config.json, model.safetensors, state.json and tokenizer.json; the logits of the model are
// those of the Llama for all tokens that the tokenizer gives.
//   - F32, F16 and BF16 become F32, exactly.
//   - num_key_value_heads below num_attention_heads: each key and value head is repeated for the
//     queries that share it.
//   - tie_word_embeddings: the head is a copy of the embedding. A file that holds another head all
//     the same is kInvalidArgument: versions of transformers load it as different models.
//   - The pad is the first id behind the tokenizer's entries. Its embedding row is set to zero;
//     where the file has no such row, a zero row is appended to embedding and head.
// A tensor that is missing, unknown, of another shape, or holds a NaN or infinity is
// kInvalidArgument, with its file.
Result<Imported> ImportHuggingFace(const ImportOptions& options);

}  // namespace braid::trainer
