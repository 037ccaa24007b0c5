#include "model/spec.h"

#include <gmock/gmock.h>

#include "model/tensors.h"
#include "tests/base/mutations.h"
#include "tests/word.h"

namespace braid::model {
namespace {

using ::testing::HasSubstr;

ModelSpec Composite() {
  ModelSpec spec;
  spec.kind = Kind::kComposite;
  spec.name = "share_linear";
  spec.vocab = 101;
  spec.pad_id = 100;
  spec.sequence = 64;
  spec.paths = {{"path_1", 32, 2, 3, 128}, {"path_2", 32, 2, 3, 128}};
  spec.large = {"large", 64, 4, 2, 256};
  return spec;
}

TEST(SpecTest, JsonIsAnExactInverse) {
  const ModelSpec spec = Composite();
  const auto back = FromJson(ToJson(spec));
  ASSERT_TRUE(back.ok()) << back.status().message();
  EXPECT_EQ(*back, spec);
  const ModelSpec alone = PathAlone(spec, 1);
  EXPECT_EQ(alone.name, "path_2");
  EXPECT_EQ(FromJson(ToJson(alone)).value(), alone);
}

TEST(SpecTest, NoValueOfAnyTypeThrows) {
  ModelSpec spec = Composite();
  spec.connection = {Word("routed"), {Word("softmax"), Word("concat"), 0.5, false}, true, true};
  spec.paths[1] = {"path_2", 32, 2, 5, 0, Word("dual_path")};
  spec.paths[1].dual = {
      4,    16,   128, Word("convex"), Word("uniform"), Word("preserved"), false, 0.5413,
      true, true, true};
  const ModelSpec slice = [&] {
    ModelSpec other = Composite();
    other.connection = {.kind = Word("slice"),
                        .cross = true,
                        .gate = false,
                        .scale = Word("sum"),
                        .weights = {0.7, 0.3}};
    return other;
  }();
  for (const ModelSpec& one : {spec, slice, PathAlone(spec, 1)}) {
    ForEachMutation(ToJson(one), [](const Json& mutated, const std::string& what) {
      EXPECT_NO_THROW({
        const auto read = FromJson(mutated, "model");
        if (read.ok()) (void)Tensors(*read);
      }) << what;
    });
  }
}

TEST(SpecTest, EveryBlockAndConnectionReadsBack) {
  ModelSpec spec = Composite();
  spec.connection = {Word("routed"), {Word("softmax"), Word("concat"), 0.5, false}, true, true};
  spec.paths[1] = {"path_2", 32, 2, 5, 0, Word("dual_path")};
  spec.paths[1].dual = {
      4,    16,   128, Word("convex"), Word("uniform"), Word("preserved"), false, 0.5413,
      true, true, true};
  EXPECT_EQ(FromJson(ToJson(spec)).value(), spec);
  spec.connection = {.kind = Word("slice"),
                     .cross = true,
                     .gate = false,
                     .scale = Word("sum"),
                     .weights = {0.7, 0.3}};
  spec.large.identity = true;
  EXPECT_EQ(FromJson(ToJson(spec)).value(), spec);
  // Configurations without it are those that were written before there was one.
  EXPECT_FALSE(ToJson(spec)["connection"].contains("cross_rank"));
  spec.connection.cross_rank = 3;
  EXPECT_EQ(FromJson(ToJson(spec)).value(), spec);
  EXPECT_EQ(FromJson(ToJson(PathAlone(spec, 1))).value().dense, spec.paths[1]);
}

// As many heads of keys as of queries is what a model without `kv_heads` has.
TEST(SpecTest, SharedKeysReadBackAndAreWrittenWhereThereAreSome) {
  ModelSpec spec = Composite();
  EXPECT_FALSE(ToJson(spec)["large"].contains("kv_heads"));
  Json json = ToJson(spec);
  json["large"]["kv_heads"] = 4;
  EXPECT_EQ(FromJson(json).value(), spec);
  spec.large.kv_heads = 2;
  spec.paths[0].kv_heads = 1;
  spec.arch.rope_scaling = RopeScaling{.factor = 32, .original_max_position_embeddings = 4096};
  EXPECT_EQ(FromJson(ToJson(spec)).value(), spec);
}

TEST(SpecTest, PathsOfAnotherRotationDiffer) {
  Arch one, other;
  other.rope_scaling.emplace();
  const auto differences = ArchDifferences(one, other);
  ASSERT_EQ(differences.size(), 1u);
  EXPECT_EQ(differences[0].field, "rope_scaling");
  EXPECT_EQ(differences[0].b["factor"], 8);
}

struct Bad {
  std::function<void(Json&)> change;
  std::string message;
};

TEST(SpecTest, RefusesImpossibleModelsByField) {
  const std::vector<Bad> table = {
      {[](Json& j) { j["paths"][1]["d"] = 64; },
       "model.large.d: is 64, but the widths of the paths add up to 96"},
      {[](Json& j) { j["large"]["heads"] = 7; },
       "model.large.heads: 7 heads do not divide width 64"},
      {[](Json& j) { j["large"]["heads"] = 64; }, "head size 1 is odd"},
      {[](Json& j) { j["large"]["kv_heads"] = 3; },
       "model.large.kv_heads: 3 heads of keys and values do not divide 4 heads"},
      {[](Json& j) { j["paths"][0]["kv_heads"] = -1; }, "model.paths.0.kv_heads: -1 heads"},
      {[](Json& j) { j["arch"]["rope_scaling"] = {{"kind", "yarn"}}; },
       "model.arch.rope_scaling.kind: expected llama3, found \"yarn\""},
      {[](Json& j) { j["arch"]["rope_scaling"] = {{"low_freq_factor", 4}}; },
       "model.arch.rope_scaling.low_freq_factor: must be below high_freq_factor"},
      {[](Json& j) { j["large"]["d"] = 128; },
       "model.large.d: is 128, but the widths of the paths add up to 64"},
      {[](Json& j) { j["pad_id"] = 101; }, "model.pad_id: must be below vocab"},
      {[](Json& j) { j["connection"] = {{"kind", "rooted"}}; },
       "model.connection.kind: expected share or routed or slice, found \"rooted\""},
      {[](Json& j) { j["connection"]["router"] = Json::object(); }, "model.connection.router"},
      {[](Json& j) { j["connection"] = {{"kind", "routed"}, {"router", {{"tau", 0}}}}; },
       "model.connection.router.tau: must be above 0"},
      {[](Json& j) { j["connection"] = {{"kind", "slice"}, {"weights", {1.0}}}; },
       "model.connection.weights: has 1 numbers for 2 paths"},
      {[](Json& j) { j["paths"][0]["block"] = "wide"; }, "model.paths.0"},
      {[](Json& j) {
         j["paths"][0] = {{"name", "p"}, {"d", 32},         {"heads", 2},
                          {"blocks", 3}, {"block", "wide"}, {"dual", Json::object()}};
       },
       "model.paths.0.dual.ffn_wide: a wide block needs it"},
      {[](Json& j) { j["arch"]["ffn_gate"] = "relu"; }, "model.arch.ffn_gate"},
      {[](Json& j) { j["widht"] = 1; }, "model.widht"},
      {[](Json& j) { j.erase("vocab"); }, "model.vocab"},
      {[](Json& j) { j["paths"].erase(1); }, "model.paths: a composite needs at least two"},
  };
  for (const Bad& bad : table) {
    Json json = ToJson(Composite());
    bad.change(json);
    const auto result = FromJson(json);
    ASSERT_FALSE(result.ok()) << bad.message;
    EXPECT_THAT(result.status().message(), HasSubstr(bad.message));
  }
}

TEST(SpecTest, PresetsDifferInAllFiveFields) {
  const Arch paper = PaperArch();
  EXPECT_FALSE(paper.attn_out_proj);
  EXPECT_EQ(paper.ffn_gate, Word("beta_swish"));
  EXPECT_EQ(paper.rope_layout, Word("interleaved"));
  EXPECT_EQ(paper.router_noise, Word("always"));
  EXPECT_EQ(paper.rope_max_pos, 512);
}

}  // namespace
}  // namespace braid::model
