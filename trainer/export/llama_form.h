// Which models transformers' LlamaForCausalLM computes exactly, and how their tensors become those
// of a Llama (docs/papers/papaformer.md#s7.1, docs/papers/dual_path.md#s9). By kind of block:
//
//   llama  As it is. For the interleaved rotary layout, rows of q and k are permuted. Without
//          attn.o, o_proj is the identity. With a learned beta, gate_proj is diag(beta) gate, and
//          down_proj is down diag(1 / beta).
//   wide   Its scale s_w is multiplied into attn.o and ffn.down.
//   loop   With `mix: final`, or one step: each block becomes K layers, with the scales s_d^k
//          multiplied in.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "model/spec.h"
#include "spec/merge.h"
#include "trainer/export/exported_tensor.h"

namespace braid::trainer {

// Names the field of the spec because of which the model is no Llama ("dense.dual.mix: ..."); empty
// if it is one.
std::string WhyNotLlama(const model::ModelSpec& spec);

// Both functions REQUIRE that WhyNotLlama(spec) is empty. LlamaConfig is the contents of
// config.json, with every key that decides what is computed, as versions 4 and 5 of transformers
// write it. `dtype` is the type of the weights beside it.
Json LlamaConfig(const model::ModelSpec& spec, spec::ExportDtype dtype = spec::ExportDtype::kF32);
// How transformers calls a type: "float32", "bfloat16".
const char* TorchDtype(spec::ExportDtype dtype);
// The tensors of model.safetensors, in the order of the Llama's layers.
std::vector<ExportedTensor> LlamaTensors(const model::ModelSpec& spec);

}  // namespace braid::trainer
