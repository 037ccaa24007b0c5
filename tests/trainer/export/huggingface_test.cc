#include "trainer/export/huggingface.h"

#include <gmock/gmock.h>

#include "tests/trainer/small_world.h"
#include "trainer/export/braid_form.h"
#include "trainer/export/export.h"
#include "trainer/export/model_card.h"

namespace braid::trainer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class HuggingFaceTest : public ::testing::Test {
 protected:
  std::string Written(const model::ModelSpec& spec) {
    const auto network = Network::Create(spec, "cpu").value();
    network->Initialize(3);
    return world_.WriteModel("checkpoint", *network);
  }
  ExportOptions Options(const std::string& folder) const {
    return {.model = folder,
            .tokenizer = world_.at("tokenizer") + "/tokenizer.json",
            .out = world_.at("exported")};
  }
  Status StatusOf(const ExportOptions& options) const {
    return ExportHuggingFace(options).status();
  }
  // After an error there is nothing, not even what was written until then.
  void ExpectNothing() const {
    EXPECT_FALSE(PathExists(world_.at("exported")));
    EXPECT_FALSE(PathExists(world_.at("exported.tmp")));
  }

  SmallWorld world_;
};

TEST_F(HuggingFaceTest, ALlamaNeedsNoCodeAndAnythingElseBringsIt) {
  const Exported llama = ExportHuggingFace(Options(Written(world_.Dense("path")))).value();
  EXPECT_EQ(llama.architecture, "LlamaForCausalLM");
  EXPECT_THAT(ListFolder(world_.at("exported")).value(),
              ElementsAre("README.md", "config.json", "generation_config.json", "model.safetensors",
                          "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json"));
  EXPECT_EQ(ReadJsonFile(world_.at("exported/tokenizer_config.json")).value()["model_input_names"],
            Json({"input_ids", "attention_mask"}));
  ExportOptions options = Options(Written(world_.Composite()));
  options.out = world_.at("deep/er/composite/");
  ASSERT_TRUE(MakeFolder(world_.at("deep/er")).ok());
  const Exported composite = ExportHuggingFace(options).value();
  EXPECT_EQ(composite.architecture, "BraidForCausalLM");
  EXPECT_THAT(composite.why_not_llama, HasSubstr("kind"));
  EXPECT_EQ(ReadFile(options.out + "modeling_braid.py").value(),
            ReadFile(BRAID_SOURCE_DIR "/trainer/export/modeling_braid.py").value());
  EXPECT_EQ(ReadFile(options.out + "configuration_braid.py").value(),
            ReadFile(BRAID_SOURCE_DIR "/trainer/export/configuration_braid.py").value());
}

TEST_F(HuggingFaceTest, TheCheckpointsOwnTokenizerIsTaken) {
  ExportOptions options = Options(Written(world_.Dense("path")));
  options.tokenizer.clear();
  EXPECT_THAT(StatusOf(options).message(), HasSubstr("checkpoint/tokenizer.json"));
  ASSERT_TRUE(
      CopyFile(world_.at("tokenizer") + "/tokenizer.json", options.model + "/tokenizer.json").ok());
  EXPECT_TRUE(StatusOf(options).ok());
}

TEST_F(HuggingFaceTest, AnotherTokenizerIsRefused) {
  model::ModelSpec spec = world_.Dense("path");
  spec.tokenizer = std::string(64, 'a');
  EXPECT_THAT(StatusOf(Options(Written(spec))).message(), HasSubstr("is another tokenizer ("));
  spec = world_.Dense("path");
  spec.pad_id = 5;
  EXPECT_THAT(StatusOf(Options(Written(spec))).message(), HasSubstr("pad 5"));
  ExpectNothing();
}

