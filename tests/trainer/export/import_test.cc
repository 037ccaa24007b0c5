#include "trainer/export/import.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "corpus/tokenizer.h"
#include "tests/base/mutations.h"
#include "tests/trainer/small_world.h"
#include "tests/word.h"
#include "trainer/export/huggingface.h"
#include "trainer/export/llama_weights.h"

namespace braid::trainer {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

const Json kConfig = {{"model_type", "llama"},  {"vocab_size", 100},
                      {"hidden_size", 16},      {"intermediate_size", 40},
                      {"num_hidden_layers", 2}, {"num_attention_heads", 4}};

std::string Refusal(const std::string& key, const Json& value) {
  Json config = kConfig;
  config[key] = value;
  return LlamaSpec(config, "config.json").status().message();
}

TEST(LlamaSpecTest, TakesTheDefaultsOfTransformers) {
  const model::ModelSpec spec = LlamaSpec(kConfig, "config.json").value();
  EXPECT_EQ(spec.arch.norm_eps, 1e-6);
  EXPECT_EQ(spec.arch.rope_base, 10000.0);
  EXPECT_EQ(spec.sequence, 2048);
  EXPECT_EQ(spec.dense.ffn, 40);
  EXPECT_EQ(spec.arch.rope_layout, Word("half"));
}

TEST(LlamaSpecTest, ReadsTheRotationInEitherWording) {
  Json config = kConfig;
  config["rope_theta"] = 500;
  config["rope_scaling"] = nullptr;
  EXPECT_EQ(LlamaSpec(config, "c").value().arch.rope_base, 500);
  config["rope_parameters"] = {{"rope_type", "default"}, {"rope_theta", 700.0}};
  EXPECT_EQ(LlamaSpec(config, "c").value().arch.rope_base, 700);
}

TEST(LlamaSpecTest, NamesTheKeyThatCannotBeExact) {
  EXPECT_EQ(
      Refusal("model_type", "qwen2"),
      "config.json: model_type: \"qwen2\" cannot be imported exactly: its attention has biases "
      "on queries, keys and values");
  EXPECT_THAT(Refusal("model_type", "qwen3"), HasSubstr("norms queries and keys"));
  EXPECT_THAT(Refusal("model_type", "gpt2"), HasSubstr("of the types llama and mistral"));
  EXPECT_LT(Refusal("model_type", std::string(1'000'000, 'x')).size(), 300u);
  EXPECT_THAT(Refusal("hidden_act", "gelu"), HasSubstr("hidden_act: \"gelu\""));
  EXPECT_THAT(Refusal("attention_bias", true), HasSubstr("attention_bias: true"));
  EXPECT_THAT(Refusal("mlp_bias", true), HasSubstr("mlp_bias: true"));
  EXPECT_THAT(Refusal("sliding_window", 1024), HasSubstr("sliding_window: 1024"));
  EXPECT_THAT(Refusal("quantization_config", Json::object()), HasSubstr("quantization_config"));
  EXPECT_THAT(Refusal("head_dim", 8), HasSubstr("head_dim: 8"));
  EXPECT_THAT(Refusal("num_key_value_heads", 3), HasSubstr("num_key_value_heads: 3"));
  EXPECT_THAT(Refusal("rope_scaling", {{"type", "linear"}, {"factor", 2.0}}),
              HasSubstr("rope_scaling.rope_type: \"linear\""));
  EXPECT_THAT(Refusal("rope_parameters", {{"rope_type", "yarn"}}),
              HasSubstr("rope_parameters.rope_type: \"yarn\""));
  EXPECT_THAT(Refusal("rope_parameters", {{"partial_rotary_factor", 0.5}}),
              HasSubstr("rope_parameters.partial_rotary_factor: 0.5"));
}

TEST(LlamaSpecTest, KeepsSharedHeadsOfKeys) {
  Json config = kConfig;
  config["num_key_value_heads"] = 2;
  EXPECT_EQ(LlamaSpec(config, "c").value().dense.kv_heads, 2);
  config["num_key_value_heads"] = 4;  // as many as queries
  EXPECT_EQ(LlamaSpec(config, "c").value(), LlamaSpec(kConfig, "c").value());
}

const Json kLlama3 = {{"rope_type", "llama3"},
                      {"factor", 32.0},
                      {"low_freq_factor", 1.0},
                      {"high_freq_factor", 4.0},
                      {"original_max_position_embeddings", 8192}};

TEST(LlamaSpecTest, ReadsTheRotationOfLlama3) {
  Json config = kConfig;
  config["rope_theta"] = 500000.0;
  config["rope_scaling"] = kLlama3;
  model::ModelSpec spec = LlamaSpec(config, "c").value();
  EXPECT_EQ(spec.arch.rope_scaling, (model::RopeScaling{.factor = 32}));
  EXPECT_EQ(spec.arch.rope_base, 500000.0);
  config.erase("rope_scaling");
  config["rope_parameters"] = kLlama3;
  EXPECT_EQ(LlamaSpec(config, "c").value(), spec);
}

TEST(LlamaSpecTest, WhatIsWrongWithTheRotationOfLlama3IsNamed) {
  Json rope = kLlama3;
  rope.erase("factor");
  EXPECT_EQ(Refusal("rope_scaling", rope), "config.json: rope_scaling.factor is missing");
  rope["factor"] = 0.5;
  EXPECT_EQ(Refusal("rope_scaling", rope),
            "config.json: rope_scaling.factor: must be at least 1, is 0.5");
  rope["factor"] = 8;
  rope["low_freq_factor"] = 4;
  EXPECT_EQ(Refusal("rope_scaling", rope),
            "config.json: rope_scaling.low_freq_factor: must be below high_freq_factor");
}

// A window that hides nothing of the longest text is none; Mistral's is 4096 where nothing is said.
TEST(LlamaSpecTest, AMistralWithoutAWindowIsALlama) {
  Json config = kConfig;
  config["model_type"] = "mistral";
  config["max_position_embeddings"] = 8192;
  config["sliding_window"] = nullptr;
  EXPECT_TRUE(LlamaSpec(config, "c").ok());
  config["sliding_window"] = 8192;
  EXPECT_TRUE(LlamaSpec(config, "c").ok());
  config["sliding_window"] = 8191;
  const std::string why =
      "braid's attention looks at all positions before, so results would differ beyond the window; "
      "use a model without one, or for shorter texts set max_position_embeddings to the window";
  EXPECT_EQ(LlamaSpec(config, "c").status().message(),
            "c: sliding_window: 8191 cannot be imported exactly: " + why);
  config.erase("sliding_window");
  EXPECT_EQ(LlamaSpec(config, "c").status().message(),
            "c: sliding_window: 4096 cannot be imported exactly: Mistral has this window where "
            "config.json says nothing; " +
                why);
  config["max_position_embeddings"] = 4096;
  EXPECT_TRUE(LlamaSpec(config, "c").ok());
}

TEST(LlamaSpecTest, NamesTheKeyThatIsWrong) {
  EXPECT_EQ(Refusal("hidden_size", "big"),
            "config.json: hidden_size: expected a whole number, found \"big\"");
  EXPECT_EQ(Refusal("hidden_size", nullptr), "config.json: hidden_size is missing");
  EXPECT_EQ(Refusal("rms_norm_eps", "small"),
            "config.json: rms_norm_eps: expected a number, found \"small\"");
  EXPECT_EQ(Refusal("tie_word_embeddings", 1),
            "config.json: tie_word_embeddings: expected true or false, found 1");
  EXPECT_THAT(Refusal("num_attention_heads", 3),
              HasSubstr("config.json: dense.heads: 3 heads do not divide width 16"));
  EXPECT_EQ(LlamaSpec(Json::array(), "config.json").status().message(),
            "config.json: expected an object");
}

TEST(LlamaSpecTest, RotationThatIsSaidTwiceOrOddlyIsNamed) {
  EXPECT_EQ(Refusal("rope_scaling", "linear"),
            "config.json: rope_scaling: expected an object, found \"linear\"");
  EXPECT_EQ(Refusal("rope_parameters", {{"rope_theta", "500"}}),
            "config.json: rope_parameters.rope_theta: expected a number, found \"500\"");
  EXPECT_THAT(Refusal("rope_parameters", {{"full_attention", {{"rope_type", "linear"}}}}),
              HasSubstr("rope_parameters.full_attention"));
  EXPECT_THAT(Refusal("partial_rotary_factor", 0.5), HasSubstr("partial_rotary_factor: 0.5"));
  EXPECT_THAT(Refusal("is_causal", false), HasSubstr("is_causal: false"));
  Json config = kConfig;
  config["rope_scaling"] = {{"rope_type", "default"}, {"rope_theta", 500.0}};
  EXPECT_EQ(LlamaSpec(config, "c").value().arch.rope_base, 500);
  config["rope_parameters"] = {{"rope_type", "default"}, {"rope_theta", 700.0}};
  EXPECT_THAT(LlamaSpec(config, "c").status().message(), HasSubstr("c: rope_scaling: "));
  config["rope_parameters"] = config["rope_scaling"];
  EXPECT_EQ(LlamaSpec(config, "c").value().arch.rope_base, 500);
}

TEST(LlamaSpecTest, NoValueOfAnyTypeThrows) {
  Json config = kConfig;
  config.update({{"rope_theta", 1e4},
                 {"rope_scaling", nullptr},
                 {"rope_parameters",
                  {{"rope_type", "default"}, {"rope_theta", 1e4}, {"partial_rotary_factor", 1.0}}},
                 {"tie_word_embeddings", true},
                 {"num_key_value_heads", 2},
                 {"head_dim", 4},
                 {"rms_norm_eps", 1e-6},
                 {"max_position_embeddings", 64},
                 {"hidden_act", "silu"},
                 {"attention_bias", false}});
  ASSERT_TRUE(LlamaSpec(config, "c").ok());
  ForEachMutation(config, [](const Json& mutated, const std::string& what) {
    EXPECT_NO_THROW((void)LlamaSpec(mutated, "c").status()) << what;
  });
}

// Against the definition: (-1)^s 2^(e-15) 1.f, subnormal 2^-14 0.f, and the two special kinds.
TEST(HalfToFloatTest, IsExactForAllBits) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const int exponent = static_cast<int>(bits >> 10 & 31);
    const double fraction = static_cast<double>(bits & 1023) / 1024, sign = bits & 0x8000 ? -1 : 1;
    const float value = HalfToFloat(static_cast<uint16_t>(bits));
    EXPECT_EQ(std::signbit(value), sign < 0) << bits;
    if (exponent == 31) {
      EXPECT_EQ(std::isnan(value), fraction != 0) << bits;
      EXPECT_EQ(std::isinf(value), fraction == 0) << bits;
    } else {
      EXPECT_EQ(value, sign * (exponent == 0 ? std::ldexp(fraction, -14)
                                             : std::ldexp(1 + fraction, exponent - 15)))
          << bits;
    }
  }
}

