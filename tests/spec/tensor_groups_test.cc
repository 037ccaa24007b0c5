#include "spec/tensor_groups.h"

#include <gmock/gmock.h>

#include <map>

#include "model/tensors.h"
#include "tests/word.h"

namespace braid::spec {
namespace {

model::ModelSpec CompositeOf(const std::string& connect) {
  model::ModelSpec spec;
  spec.name = "c";
  spec.vocab = 11;
  spec.pad_id = 10;
  spec.sequence = 8;
  spec.kind = model::Kind::kComposite;
  spec.connection.kind = Word(connect);
  spec.connection.cross = connect == "slice";
  spec.connection.norm = connect != "slice";
  // Of unequal widths, so that routed has maps between them; one with a router and gates within.
  spec.paths = {{"a", 8, 2, 2, 16}, {"b", 4, 1, 2, 0, Word("dual_path")}};
  spec.paths[1].dual.ffn_deep = spec.paths[1].dual.ffn_wide = 8;
  spec.paths[1].dual.loops = 2;
  spec.paths[1].dual.cross = true;
  spec.large = {"large", 12, 3, 2, 24};
  return spec;
}

// The tensors of each part, in the words of recipes.
std::map<std::string, std::vector<std::string>> PartsOf(const model::ModelSpec& spec) {
  std::map<std::string, std::vector<std::string>> parts;
  for (const model::TensorSpec& tensor : model::Tensors(spec))
    parts[schema::NameOf(PartOf(tensor.name, spec))].push_back(tensor.name);
  return parts;
}

TEST(TensorGroupsTest, EveryTensorOfASliceHasItsPart) {
  const model::ModelSpec spec = CompositeOf("slice");
  auto parts = PartsOf(spec);
  EXPECT_EQ(parts["gates"], (std::vector<std::string>{"gate.weight", "gate.bias"}));
  EXPECT_EQ(parts["cross"],
            (std::vector<std::string>{"parallel.0.cross.weight", "parallel.1.cross.weight"}));
  model::ModelSpec ranked = spec;
  ranked.connection.cross_rank = 2;
  EXPECT_EQ(
      PartsOf(ranked)["cross"],
      (std::vector<std::string>{"parallel.0.cross.read.weight", "parallel.0.cross.write.weight",
                                "parallel.1.cross.read.weight", "parallel.1.cross.write.weight"}));
  EXPECT_EQ(parts["embedding"], std::vector<std::string>{"embed.weight"});
  EXPECT_EQ(parts["head"], std::vector<std::string>{"head.weight"});
  EXPECT_EQ(parts["norm"], std::vector<std::string>{"norm.weight"});
  EXPECT_FALSE(parts.contains("connections"));
  EXPECT_FALSE(parts.contains("routers"));
  for (const std::string& name : parts["paths"])
    EXPECT_THAT(name, testing::HasSubstr(".path.")) << name;
  for (const std::string& name : parts["large"]) EXPECT_TRUE(name.starts_with("large.")) << name;
  EXPECT_TRUE(IsOf({TensorPart::kCopied}, "norm.weight", spec)) << "it is the parents'";
}

TEST(TensorGroupsTest, EveryTensorOfARoutedCompositeHasItsPart) {
  const model::ModelSpec spec = CompositeOf("routed");
  auto parts = PartsOf(spec);
  EXPECT_EQ(parts["routers"],
            (std::vector<std::string>{"parallel.0.router.weight", "parallel.0.router.bias",
                                      "parallel.1.router.weight", "parallel.1.router.bias"}));
  EXPECT_EQ(parts["connections"],
            (std::vector<std::string>{"shrink.0.weight", "shrink.1.weight",
                                      "parallel.0.path_out.1.weight", "parallel.0.combine.weight",
                                      "parallel.0.combine.bias", "parallel.0.norm.weight",
                                      "parallel.1.path_in.1.weight", "parallel.1.path_out.1.weight",
                                      "parallel.1.combine.weight", "parallel.1.combine.bias",
                                      "parallel.1.norm.weight", "grow.weight"}));
  EXPECT_FALSE(parts.contains("gates"));
  EXPECT_FALSE(parts.contains("cross"));
  EXPECT_TRUE(IsOf({TensorPart::kNew}, "norm.weight", spec));
}

TEST(TensorGroupsTest, CopiedAndNewAreAllAndNeverBoth) {
  for (const char* connect : {"share", "routed", "slice"}) {
    const model::ModelSpec spec = CompositeOf(connect);
    for (const model::TensorSpec& tensor : model::Tensors(spec)) {
      EXPECT_NE(IsOf({TensorPart::kCopied}, tensor.name, spec),
                IsOf({TensorPart::kNew}, tensor.name, spec))
          << connect << " " << tensor.name;
    }
  }
  EXPECT_FALSE(HasTensors({TensorPart::kGates, TensorPart::kRouters}, CompositeOf("share")));
  EXPECT_TRUE(HasTensors({TensorPart::kGates, TensorPart::kLarge}, CompositeOf("share")));
}

TEST(TensorGroupsTest, OfSeveralEntriesTheLastThatSaysItHolds) {
  const model::ModelSpec spec = CompositeOf("slice");
  const std::vector<TensorGroup> groups = {
      {.of = {TensorPart::kNew}, .lr_factor = 0.5, .moments = GroupMoments::kReset},
      {.of = {TensorPart::kGates, TensorPart::kPaths}, .warmup_steps = 7},
      {.of = {TensorPart::kGates}, .lr_factor = 3}};
  EXPECT_EQ(TreatmentOf("gate.bias", spec, groups),
            (TensorTreatment{3, 7, std::nullopt, GroupMoments::kReset}));
  EXPECT_EQ(TreatmentOf("large.0.attn.q.weight", spec, groups),
            (TensorTreatment{0.5, 0, std::nullopt, GroupMoments::kReset}));
  EXPECT_EQ(TreatmentOf("parallel.0.path.0.attn.q.weight", spec, groups),
            (TensorTreatment{1, 7, std::nullopt, std::nullopt}));
  EXPECT_EQ(TreatmentOf("embed.weight", spec, groups), TensorTreatment());
}

}  // namespace
}  // namespace braid::spec
