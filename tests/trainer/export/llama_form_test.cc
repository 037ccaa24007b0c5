#include "trainer/export/llama_form.h"

#include <gmock/gmock.h>

#include <map>

#include "tests/word.h"

namespace braid::trainer {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

model::ModelSpec Dense(const std::string& block) {
  model::ModelSpec spec;
  spec.name = "m";
  spec.vocab = 11;
  spec.pad_id = 10;
  spec.dense = {.name = "m", .d = 8, .heads = 2, .blocks = 2, .block = Word(block)};
  if (block == "llama") spec.dense.ffn = 20;
  if (spec.dense.has_wide()) spec.dense.dual.ffn_wide = 24;
  if (spec.dense.has_deep()) spec.dense.dual.ffn_deep = 12;
  return spec;
}

std::map<std::string, ExportedTensor> ByName(const model::ModelSpec& spec) {
  std::map<std::string, ExportedTensor> all;
  for (const ExportedTensor& tensor : LlamaTensors(spec))
    EXPECT_TRUE(all.emplace(tensor.name, tensor).second) << tensor.name;
  return all;
}

TEST(LlamaFormTest, WhatIsNoLlamaNamesTheField) {
  EXPECT_EQ(WhyNotLlama(Dense("llama")), "");
  EXPECT_EQ(WhyNotLlama(Dense("wide")), "");
  EXPECT_THAT(WhyNotLlama(Dense("dual_path")), StartsWith("dense.block: dual_path"));
  model::ModelSpec spec = Dense("wide");
  spec.dense.dual.qk_norm = true;
  EXPECT_THAT(WhyNotLlama(spec), StartsWith("dense.dual.qk_norm: "));
  spec = Dense("loop");
  EXPECT_EQ(WhyNotLlama(spec), "");  // one step: nothing to mix
  spec.dense.dual.loops = 2;
  EXPECT_THAT(WhyNotLlama(spec), StartsWith("dense.dual.mix: act"));
  spec.dense.dual.mix = Word("final");
  EXPECT_EQ(WhyNotLlama(spec), "");
  spec.kind = model::Kind::kComposite;
  EXPECT_THAT(WhyNotLlama(spec), StartsWith("kind: a composite"));
}

TEST(LlamaFormTest, ALoopIsOneLayerAStepWithTheScaleOfThatStep) {
  model::ModelSpec spec = Dense("loop");
  spec.dense.dual.loops = 3;
  spec.dense.dual.mix = Word("final");
  EXPECT_EQ(LlamaConfig(spec)["num_hidden_layers"], 6);
  EXPECT_EQ(LlamaConfig(spec)["intermediate_size"], 12);
  const auto tensors = ByName(spec);
  EXPECT_EQ(tensors.size(), 3 + 6 * 9);
  const ExportedTensor& down = tensors.at("model.layers.4.mlp.down_proj.weight");
  EXPECT_EQ(down.source, "blocks.1.deep.ffn.down.weight");
  EXPECT_EQ(down.softplus_of, "blocks.1.deep.scale");
  EXPECT_EQ(down.at, 1);
  EXPECT_EQ(tensors.at("model.layers.4.self_attn.o_proj.weight").at, 1);
  EXPECT_TRUE(IsCopy(tensors.at("model.layers.4.self_attn.v_proj.weight")));
}

TEST(LlamaFormTest, AStandardBlockIsCopied) {
  for (const auto& [name, tensor] : ByName(Dense("llama"))) EXPECT_TRUE(IsCopy(tensor)) << name;
}

TEST(LlamaFormTest, ConfigFollowsTheSpec) {
  model::ModelSpec spec = Dense("wide");
  spec.eos_id = 3;
  spec.sequence = 77;
  spec.arch.rope_base = 500;
  spec.arch.norm_eps = 1e-4;
  const Json config = LlamaConfig(spec);
  EXPECT_EQ(config["vocab_size"], 11);
  EXPECT_EQ(config["intermediate_size"], 24);
  EXPECT_EQ(config["head_dim"], 4);
  EXPECT_EQ(config["num_key_value_heads"], 2);
  EXPECT_EQ(config["max_position_embeddings"], 77);
  EXPECT_EQ(config["rope_theta"], 500.0);
  EXPECT_EQ(config["rope_parameters"]["rope_theta"], 500.0);
  EXPECT_EQ(config["rms_norm_eps"], 1e-4);
  EXPECT_EQ(config["eos_token_id"], 3);
  EXPECT_EQ(config["pad_token_id"], 10);
  EXPECT_EQ(config["tie_word_embeddings"], false);
}

}  // namespace
}  // namespace braid::trainer