// An exported path, to be damaged and imported again.
class ImportTest : public ::testing::Test {
 protected:
  ImportTest() {
    const auto network = Network::Create(world_.Dense("path"), "cpu").value();
    network->Initialize(3);
    const Status exported = ExportHuggingFace(
                                {.model = world_.WriteModel("checkpoint", *network),
                                 .tokenizer = world_.at("tokenizer") + "/tokenizer.json",
                                 .out = world_.at("llama")})
                                .status();
    EXPECT_TRUE(exported.ok()) << exported.message();
    options_ = {.folder = world_.at("llama"), .out = world_.at("imported")};
    config_ = ReadJsonFile(At("config.json")).value();
  }
  std::string At(const std::string& name) const { return JoinPath(options_.folder, name); }
  std::string Error() {
    const Status status = ImportHuggingFace(options_).status();
    EXPECT_FALSE(status.ok());
    EXPECT_FALSE(PathExists(options_.out));
    EXPECT_FALSE(PathExists(options_.out + ".tmp"));
    return status.message();
  }
  void Configure(const std::string& key, const Json& value) {
    config_[key] = value;
    EXPECT_TRUE(WriteJsonFile(At("config.json"), config_).ok());
  }
  // Writes the weights again, after `change` had each tensor; an empty name drops it.
  void Rewrite(
      const std::function<void(storage::SafetensorsWriter::Tensor*, std::string*)>& change) {
    std::vector<storage::SafetensorsWriter::Tensor> places;
    std::vector<std::string> values;
    {
      const auto file = storage::SafetensorsFile::Open(At("model.safetensors")).value();
      for (const storage::TensorEntry& entry : file.tensors()) {
        storage::SafetensorsWriter::Tensor place{entry.name, entry.dtype, entry.shape};
        std::string data(file.Data(entry));
        change(&place, &data);
        if (place.name.empty()) continue;
        places.push_back(place);
        values.push_back(data);
      }
    }
    const auto writer = storage::SafetensorsWriter::Create(At("model.safetensors"), places).value();
    for (size_t i = 0; i < places.size(); ++i)
      EXPECT_TRUE(writer->Append(places[i].name, values[i].data(), values[i].size()).ok());
    EXPECT_TRUE(writer->Finish().ok());
  }

