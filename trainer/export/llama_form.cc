#include "trainer/export/llama_form.h"

namespace braid::trainer {
namespace {

using model::ModelSpec;
using model::Stack;

// One layer of the Llama: a block of the model, or one step of a looped block.
struct Layer {
  const ModelSpec& spec;
  // Prefixes of names: "blocks.2." or "blocks.2.deep." in the checkpoint, "model.layers.5." in the
  // exported file.
  std::string from;
  std::string to;
  // Name of the vector of scales; empty if the block has none.
  std::string scale;
  int64_t step = 0;

  ExportedTensor Tensor(const std::string& name, const std::string& own,
                        std::vector<int64_t> shape) const {
    return {
        .name = to + name + ".weight", .shape = std::move(shape), .source = from + own + ".weight"};
  }
  // The scale of a block multiplies what it adds to the residual stream, so it can go into the last
  // product of each sublayer.
  ExportedTensor Scaled(ExportedTensor tensor) const {
    tensor.softplus_of = scale;
    tensor.at = step;
    return tensor;
  }
};

int64_t FeedForwardWidth(const Stack& stack) {
  return stack.has_deep()   ? stack.dual.ffn_deep
         : stack.has_wide() ? stack.dual.ffn_wide
                            : stack.ffn;
}

void AddLayer(std::vector<ExportedTensor>& all, const Layer& layer) {
  const model::Arch& arch = layer.spec.arch;
  const Stack& stack = layer.spec.dense;
  const int64_t w = stack.d, f = FeedForwardWidth(stack);
  all.push_back(layer.Tensor("input_layernorm", "attn_norm", {w}));
  const auto add = [&](const std::string& part, int64_t heads, bool turned) {
    ExportedTensor tensor = layer.Tensor("self_attn." + part + "_proj", "attn." + part,
                                         {heads * stack.head_size(), w});
    if (turned && arch.rope_layout == model::RopeLayout::kInterleaved) tensor.heads = heads;
    all.push_back(std::move(tensor));
  };
  add("q", stack.heads, true);
  add("k", stack.key_heads(), true);
  add("v", stack.key_heads(), false);
  ExportedTensor o = layer.Scaled(layer.Tensor("self_attn.o_proj", "attn.o", {w, w}));
  // An empty source is the identity matrix.
  if (!arch.attn_out_proj) o.source.clear();
  all.push_back(std::move(o));
  all.push_back(layer.Tensor("post_attention_layernorm", "ffn_norm", {w}));
  ExportedTensor gate = layer.Tensor("mlp.gate_proj", "ffn.gate", {f, w});
  ExportedTensor down = layer.Scaled(layer.Tensor("mlp.down_proj", "ffn.down", {w, f}));
  if (arch.ffn_gate == model::FfnGate::kBetaSwish)
    gate.times_rows = down.over_columns = layer.from + "ffn.beta";
  all.push_back(std::move(gate));
  all.push_back(layer.Tensor("mlp.up_proj", "ffn.up", {f, w}));
  all.push_back(std::move(down));
}

// Newer versions of transformers read rope_parameters, older ones rope_theta and rope_scaling.
Json RopeParameters(const model::Arch& arch) {
  Json parameters = {{"rope_type", "default"}};
  if (arch.rope_scaling) {
    parameters = schema::ToJson(*arch.rope_scaling);
    parameters["rope_type"] = parameters.at("kind");
    parameters.erase("kind");
  }
  parameters["rope_theta"] = arch.rope_base;
  return parameters;
}

}  // namespace

std::string WhyNotLlama(const ModelSpec& spec) {
  if (spec.kind != model::Kind::kDense) return "kind: a composite has parallel layers";
  const model::Dual& dual = spec.dense.dual;
  if (!spec.dense.block->is_llama_layers) {
    return std::string("dense.block: ") + spec.dense.block->name +
           (spec.dense.block->has_gates ? " weighs two paths for each token"
                                        : " is not made of Llama's layers");
  }
  if (dual.qk_norm) return "dense.dual.qk_norm: Llama norms no queries and keys";
  if (spec.dense.has_deep() && dual.mix != model::StepMix::kFinal && dual.loops > 1) {
    return "dense.dual.mix: " + schema::NameOf(dual.mix) +
           " mixes the steps; only the final one can be a layer's output";
  }
  return "";
}

const char* TorchDtype(spec::ExportDtype dtype) {
  return dtype == spec::ExportDtype::kBf16 ? "bfloat16" : "float32";
}

Json LlamaConfig(const ModelSpec& spec, spec::ExportDtype dtype) {
  const Stack& stack = spec.dense;
  const Json rope = RopeParameters(spec.arch);
  return {{"architectures", {"LlamaForCausalLM"}},
          {"model_type", "llama"},
          {"vocab_size", spec.vocab},
          {"hidden_size", stack.d},
          {"intermediate_size", FeedForwardWidth(stack)},
          {"num_hidden_layers", stack.blocks * stack.dual.loops},
          {"num_attention_heads", stack.heads},
          {"num_key_value_heads", stack.key_heads()},
          {"head_dim", stack.head_size()},
          {"max_position_embeddings", spec.sequence},
          {"rms_norm_eps", spec.arch.norm_eps},
          {"rope_theta", spec.arch.rope_base},
          {"rope_scaling", spec.arch.rope_scaling ? rope : Json()},
          {"rope_parameters", rope},
          {"hidden_act", "silu"},
          {"attention_bias", false},
          {"attention_dropout", 0.0},
          {"mlp_bias", false},
          {"pretraining_tp", 1},
          {"initializer_range", 0.02},
          {"tie_word_embeddings", false},
          // braid begins a sequence with the end token of the text before it.
          {"bos_token_id", spec.eos_id},
          {"eos_token_id", spec.eos_id},
          {"pad_token_id", spec.pad_id},
          {"torch_dtype", TorchDtype(dtype)},
          {"dtype", TorchDtype(dtype)},
          {"use_cache", true}};
}

std::vector<ExportedTensor> LlamaTensors(const ModelSpec& spec) {
  const Stack& stack = spec.dense;
  std::vector<ExportedTensor> all;
  all.push_back({.name = "model.embed_tokens.weight",
                 .shape = {spec.vocab, stack.d},
                 .source = "embed.weight"});
  for (int64_t block = 0; block < stack.blocks; ++block) {
    const std::string from = "blocks." + std::to_string(block) + ".";
    // A loop's block is stored under deep., a wide one under wide.
    const std::string inside = stack.has_deep()   ? from + "deep."
                               : stack.has_wide() ? from + "wide."
                                                  : from;
    for (int64_t step = 0; step < stack.dual.loops; ++step) {
      AddLayer(all, {spec, inside,
                     "model.layers." + std::to_string(block * stack.dual.loops + step) + ".",
                     stack.block->has_dual() ? inside + "scale" : "", step});
    }
  }
  all.push_back({.name = "model.norm.weight", .shape = {stack.d}, .source = "norm.weight"});
  all.push_back(
      {.name = "lm_head.weight", .shape = {spec.vocab, stack.d}, .source = "head.weight"});
  return all;
}

}  // namespace braid::trainer