TEST_F(HuggingFaceTest, WhatIsThereStays) {
  const ExportOptions options = Options(Written(world_.Dense("path")));
  ASSERT_TRUE(WriteFileAtomic(options.out, "mine").ok());
  EXPECT_EQ(StatusOf(options).code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(ReadFile(options.out).value(), "mine");
  ASSERT_TRUE(RemoveFile(options.out).ok());
  ASSERT_TRUE(MakeFolder(options.out).ok());
  ASSERT_TRUE(WriteFileAtomic(options.out + "/mine", "mine").ok());
  EXPECT_THAT(StatusOf(options).message(), HasSubstr("exported is not empty; name a folder"));
  ASSERT_TRUE(RemoveFile(options.out + "/mine").ok());
  EXPECT_TRUE(StatusOf(options).ok());
}

TEST_F(HuggingFaceTest, ABetaNearZeroLeavesNothingBehind) {
  model::ModelSpec spec = world_.Dense("path");
  spec.arch = model::PaperArch();
  const auto network = Network::Create(spec, "cpu").value();
  network->Initialize(3);
  network->parameters()[network->layout().at("blocks.1.ffn.beta").offset + 7] = 0;
  const Status status = StatusOf(Options(world_.WriteModel("checkpoint", *network)));
  EXPECT_THAT(status.message(), HasSubstr("tensor blocks.1.ffn.beta: element 7 is 0;"));
  ExpectNothing();
}

// Logits this large differ by their rounding alone. With a head of usual size the same beta passes.
TEST_F(HuggingFaceTest, ALlamaWhoseLogitsAreNotTheModelsIsRefused) {
  model::ModelSpec spec = world_.Dense("path");
  spec.arch = model::PaperArch();
  const auto network = Network::Create(spec, "cpu").value();
  network->Initialize(3);
  network->parameters()[network->layout().at("blocks.1.ffn.beta").offset + 7] = 2e-4F;
  ExportOptions options = Options(world_.WriteModel("passes", *network));
  EXPECT_TRUE(StatusOf(options).ok());
  EXPECT_FALSE(PathExists(world_.at("exported/read_back")));
  options.out = world_.at("refused");
  const auto head = network->layout().at("head.weight");
  for (int64_t i = 0; i < spec.vocab * spec.dense.d; ++i)
    network->parameters()[head.offset + i] *= 1e6F;
  options.model = world_.WriteModel("fails", *network);
  EXPECT_THAT(
      StatusOf(options).message(),
      HasSubstr(
          "and may by less than 1e-04; the smallest beta that was folded is element 7 of tensor "
          "blocks.1.ffn.beta, 0.0002"));
  EXPECT_FALSE(PathExists(options.out));
}

TEST_F(HuggingFaceTest, TensorsThatAreNotTheModelsAreNamed) {
  const std::string folder = Written(world_.Dense("path"));
  model::ModelSpec smaller = world_.Dense("path");
  smaller.dense.blocks = 1;
  ASSERT_TRUE(
      WriteJsonFile(folder + "/config.json", {{"format", 1}, {"model", model::ToJson(smaller)}})
          .ok());
  EXPECT_THAT(StatusOf(Options(folder)).message(), HasSubstr("tensor blocks.1."));
  smaller.dense.blocks = 3;
  ASSERT_TRUE(
      WriteJsonFile(folder + "/config.json", {{"format", 1}, {"model", model::ToJson(smaller)}})
          .ok());
  EXPECT_THAT(StatusOf(Options(folder)).message(), HasSubstr("blocks.2.attn_norm.weight"));
  ExpectNothing();
}

TEST_F(HuggingFaceTest, TheJobGivesAModelAndCanBeTriedAgain) {
  task::Task task;
  task.kind = "export";
  task.job = "export_path";
  task.output = world_.MakeFolderAt("output");
  task.inputs = {{"model", Written(world_.Dense("path"))}, {"tokenizer", world_.at("tokenizer")}};
  task.spec = {{"name", "path"},
               {"format", "huggingface"},
               {"card", {{"summary", "A path."}, {"tokens", 123456}}}};
  for (int attempt = 0; attempt < 2; ++attempt) {
    RecordingChannel channel(world_.MakeFolderAt("work"));
    ASSERT_TRUE(RunExportJob(task, channel).ok());
    EXPECT_EQ(channel.outputs.at("model")["architecture"], "LlamaForCausalLM");
    EXPECT_EQ(channel.result["name"], "path");
  }
  EXPECT_THAT(ReadFile(task.output + "/model/README.md").value(), HasSubstr("A path.\n"));
  RecordingChannel channel(world_.at("work"));
  task.spec["format"] = "onnx";
  EXPECT_THAT(RunExportJob(task, channel).message(), HasSubstr("spec.format"));
  task.spec["format"] = "huggingface";
  task.spec["card"]["sumary"] = "A path.";
  EXPECT_THAT(RunExportJob(task, channel).message(), HasSubstr("card.sumary"));
}

TEST_F(HuggingFaceTest, TheCardSaysWhatIsKnown) {
  const Json card = {
      {"license", "mit"},
      {"run", {{"id", "run-1"}, {"name", "two|three"}}},
      {"tokens", 5000},
      {"corpora", {{{"name", "tales"}, {"tokens", 4000}, {"documents", 20}}}},
      {"parents", {{{"name", "path_1"}, {"artifact", "abc"}, {"tokens", 3000}}}},
      {"evaluation", {{"all", {{"loss", 2.5}, {"perplexity", 12.18}, {"tokens", 900}}}}},
      {"recipe", "run: x\n"}};
  const std::string text = ModelCard(world_.Composite(), card, /*llama=*/false).value();
  for (const char* part :
       {"license: \"mit\"\n", "| run | two\\|three (run-1) |", "| trained on | 5000 tokens |",
        "| tales | 4000 | 20 |", "| path_1 | `abc` | 3000 |", "| all | 2.5000 | 12.18 | 900 |",
        "```yaml\nrun: x\n```", "trust_remote_code=True"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  const std::string bare = ModelCard(world_.Dense("path"), Json(), /*llama=*/true).value();
  EXPECT_THAT(bare, Not(HasSubstr("trust_remote_code")));
  EXPECT_THAT(bare, Not(HasSubstr("## Lineage")));
  EXPECT_THAT(ModelCard(world_.Composite(), {{"evaluation", {{"all", {{"loss", "low"}}}}}}, false)
                  .status()
                  .message(),
              HasSubstr("card.evaluation.all.loss"));
}

}  // namespace
}  // namespace braid::trainer