  SmallWorld world_;
  ImportOptions options_;
  Json config_;
};

TEST_F(ImportTest, TheCheckpointLoadsAndIsNamedAfterItsFolder) {
  const Imported imported = ImportHuggingFace(options_).value();
  EXPECT_EQ(imported.spec.name, "llama");
  EXPECT_TRUE(imported.notes.empty());
  EXPECT_TRUE(LoadNetwork(options_.out, "cpu").ok());
  EXPECT_TRUE(StateFromJson(ReadJsonFile(options_.out + "/state.json").value(), "state.json").ok());
  EXPECT_EQ(ReadModelSpec(options_.out).value().tokenizer, world_.tokenizer().digest());
}

TEST_F(ImportTest, ATensorThatIsMissingUnknownOrOfAnotherShapeIsNamed) {
  const std::string k = "model.layers.1.self_attn.k_proj.weight";
  Rewrite([&](auto* place, auto*) {
    if (place->name == k) place->name = "model.layers.1.self_attn.k_proj.bias";
  });
  EXPECT_THAT(Error(), HasSubstr("tensor model.layers.1.self_attn.k_proj.bias has no place"));
  Rewrite([&](auto* place, auto*) {
    if (place->name.ends_with(".bias")) place->name.clear();
  });
  EXPECT_THAT(Error(), HasSubstr("llama: tensor " + k + " is missing"));
  Configure("intermediate_size", 48);
  Configure("num_hidden_layers", 1);
  EXPECT_THAT(Error(), HasSubstr("tensor model.layers.1."));
}

