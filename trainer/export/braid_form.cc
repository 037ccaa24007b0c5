#include "trainer/export/braid_form.h"

#include "model/tensors.h"
#include "trainer/export/llama_form.h"

namespace braid::trainer {

Json BraidConfig(const model::ModelSpec& spec, spec::ExportDtype dtype) {
  const bool dense = spec.kind == model::Kind::kDense;
  const model::Stack& stack = dense ? spec.dense : spec.large;
  const int64_t layers = (dense ? 0 : spec.parallel_layers()) + stack.blocks;
  return {{"architectures", {"BraidForCausalLM"}},
          {"model_type", "braid"},
          {"auto_map",
           {{"AutoConfig", "configuration_braid.BraidConfig"},
            {"AutoModel", "modeling_braid.BraidModel"},
            {"AutoModelForCausalLM", "modeling_braid.BraidForCausalLM"}}},
          {"spec", model::ToJson(spec)},
          // No noise in evaluation, whatever the training did: users expect equal outputs for equal
          // inputs.
          {"router_noise", "train_only"},
          {"vocab_size", spec.vocab},
          {"hidden_size", spec.width()},
          {"num_hidden_layers", layers},
          {"num_attention_heads", stack.heads},
          {"max_position_embeddings", spec.sequence},
          {"bos_token_id", spec.eos_id},
          {"eos_token_id", spec.eos_id},
          {"pad_token_id", spec.pad_id},
          {"tie_word_embeddings", false},
          {"torch_dtype", TorchDtype(dtype)},
          {"dtype", TorchDtype(dtype)},
          // The modelling code computes whole sequences; it has no cache of keys and values.
          {"use_cache", false}};
}

std::vector<ExportedTensor> BraidTensors(const model::ModelSpec& spec) {
  std::vector<ExportedTensor> all;
  for (const model::TensorSpec& tensor : model::Tensors(spec)) {
    const std::string name = tensor.name == "head.weight" ? tensor.name : "model." + tensor.name;
    all.push_back({.name = name, .shape = tensor.shape, .source = tensor.name});
  }
  return all;
}

}  // namespace braid::trainer
