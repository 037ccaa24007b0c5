#include "merge/plan.h"

#include <gmock/gmock.h>

#include <map>
#include <set>

#include "merge/account.h"
#include "merge/composite.h"
#include "tests/merge/parents.h"
#include "tests/word.h"

namespace braid::merge {
namespace {

using ::testing::HasSubstr;

model::Connection Joined(const std::string& kind) {
  model::Connection connection;
  connection.kind = Word(kind);
  return connection;
}

MergePlan PlanOf(const std::vector<Parent>& parents, const model::Connection& connection,
                 const std::optional<Parent>& base = std::nullopt,
                 const std::vector<std::string>& drop = {}) {
  const auto composite = CompositeOf(parents, base, {"both", connection, drop});
  EXPECT_TRUE(composite.ok()) << composite.status().message();
  const auto plan = PlanMerge(parents, base, *composite, {});
  EXPECT_TRUE(plan.ok()) << plan.status().message();
  return *plan;
}

const Target& At(const MergePlan& plan, const std::string& tensor) {
  for (const Target& target : plan.targets) {
    if (target.tensor.name == tensor) return target;
  }
  ADD_FAILURE() << "no tensor " << tensor;
  return plan.targets.front();
}

// "one:embed.weight[0..7 <- 0..7]" for each source; rows too where they are not all.
std::string From(const MergePlan& plan, const std::string& tensor) {
  std::string text;
  const Target& target = At(plan, tensor);
  for (const Source& source : target.sources) {
    const Overlap& o = source.overlap;
    if (!text.empty()) text += " ";
    text += plan.sources[source.from] + ":" + source.tensor + "[";
    if (o.rows != ExtentOf(target.tensor.shape).rows || o.from_row != o.row) {
      text += std::to_string(o.row) + "+" + std::to_string(o.rows) + "<-" +
              std::to_string(o.from_row) + ",";
    }
    text += std::to_string(o.column) + "+" + std::to_string(o.columns) + "<-" +
            std::to_string(o.from_column) + "]";
  }
  return text;
}

// Every element of every target is covered at most once, and of every source used at most once.
void ExpectNoOverlap(const MergePlan& plan) {
  std::set<std::tuple<size_t, std::string, int64_t, int64_t>> taken;
  for (const Target& target : plan.targets) {
    std::set<std::pair<int64_t, int64_t>> filled;
    for (const Source& source : target.sources) {
      const Overlap& o = source.overlap;
      for (int64_t r = 0; r < o.rows; ++r) {
        for (int64_t c = 0; c < o.columns; ++c) {
          ASSERT_TRUE(filled.insert({o.row + r, o.column + c}).second) << target.tensor.name;
          ASSERT_TRUE(
              taken.insert({source.from, source.tensor, o.from_row + r, o.from_column + c}).second)
              << target.tensor.name;
        }
      }
    }
  }
}

// docs/papers/papaformer.md#s6: what is copied, what is concatenated, what is new, what is dropped.
TEST(PlanTest, EveryTensorHasItsPlace) {
  const MergePlan plan = PlanOf(TwoParents(), Joined("share"));
  EXPECT_EQ(At(plan, "embed.weight").rule, Rule::kAssemble);
  EXPECT_EQ(From(plan, "head.weight"), "one:head.weight[0+8<-0] two:head.weight[8+8<-0]");
  EXPECT_EQ(From(plan, "parallel.1.path.0.ffn.gate.weight"),
            "one:blocks.1.ffn.gate.weight[0+8<-0]");
  EXPECT_EQ(At(plan, "parallel.0.path.1.attn_norm.weight").rule, Rule::kCopy);
  EXPECT_EQ(At(plan, "parallel.0.path.1.attn_norm.weight").sources[0].from, 1u);
  for (const char* fresh :
       {"shrink.weight", "parallel.0.share.weight", "large.0.attn.q.weight", "norm.weight"}) {
    EXPECT_EQ(At(plan, fresh).rule, Rule::kInitialize) << fresh;
  }
  ASSERT_EQ(plan.dropped.size(), 2u);
  EXPECT_EQ(plan.dropped[1].from, 1u);
  EXPECT_EQ(plan.dropped[1].tensor, "norm.weight");
  EXPECT_EQ(plan.dropped[1].unused_elements, 8);
  EXPECT_THAT(ToText(plan), HasSubstr("dropped: two:norm.weight\n"));
  EXPECT_EQ(ToJson(plan)["tensors"].size(), plan.targets.size());
  ExpectNoOverlap(plan);
}

// `slice` keeps the parents' function, so it keeps their final norms.
TEST(PlanTest, SliceDropsNothing) {
  model::Connection slice = Joined("slice");
  slice.cross = true;
  const std::vector<Parent> parents = {ParentOf(SmallPath("one", 16, 3)),
                                       ParentOf(SmallDual("two"))};
  const MergePlan plan = PlanOf(parents, slice);
  EXPECT_TRUE(plan.dropped.empty());
  EXPECT_EQ(From(plan, "norm.weight"), "one:norm.weight[0+16<-0] two:norm.weight[16+12<-0]");
  EXPECT_EQ(At(plan, "norm.weight").rule, Rule::kAssemble);
  EXPECT_EQ(From(plan, "embed.weight"), "one:embed.weight[0+16<-0] two:embed.weight[16+12<-0]");
  EXPECT_EQ(At(plan, "gate.weight").rule, Rule::kInitialize);
  EXPECT_EQ(At(plan, "parallel.2.cross.weight").rule, Rule::kInitialize);
  ExpectNoOverlap(plan);
}

// Whatever its block is, all of a path's tensors move, and nothing but them is taken.
TEST(PlanTest, BlocksOfEveryTypeMoveWhole) {
  for (const char* arch : {"fixed", "paper"}) {
    for (const char* block : {"llama", "wide", "loop", "dual_path"}) {
      model::ModelSpec two = SmallDual("two");
      two.dense.block = Word(block);
      if (!two.dense.has_deep()) two.dense.dual.loops = 1, two.dense.dual.ffn_deep = 0;
      if (!two.dense.has_wide()) two.dense.dual.ffn_wide = 0;
      if (!two.dense.block->has_gates) two.dense.dual.cross = false;
      if (!two.dense.block->has_dual()) two.dense.dual = {}, two.dense.ffn = 48;
      model::ModelSpec one = SmallPath("one", 16, 3);
      one.arch = two.arch = std::string(arch) == "paper" ? model::PaperArch() : model::Arch();
      for (const char* kind : {"share", "routed", "slice"}) {
        const MergePlan plan = PlanOf({ParentOf(one), ParentOf(two)}, Joined(kind));
        std::set<std::string> moved;
        for (const Target& target : plan.targets) {
          if (target.tensor.name.find(".path.1.") != std::string::npos) {
            EXPECT_EQ(target.rule, Rule::kCopy) << target.tensor.name;
            moved.insert(target.sources[0].tensor);
          }
        }
        std::set<std::string> expected;
        for (const model::TensorSpec& tensor : model::Tensors(two)) {
          if (tensor.name.starts_with("blocks.")) expected.insert(tensor.name);
        }
        EXPECT_EQ(moved, expected) << block << " " << kind;
        ExpectNoOverlap(plan);
      }
    }
  }
}

TEST(PlanTest, MissingOddAndSurplusTensorsAreNamed) {
  const auto error = [](auto change) {
    auto parents = TwoParents();
    const auto composite = CompositeOf(parents, std::nullopt, {"both", {}, {}}).value();
    change(parents[1].tensors);
    const Status status = PlanMerge(parents, std::nullopt, composite, {}).status();
    EXPECT_EQ(status.reason(), "INCOMPATIBLE_PARENTS");
    return status.message();
  };
  EXPECT_THAT(error([](auto& t) {
                std::erase_if(t, [](auto& x) { return x.name == "blocks.1.attn.k.weight"; });
              }),
              HasSubstr("parent two: tensor blocks.1.attn.k.weight is missing"));
  EXPECT_THAT(
      error([](auto& t) { t[0].shape = {40, 9}; }),
      HasSubstr("parent two: tensor embed.weight has shape [40,9], its config.json says [40,8]"));
  EXPECT_THAT(error([](auto& t) { t[0].dtype = "BF16"; }),
              HasSubstr("parent two: tensor embed.weight is BF16, expected F32"));
  EXPECT_THAT(error([](auto& t) { t.push_back({"extra", "F32", {1}}); }),
              HasSubstr("parent two: tensor extra has no place"));
}

// A base of one (8), two (16), three (8): unequal widths, so that every range shows.
class BaseTest : public ::testing::Test {
 protected:
  static Parent Base(const model::Connection& connection) {
    const std::vector<Parent> parents = {ParentOf(SmallPath("one")), ParentOf(SmallPath("two", 16)),
                                         ParentOf(SmallPath("three"))};
    Parent base = ParentOf(CompositeOf(parents, std::nullopt, {"base", connection, {}}).value());
    return base;
  }
};

TEST_F(BaseTest, WithAllPathsKeptEverythingIsTheBase) {
  for (const char* kind : {"share", "routed", "slice"}) {
    const MergePlan plan = PlanOf({}, Joined(kind), Base(Joined(kind)));
    for (const Target& target : plan.targets)
      EXPECT_EQ(target.rule, Rule::kCopy) << kind << " " << target.tensor.name;
    EXPECT_TRUE(plan.dropped.empty());
  }
}

TEST_F(BaseTest, APathSwappedInPlaceTakesItsNeighboursConnections) {
  // Under another name, but in the very columns of `two`.
  const MergePlan plan = PlanOf({ParentOf(SmallPath("four", 16))}, Joined("share"),
                                Base(Joined("share")), {"two"});
  EXPECT_EQ(plan.model.paths[2].name, "four") << "added behind the others";
  // The same through the spec, where it stands in the place of two.
  model::ModelSpec in_place = Base(Joined("share")).spec;
  in_place.paths[1].name = "four";
  const MergePlan swapped =
      PlanMerge({ParentOf(SmallPath("four", 16))}, Base(Joined("share")), in_place, {}).value();
  EXPECT_EQ(From(swapped, "embed.weight"),
            "base:embed.weight[0+8<-0] four:embed.weight[8+16<-0] base:embed.weight[24+8<-24]");
  EXPECT_EQ(From(swapped, "parallel.1.path.1.ffn.up.weight"),
            "four:blocks.1.ffn.up.weight[0+16<-0]");
  EXPECT_EQ(From(swapped, "parallel.1.path.2.ffn.up.weight"),
            "base:parallel.1.path.2.ffn.up.weight[0+8<-0]");
  for (const char* kept : {"large.0.attn.q.weight", "shrink.1.weight", "parallel.0.share.weight",
                           "parallel.1.share.weight", "norm.weight"}) {
    EXPECT_EQ(At(swapped, kept).rule, Rule::kCopy) << kept;
  }
  // What is left of the base: the columns and blocks of `two`, and nothing else.
  std::map<std::string, int64_t> dropped;
  for (const Dropped& tensor : swapped.dropped)
    dropped[swapped.sources[tensor.from] + ":" + tensor.tensor] = tensor.unused_elements;
  EXPECT_EQ(dropped.at("base:embed.weight"), 40 * 16);
  EXPECT_EQ(dropped.at("base:parallel.0.path.1.attn.q.weight"), 256);
  EXPECT_EQ(dropped.at("four:norm.weight"), 16);
  EXPECT_FALSE(dropped.contains("base:norm.weight"));
  ExpectNoOverlap(swapped);
}

TEST_F(BaseTest, ADroppedPathTakesItsColumnsAlongAndTheOthersMoveUp) {
  model::Connection connection = Joined("share");
  connection.norm = true;
  const MergePlan plan = PlanOf({}, connection, Base(connection), {"one"});  // two (16), three (8)
  EXPECT_EQ(From(plan, "embed.weight"), "base:embed.weight[0+24<-8]");
  EXPECT_EQ(From(plan, "parallel.0.path.0.attn.v.weight"),
            "base:parallel.0.path.1.attn.v.weight[0+16<-0]");
  EXPECT_EQ(From(plan, "shrink.0.weight"), "base:shrink.1.weight[0+24<-8]");
  EXPECT_EQ(From(plan, "parallel.0.share.weight"), "base:parallel.0.share.weight[0+24<-8]");
  // The last layer gives the D-wide stream, so its rows belong to paths, too.
  EXPECT_EQ(From(plan, "parallel.1.share.weight"), "base:parallel.1.share.weight[0+24<-8,0+24<-8]");
  EXPECT_EQ(From(plan, "parallel.1.norm.weight"), "base:parallel.1.norm.weight[0+24<-8]");
  EXPECT_EQ(From(plan, "norm.weight"), "base:norm.weight[0+24<-8]");
  EXPECT_EQ(From(plan, "parallel.1.path_in.1.weight"), "base:parallel.1.path_in.2.weight[0+16<-0]");
  // Blocks of another width are others.
  EXPECT_EQ(At(plan, "large.0.attn.q.weight").rule, Rule::kInitialize);
  EXPECT_EQ(At(plan, "large.1.ffn_norm.weight").rule, Rule::kInitialize);
  ExpectNoOverlap(plan);
}

// One that is left goes on as it was; one that the base does not have begins anew.
TEST_F(BaseTest, LargeBlocksMayGoAndCome) {
  const Parent two = Base(Joined("share"));
  model::ModelSpec one = two.spec;
  one.large.blocks = 1;
  const MergePlan fewer = PlanMerge({}, two, one, {}).value();
  EXPECT_EQ(At(fewer, "large.1.attn.q.weight").rule, Rule::kCopy);
  const MergePlan more = PlanMerge({}, ParentOf(one), two.spec, {}).value();
  EXPECT_EQ(At(more, "large.1.attn.q.weight").rule, Rule::kCopy);
  EXPECT_EQ(At(more, "large.0.attn.q.weight").rule, Rule::kInitialize);
}

TEST_F(BaseTest, AnAddedPathBringsNewColumns) {
  model::Connection connection = Joined("routed");
  connection.router.input = Word("concat");
  const MergePlan plan = PlanOf({ParentOf(SmallPath("four", 8, 3))}, connection, Base(connection));
  EXPECT_EQ(From(plan, "embed.weight"), "base:embed.weight[0+32<-0] four:embed.weight[32+8<-0]");
  EXPECT_EQ(From(plan, "parallel.0.combine.weight"), "base:parallel.0.combine.weight[0+32<-0]");
  EXPECT_EQ(At(plan, "parallel.0.combine.weight").rule, Rule::kPartial);
  EXPECT_EQ(At(plan, "parallel.0.combine.bias").rule, Rule::kCopy);
  // Choices: three paths as they were, a new one, and the combination, which is the last of both.
  EXPECT_EQ(From(plan, "parallel.0.router.weight"),
            "base:parallel.0.router.weight[0+3<-0,0+32<-0] "
            "base:parallel.0.router.weight[4+1<-3,0+32<-0]");
  EXPECT_EQ(From(plan, "parallel.0.router.bias"),
            "base:parallel.0.router.bias[0+3<-0] base:parallel.0.router.bias[4+1<-3]");
  EXPECT_EQ(At(plan, "parallel.0.path_out.0.weight").rule, Rule::kCopy);
  EXPECT_EQ(At(plan, "parallel.1.path_in.3.weight").rule, Rule::kInitialize);
  EXPECT_EQ(At(plan, "parallel.2.combine.weight").rule, Rule::kInitialize)
      << "a layer that the base does not have";
  EXPECT_EQ(From(plan, "grow.weight"), "base:grow.weight[0+32<-0,0+16<-0]");
  EXPECT_EQ(From(plan, "norm.weight"), "base:norm.weight[0+32<-0]");
  EXPECT_THAT(ToText(plan),
              HasSubstr("base:parallel.0.combine.weight[columns 0..31] | the rest new"));
  ExpectNoOverlap(plan);
}

TEST_F(BaseTest, SliceKeepsRowsAndColumnsOfCrossAndGate) {
  model::Connection connection = Joined("slice");
  connection.cross = true;
  const MergePlan plan = PlanOf({ParentOf(SmallPath("four", 12))}, connection, Base(connection),
                                {"two"});  // one, three, four
  EXPECT_EQ(
      From(plan, "parallel.0.cross.weight"),
      "base:parallel.0.cross.weight[0+8<-0,0+8<-0] base:parallel.0.cross.weight[0+8<-0,8+8<-24] "
      "base:parallel.0.cross.weight[8+8<-24,0+8<-0] base:parallel.0.cross.weight[8+8<-24,8+8<-24]");
  EXPECT_EQ(From(plan, "gate.bias"), "base:gate.bias[0+1<-0] base:gate.bias[1+1<-2]");
  // Of maps of a rank, what a path gives and takes stays with the path.
  connection.cross_rank = 3;
  const MergePlan ranked = PlanOf({ParentOf(SmallPath("four", 12))}, connection, Base(connection),
                                  {"two"});
  EXPECT_EQ(From(ranked, "parallel.0.cross.read.weight"),
            "base:parallel.0.cross.read.weight[0+8<-0] "
            "base:parallel.0.cross.read.weight[8+8<-24]");
  EXPECT_EQ(From(ranked, "parallel.0.cross.write.weight"),
            "base:parallel.0.cross.write.weight[0+8<-0,0+3<-0] "
            "base:parallel.0.cross.write.weight[8+8<-24,0+3<-0]");
  // A path that joins says nothing through them as long as they are not trained.
  EXPECT_EQ(At(ranked, "parallel.0.cross.read.weight").tensor.init, model::Init::kConstant);
  EXPECT_EQ(At(ranked, "parallel.0.cross.read.weight").tensor.scale, 0);
  model::Connection other = connection;
  other.cross_rank = 4;
  for (const model::Connection& was : {other, [&] {
                                         model::Connection full = connection;
                                         full.cross_rank = 0;
                                         return full;
                                       }()}) {
    const MergePlan changed = PlanOf({ParentOf(SmallPath("four", 12))}, connection, Base(was),
                                     {"two"});
    EXPECT_EQ(At(changed, "parallel.0.cross.write.weight").rule, Rule::kInitialize);
    EXPECT_EQ(At(changed, "parallel.0.cross.read.weight").tensor.init, model::Init::kNormal);
  }
  EXPECT_EQ(From(plan, "norm.weight"),
            "base:norm.weight[0+8<-0] base:norm.weight[8+8<-24] four:norm.weight[16+12<-0]");
  EXPECT_EQ(At(plan, "norm.weight").rule, Rule::kAssemble);
  ExpectNoOverlap(plan);
}

// Equal shapes are not enough where an axis counts something else.
TEST_F(BaseTest, ARouterThatReadsSomethingElseIsNew) {
  model::Connection combined = Joined("routed"), x = combined;
  x.router.input = Word("x");
  const MergePlan plan = PlanOf({}, x, Base(combined));
  ASSERT_EQ(At(plan, "parallel.1.router.weight").tensor.shape, (std::vector<int64_t>{4, 16}));
  EXPECT_EQ(At(plan, "parallel.1.router.weight").rule, Rule::kInitialize);
  EXPECT_EQ(At(plan, "parallel.1.combine.weight").rule, Rule::kCopy);
}

TEST_F(BaseTest, LargeBlocksOfOtherHeadsOrOtherPlacesAreNew) {
  const Parent base = Base(Joined("share"));
  model::ModelSpec other = base.spec;
  other.large.heads = 2;
  EXPECT_EQ(At(PlanMerge({}, base, other, {}).value(), "large.0.attn.q.weight").rule,
            Rule::kInitialize);
  other = base.spec;
  std::swap(other.paths[0], other.paths[2]);
  const MergePlan moved = PlanMerge({}, base, other, {}).value();
  EXPECT_EQ(At(moved, "large.0.attn.q.weight").rule, Rule::kInitialize);
  EXPECT_EQ(From(moved, "parallel.0.share.weight"),
            "base:parallel.0.share.weight[0+8<-24] base:parallel.0.share.weight[8+16<-8] "
            "base:parallel.0.share.weight[24+8<-0]");
}

// Old moments under a lower age would make steps too large; young ones under a higher age only make
// smaller first steps.
TEST(PlanAgesTest, AreTheLargestOfTheirPartsAndZeroOfWhatIsNew) {
  auto parents = TwoParents();
  for (size_t p = 0; p < 2; ++p) {
    parents[p].moments = Parent::Moments{};
    parents[p].moments->step = p == 0 ? 50 : 30;
    for (const model::TensorSpec& tensor : model::Tensors(parents[p].spec)) {
      for (const char* prefix : {"m.", "v."})
        parents[p].moments->tensors.push_back({prefix + tensor.name, "F32", tensor.shape});
    }
  }
  parents[0].moments->steps["blocks.0.attn.q.weight"] = 80;
  const auto composite = CompositeOf(parents, std::nullopt, {"both", {}, {}}).value();
  const auto plan = PlanMerge(parents, std::nullopt, composite, {.carry_optimizer = true});
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  EXPECT_EQ(At(*plan, "embed.weight").age, 50);
  EXPECT_EQ(At(*plan, "parallel.0.path.0.attn.q.weight").age, 80);
  EXPECT_EQ(At(*plan, "parallel.0.path.0.attn.k.weight").age, 50);
  EXPECT_EQ(At(*plan, "parallel.0.path.1.attn.k.weight").age, 30);
  EXPECT_EQ(At(*plan, "shrink.weight").age, 0);

  const auto error = [&](auto change) {
    auto changed = parents;
    change(changed[1].moments->tensors);
    return PlanMerge(changed, std::nullopt, composite, {.carry_optimizer = true})
        .status()
        .message();
  };
  EXPECT_THAT(error([](auto& t) {
                std::erase_if(t, [](auto& x) { return x.name == "v.blocks.1.attn.k.weight"; });
              }),
              HasSubstr("parent two: tensor v.blocks.1.attn.k.weight is missing"));
  EXPECT_THAT(error([](auto& t) { t[0].shape = {40, 9}; }),
              HasSubstr("parent two: tensor m.embed.weight has shape [40,9]"));
  EXPECT_THAT(
      error([](auto& t) { t.push_back({"m.extra", "F32", {1}}); }),
      HasSubstr(
          "parent two: tensor m.extra of optimizer.safetensors belongs to none of its weights"));
}

}  // namespace
}  // namespace braid::merge