TEST_F(ImportTest, AnotherShapeThanTheConfigSaysIsNamed) {
  Configure("intermediate_size", 48);
  EXPECT_THAT(Error(), HasSubstr("tensor model.layers.0.mlp.gate_proj.weight has shape [64,16], "
                                 "config.json says [48,16]"));
}

TEST_F(ImportTest, ANumberThatIsNoneIsNamed) {
  Rewrite([](auto* place, auto* data) {
    if (place->name != "model.norm.weight") return;
    const float nan = std::numeric_limits<float>::quiet_NaN();
    std::memcpy(data->data() + 3 * sizeof(float), &nan, sizeof(nan));
  });
  EXPECT_THAT(Error(),
              HasSubstr("model.safetensors: tensor model.norm.weight has nan at element 3"));
}

TEST_F(ImportTest, OtherTypesAreRefused) {
  Rewrite([](auto* place, auto* data) {
    if (place->name != "model.norm.weight") return;
    place->dtype = "F64";
    data->resize(2 * data->size());
  });
  EXPECT_THAT(Error(), HasSubstr("tensor model.norm.weight is F64; braid reads F32, F16 and BF16"));
}

TEST_F(ImportTest, FilesThatAreMissingAreNamed) {
  ASSERT_TRUE(Rename(At("model.safetensors"), At("model-1.safetensors")).ok());
  EXPECT_THAT(Error(), HasSubstr("has neither model.safetensors nor model.safetensors.index.json"));
  ASSERT_TRUE(WriteJsonFile(At("model.safetensors.index.json"),
                            {{"weight_map", {{"lm_head.weight", "../x.safetensors"}}}})
                  .ok());
  EXPECT_THAT(Error(), HasSubstr("weight_map.lm_head.weight: expected the name of a file"));
  ASSERT_TRUE(WriteJsonFile(At("model.safetensors.index.json"),
                            {{"weight_map", {{"lm_head.weight", "model-2.safetensors"}}}})
                  .ok());
  EXPECT_THAT(Error(), HasSubstr("model-2.safetensors"));
  ASSERT_TRUE(WriteJsonFile(At("model.safetensors.index.json"),
                            {{"weight_map", {{"lm_head.weight", "model-1.safetensors"}}}})
                  .ok());
  EXPECT_TRUE(ImportHuggingFace(options_).ok());
}

// Every value of config.json, beside weights that fit the true one: imported, or refused; a folder
// that is left is whole.
TEST_F(ImportTest, NoConfigThrows) {
  ForEachMutation(Json(config_), [&](const Json& mutated, const std::string& what) {
    EXPECT_TRUE(WriteJsonFile(At("config.json"), mutated).ok());
    EXPECT_NO_THROW({
      const auto imported = ImportHuggingFace(options_);
      EXPECT_EQ(imported.ok(), PathExists(options_.out)) << what;
      EXPECT_TRUE(RemoveTree(options_.out).ok());
    }) << what;
  });
}

