// Which models transformers' LlamaForCausalLM computes exactly, and how their tensors become its
// own (docs/papers/papaformer.md#s7.1, docs/papers/dual_path.md#s9):
//   llama  as it is. Interleaved rotary layout: rows of q and k are reordered. No attn.o: the
//          identity. Learned beta: gate_proj = diag(beta) gate, down_proj = down diag(1 / beta).
//   wide   its scale s_w multiplies attn.o and ffn.down.
//   loop   with `mix: final` or one step: K layers a block, each with its own s_d^k multiplied in.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "model/spec.h"
#include "trainer/export/exported_tensor.h"

namespace braid::trainer {

// Why the model is no Llama, naming the field of its spec ("dense.dual.mix: ..."); empty if it is
// one.
std::string WhyNotLlama(const model::ModelSpec& spec);

// REQUIRES for both: WhyNotLlama(spec) is empty.
// config.json with every key that decides what is computed, in the words of transformers 4 and 5
// alike.
Json LlamaConfig(const model::ModelSpec& spec);
std::vector<ExportedTensor> LlamaTensors(const model::ModelSpec& spec);

}  // namespace braid::trainer
