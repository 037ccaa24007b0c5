// Recipes on disk: which files they name, what is said when one is missing, the plan.
#include "submit/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "tests/submit/recipe_folder.h"

namespace braid::submit {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Pair;

class LoadTest : public RecipeFolder {};

TEST_F(LoadTest, FilesAreFoundFromTheRecipesFolder) {
  const auto file = Load(Recipe("  c: {files: [\"*/*.jsonl\"]}\n"), {});
  ASSERT_TRUE(file.ok()) << file.status().message();
  const auto files = FilesOf(*file, file->dag.sources.front());
  ASSERT_TRUE(files.ok());
  // Both are called one.jsonl: the second keeps apart.
  EXPECT_THAT(*files, ElementsAre(Pair("1/one.jsonl", At("b/one.jsonl")),
                                  Pair("one.jsonl", At("a/one.jsonl"))));
  EXPECT_EQ(file->dag.Find("prepare:c")->estimate.tokens, 12'000 / 4);
}

TEST_F(LoadTest, AMissingFileNamesItsLine) {
  const auto file = Load(Recipe("  c: {files: [a/*.jsonl]}\n  e: {files: [nowhere/*.jsonl]}\n"),
                         {});
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.status().message(),
            At("recipe.yaml") + ":5: no file matches " + At("nowhere/*.jsonl"));
}

// What the user wrote is a pattern; the folder of the recipe is not.
TEST_F(LoadTest, TheRecipesFolderIsNoPattern) {
  const std::string recipe = Recipe("  c: {files: [\"data/**/*.jsonl\"]}\n");
  const std::string folder = "a[1]* {x,y}?";
  for (const char* name : {"/data/one.jsonl", "/data/x/two.jsonl", "/data/x/y/three.jsonl"})
    Write(folder + name, "{}");
  Write("a1/data/wrong.jsonl", "{}");
  Write(folder + "/recipe.yaml", ReadFile(recipe).value());
  const auto file = Load(At(folder + "/recipe.yaml"), {});
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_THAT(*FilesOf(*file, file->dag.sources.front()),
              ElementsAre(Pair("one.jsonl", At(folder + "/data/one.jsonl")),
                          Pair("three.jsonl", At(folder + "/data/x/y/three.jsonl")),
                          Pair("two.jsonl", At(folder + "/data/x/two.jsonl"))));
}

TEST_F(LoadTest, AFileNamedTwiceIsOne) {
  const auto file = Load(Recipe("  c: {files: [a/one.jsonl, ./a/one.jsonl, b/../a/*.jsonl]}\n"),
                         {});
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_EQ(FilesOf(*file, file->dag.sources.front())->size(), 1u);
}

TEST_F(LoadTest, ATokenizerIsAFileAndNoPattern) {
  Write("tok[1].json", "{}");
  Write("tok1.json", "{}");
  const auto load = [&](const std::string& name) {
    const std::string recipe = Recipe("  c: {files: [a/*.jsonl]}\n");
    std::string text = ReadFile(recipe).value();
    text.replace(text.find("{train: {vocab: 300}}"), 21, "{file: \"" + name + "\"}");
    Write("recipe.yaml", text);
    return Load(recipe, {});
  };
  // What it says of the file names the one that was read.
  EXPECT_EQ(load("tok[1].json").status().message(),
            At("recipe.yaml") + ":2: tokenizer.file: " + At("tok[1].json") +
                ": model is missing; this is no tokenizer.json");
  EXPECT_EQ(load("tok*.json").status().message(),
            At("recipe.yaml") + ":2: there is no file " + At("tok*.json"));
}

// As the cache of Hugging Face, DVC and git annex have them.
TEST_F(LoadTest, LinksAreReadThrough) {
  Write("blobs/0f", "{}");
  Write("blobs/1e", "weights");
  ASSERT_TRUE(MakeFolder(At("hub/snapshots/rev")).ok());
  const auto link = [&](const std::string& target, const std::string& name) {
    ASSERT_EQ(::symlink(target.c_str(), At(name).c_str()), 0);
  };
  link("../../../blobs/0f", "hub/snapshots/rev/config.json");
  link("../../../blobs/1e", "hub/snapshots/rev/model.safetensors");
  link("hub/snapshots/rev", "current");
  link("blobs/0f", "linked.jsonl");
  const auto file = Load(Recipe("  c: {files: [linked.jsonl]}\n"), {});
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_THAT(*FilesOf(*file, file->dag.sources.front()),
              ElementsAre(Pair("linked.jsonl", At("linked.jsonl"))));
  recipe::Source source{
      recipe::SourceKind::kFrom, "p", task::ArtifactKind::kCheckpoint, {"current"}, 6,
      /*folders=*/true};
  EXPECT_THAT(*FilesOf(*file, source),
              ElementsAre(Pair("config.json", At("current/config.json")),
                          Pair("model.safetensors", At("current/model.safetensors"))));

  const auto error = [&](const char* folder) {
    source.files = {folder};
    return FilesOf(*file, source).status().message();
  };
  EXPECT_THAT(error("hub"), EndsWith("(it has no config.json); it is a cache of Hugging Face: name "
                                     "the folder below its snapshots"));
  ASSERT_TRUE(RemoveFile(At("blobs/1e")).ok());
  EXPECT_THAT(error("current"),
              HasSubstr("recipe.yaml:6: from.p: " + At("current/model.safetensors") +
                        " is a link to ../../../blobs/1e, which is not there; fetch what"));
  ASSERT_TRUE(RemoveFile(At("blobs/0f")).ok());
  EXPECT_THAT(error("current"), HasSubstr(At("current/config.json") +
                                          " is a link to ../../../blobs/0f, which is not there"));
  EXPECT_THAT(Load(Recipe("  c: {files: [\"linked*\"]}\n"), {}).status().message(),
              HasSubstr("recipe.yaml:4: source.c: " + At("linked.jsonl") +
                        " is a link to blobs/0f, which is not there"));
  ASSERT_TRUE(RemoveTree(At("hub")).ok());
  EXPECT_THAT(error("current"),
              HasSubstr(At("current") + " is a link to hub/snapshots/rev, which is not there"));
}

TEST_F(LoadTest, AFolderIsNoFile) {
  const auto file = Load(Recipe("  c: {files: [a]}\n"), {});
  ASSERT_FALSE(file.ok());
  EXPECT_THAT(file.status().message(),
              EndsWith("/a is a folder; name its files, with a pattern perhaps"));
}

TEST_F(LoadTest, OnlyWhatIsAskedForMustExist) {
  const std::string recipe = Recipe(
      "  c: {files: [a/*.jsonl]}\n",
      "paths: [{name: p, corpus: c, d: 8, heads: 2, blocks: 1, from: ./old}]\n");
  const auto whole = Load(recipe, {});
  ASSERT_FALSE(whole.ok());
  EXPECT_THAT(
      whole.status().message(),
      HasSubstr("is neither an artifact id nor a checkpoint folder (it has no config.json)"));
  EXPECT_TRUE(Load(recipe, {"m"}).ok());
}

TEST_F(LoadTest, APathTrainedBeforeMustBeWhatTheRecipeSays) {
  model::ModelSpec spec;
  spec.name = "old";
  spec.vocab = 301;
  spec.pad_id = 300;
  spec.sequence = 256;
  spec.dense = {"old", 8, 2, 1, 32};
  const auto write = [&] {
    Write("old/config.json", Json{{"format", 1}, {"model", model::ToJson(spec)}}.dump());
  };
  const std::string recipe = Recipe(
      "  c: {files: [a/*.jsonl]}\n",
      "paths: [{name: p, corpus: c, d: 8, heads: 2, blocks: 1, from: ./old}]\n");
  const auto error = [&] { return Load(recipe, {}).status().message(); };
  spec.dense.blocks = 3;
  write();
  Write("old/model.safetensors", std::string("\2\0\0\0\0\0\0\0{}", 10));  // no tensor
  EXPECT_THAT(error(), HasSubstr("recipe.yaml:6: ./old: p is not what the recipe says of it: "
                                 "blocks is 3, the recipe says 1"));
  spec.dense.blocks = 1;
  spec.arch.norm_eps = 1e-3;
  write();
  EXPECT_THAT(error(), HasSubstr("arch.norm_eps of p is 0.001, of the recipe"));
  spec.arch.norm_eps = model::Arch().norm_eps;
  write();
  EXPECT_THAT(error(), HasSubstr("p: tensor"));  // none of them is there
  // Moments are missed where they are to be carried, and not before.
  const std::string carried = Recipe(
      "  c: {files: [a/*.jsonl]}\n",
      "paths: [{name: p, corpus: c, d: 8, heads: 2, blocks: 1, from: ./old}, {name: q, corpus: c, "
      "d: 8, heads: 2, blocks: 1}]\n"
      "composites: [{name: both}]\njoint: {carry_optimizer: true}\n");
  EXPECT_THAT(Load(carried, {}).status().message(),
              HasSubstr("parent p has no optimizer.safetensors"));
}

TEST_F(LoadTest, ABaseMustBeACompositeWithWhatStays) {
  model::ModelSpec spec;
  spec.name = "old";
  spec.vocab = 301;
  spec.pad_id = 300;
  spec.sequence = 256;
  spec.dense = {"old", 8, 2, 1, 32};
  Write("old/config.json", Json{{"format", 1}, {"model", model::ToJson(spec)}}.dump());
  Write("old/model.safetensors", std::string("\2\0\0\0\0\0\0\0{}", 10));
  const std::string recipe = Recipe("  c: {files: [a/*.jsonl]}\n",
                                    "paths: [{name: p, corpus: c, d: 8, heads: 2, blocks: 1}]\n"
                                    "composites: [{name: both, base: ./old, paths: [{name: kept, "
                                    "corpus: c, d: 8, heads: 2, blocks: 1}, p]}]\n");
  EXPECT_THAT(Load(recipe, {}).status().message(),
              HasSubstr("recipe.yaml:7: ./old: the base old is no composite; give it as a parent"));
}

TEST_F(LoadTest, FoldersOfEvaluationsAreTakenWhole) {
  Write("blimp/one.jsonl", "{}");
  Write("glue/RTE/train.tsv", "x");
  Write("super/RTE/train.tsv", "y");  // both suites have one
  const std::string evaluate =
      "evaluate: [{blimp: {dir: blimp}}, {glue: {dir: glue}}, {superglue: {dir: super}}]\n";
  const auto file = Load(Recipe("  c: {files: [a/*.jsonl]}\n", evaluate), {});
  ASSERT_TRUE(file.ok()) << file.status().message();
  const auto files = [&](const std::string& name) {
    const auto& sources = file->dag.sources;
    return *FilesOf(*file, *std::find_if(sources.begin(), sources.end(), [&](const auto& source) {
      return source.name() == name;
    }));
  };
  EXPECT_THAT(files("glue"), ElementsAre(Pair("RTE/train.tsv", At("glue/RTE/train.tsv"))));
  EXPECT_THAT(files("superglue"), ElementsAre(Pair("RTE/train.tsv", At("super/RTE/train.tsv"))));
  const auto none = Load(
      Recipe("  c: {files: [a/*.jsonl]}\n", "evaluate: [{blimp: {dir: nowhere}}]\n"), {});
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.status().message(),
            At("recipe.yaml") + ":6: blimp: there is no folder " + At("nowhere"));
}

}  // namespace
}  // namespace braid::submit