// Of a tied head there is one matrix: the file may hold it twice, not two.
TEST_F(ImportTest, ATiedHeadThatIsAnotherMatrixIsRefused) {
  const auto weights = [&](const std::string& name) {
    const auto file = storage::SafetensorsFile::Open(At("model.safetensors")).value();
    return std::string(file.Data(*file.Find(name)));
  };
  Configure("tie_word_embeddings", true);
  EXPECT_THAT(Error(), HasSubstr("tensor lm_head.weight differs from model.embed_tokens.weight: "
                                 "set tie_word_embeddings to false"));
  EXPECT_THAT(Error(), EndsWith("remove the tensor to tie the two"));
  const std::string embedding = weights("model.embed_tokens.weight");
  Rewrite([&](auto* place, auto* data) {
    if (place->name == "lm_head.weight") *data = embedding;
  });
  const Imported same = ImportHuggingFace(options_).value();
  EXPECT_THAT(same.notes,
              testing::Contains("tie_word_embeddings: the head is a copy of the embedding"));
  ASSERT_TRUE(RemoveTree(options_.out).ok());
  Rewrite([](auto* place, auto*) {
    if (place->name == "lm_head.weight") place->name.clear();
  });
  EXPECT_TRUE(ImportHuggingFace(options_).ok());
  ASSERT_TRUE(RemoveTree(options_.out).ok());
  Configure("tie_word_embeddings", nullptr);  // as false
  EXPECT_THAT(Error(), HasSubstr("tensor lm_head.weight is missing"));
}

// Such rows have logits in the Llama and none here.
TEST_F(ImportTest, RowsBehindThePadLeaveTheSoftmax) {
  constexpr int64_t kRows = 300;
  const std::string left_out =
      "29 rows behind the pad, id 270, belong to no token and are left out of embedding, head and "
      "softmax: logits of tokens are as before, and their probabilities add up to 1 without the "
      "others";
  Configure("vocab_size", kRows);
  Rewrite([](auto* place, auto* data) {
    if (place->name != "model.embed_tokens.weight" && place->name != "lm_head.weight") return;
    place->shape[0] = kRows;
    data->resize(static_cast<size_t>(kRows * place->shape[1]) * sizeof(float));
  });
  EXPECT_THAT(ImportHuggingFace(options_).value().notes, testing::Contains(left_out));
  ASSERT_TRUE(RemoveTree(options_.out).ok());
  Configure("tie_word_embeddings", true);
  EXPECT_THAT(Error(), EndsWith("remove the tensor to tie the two; either way, " + left_out));
}

// As Llama and Mistral are published, whose documents end with a token of another name.
TEST_F(ImportTest, TheEndOfTextIsTheOneThatTheFolderNames) {
  Json tokenizer = ReadJsonFile(At("tokenizer.json")).value();
  tokenizer["model"]["vocab"].erase("<|endoftext|>");
  tokenizer["model"]["vocab"]["</s>"] = 0;
  tokenizer["added_tokens"][0]["content"] = "</s>";
  ASSERT_TRUE(WriteJsonFile(At("tokenizer.json"), tokenizer).ok());
  const auto ends_with = [&] {
    EXPECT_TRUE(RemoveTree(options_.out).ok());
    const auto imported = ImportHuggingFace(options_);
    EXPECT_TRUE(imported.ok()) << imported.status().message();
    const auto made = corpus::Tokenizer::Load(JoinPath(options_.out, "tokenizer.json"));
    EXPECT_TRUE(made.ok()) << made.status().message();
    if (!imported.ok() || !made.ok()) return std::string();
    EXPECT_EQ(imported->spec.tokenizer, (*made)->digest());
    return std::string((*made)->Bytes((*made)->eos_id()));
  };
  Configure("eos_token_id", 0);
  EXPECT_EQ(ends_with(), "</s>");
  Configure("eos_token_id", Json::array({0, 5}));
  EXPECT_EQ(ends_with(), "</s>");
  Configure("eos_token_id", nullptr);
  ASSERT_TRUE(WriteJsonFile(At("tokenizer_config.json"), {{"eos_token", "</s>"}}).ok());
  EXPECT_EQ(ends_with(), "</s>");
  ASSERT_TRUE(WriteJsonFile(At("tokenizer_config.json"), Json::object()).ok());
  EXPECT_TRUE(RemoveTree(options_.out).ok());
  EXPECT_THAT(Error(), HasSubstr("tokenizer.json: added_tokens has no <|endoftext|>"));
}

TEST_F(ImportTest, ATokenizerIsNeededAndMustFit) {
  Configure("vocab_size", 100);
  EXPECT_THAT(Error(),
              HasSubstr("config.json: vocab_size: 100 rows for a tokenizer.json of 270 entries"));
  ASSERT_TRUE(RemoveFile(At("tokenizer.json")).ok());
  EXPECT_THAT(Error(), HasSubstr("llama/tokenizer.json"));
  Configure("vocab_size", 271);
  options_.tokenizer = world_.at("tokenizer") + "/tokenizer.json";
  EXPECT_TRUE(ImportHuggingFace(options_).ok());
}

}  // namespace
}  // namespace braid::trainer
