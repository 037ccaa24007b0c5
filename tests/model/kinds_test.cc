// Blocks and routers as registered objects: what every one of them must say of itself.
#include <gmock/gmock.h>

#include <set>

#include "model/block.h"
#include "model/dual_width.h"
#include "model/fields.h"
#include "model/flops.h"
#include "model/router.h"
#include "model/tensors.h"
#include "tests/model/every_block.h"

namespace braid::model {
namespace {

using testing::HasSubstr;

TEST(BlockKindTest, EachHasANameOfItsOwnAndIsFoundByIt) {
  std::set<std::string> names;
  for (const BlockKind* block : EveryBlock()) {
    EXPECT_TRUE(names.insert(block->name).second) << block->name;
    EXPECT_EQ(schema::Find<BlockKind>(block->name), block);
    EXPECT_THAT(BlockMeanings(), HasSubstr(block->meaning));
  }
  EXPECT_TRUE(names.contains(Stack().block->name)) << "the default is registered";
  EXPECT_EQ(schema::Find<BlockKind>("rainbow"), nullptr);
}

TEST(BlockKindTest, ItsSettingsAreFieldsOfDualAndSuitItsTraits) {
  for (const BlockKind* block : EveryBlock()) {
    for (const char* setting : block->settings)
      EXPECT_NE(DualFields().Find(setting), nullptr) << block->name << "." << setting;
    EXPECT_EQ(block->HasSetting("loops"), block->has_deep) << block->name;
    EXPECT_EQ(block->HasSetting("ffn_deep"), block->has_deep) << block->name;
    EXPECT_EQ(block->HasSetting("ffn_wide"), block->has_wide) << block->name;
    EXPECT_EQ(block->HasSetting("gate"), block->has_gates) << block->name;
  }
  for (const schema::Field& field : DualFields().fields)
    EXPECT_NE(BlocksWithSetting(field.name), "") << field.name << " is of no block";
}

TEST(BlockKindTest, AModelOfItIsValidReadsBackAndHasTensorsAndOperations) {
  for (const BlockKind* block : EveryBlock()) {
    const ModelSpec spec = ModelOf(*block);
    ASSERT_TRUE(Validate(spec).ok()) << Validate(spec).message();
    EXPECT_EQ(FromJson(ToJson(spec)).value(), spec) << block->name;
    EXPECT_EQ(ToJson(spec)["dense"].contains("dual"), block->has_dual()) << block->name;
    EXPECT_GT(BlockFlops(spec.dense, spec.arch, spec.sequence).projections, 0) << block->name;
    std::set<std::string> names;
    int64_t of_first = 0;
    for (const TensorSpec& tensor : Tensors(spec)) {
      EXPECT_TRUE(names.insert(tensor.name).second) << tensor.name;
      if (tensor.name.starts_with("blocks.0.")) ++of_first;
    }
    EXPECT_GT(of_first, 0) << block->name;
  }
}

TEST(BlockKindTest, ItsCheckNamesTheFieldThatCannotBe) {
  for (const BlockKind* block : EveryBlock()) {
    Stack stack = ModelOf(*block).dense;
    stack.ffn = stack.dual.ffn_deep = stack.dual.ffn_wide = 0;
    EXPECT_THAT(ValidateStack(stack, "paths.1").message(), testing::StartsWith("paths.1."))
        << block->name;
  }
  Stack llama = ModelOf(kLlamaBlock).dense;
  llama.dual.qk_norm = true;
  EXPECT_EQ(ValidateStack(llama, "large").message(), "large.dual: a llama block has no such knobs");
}

TEST(BlockKindTest, ABudgetDecidesTheWidthsOfBlocksThatSaySo) {
  for (const BlockKind* block : EveryBlock()) {
    const Result<Widths> widths = SolveWidths({.block = block, .d = 64, .budget = 1e6});
    ASSERT_EQ(widths.ok(), block->solve_widths != nullptr) << block->name;
    if (!widths.ok()) {
      EXPECT_THAT(widths.status().message(), HasSubstr(block->name));
      continue;
    }
    EXPECT_EQ(widths->deep > 0, block->has_deep) << block->name;
    EXPECT_EQ(widths->wide > 0, block->has_wide) << block->name;
  }
}

TEST(RouterKindTest, EachHasANameOfItsOwnAndReadsBack) {
  std::set<std::string> names;
  for (const RouterKind* router : Registered(static_cast<const RouterKind*>(nullptr))) {
    EXPECT_TRUE(names.insert(router->name).second) << router->name;
    EXPECT_EQ(schema::Find<RouterKind>(router->name), router);
    EXPECT_THAT(RouterMeanings(), HasSubstr(router->meaning));
    const Json json = {{"kind", "routed"}, {"router", {{"kind", router->name}}}};
    const Connection connection = ConnectionFromJson(json, "connection").value();
    EXPECT_EQ(connection.router.kind, router);
    EXPECT_EQ(connection.router.hard, router->hard_by_default) << router->name;
    EXPECT_EQ(connection.chooses(), router->chooses) << router->name;
  }
  EXPECT_TRUE(names.contains(Router().kind->name)) << "the default is registered";
  EXPECT_EQ(Router().hard, Router().kind->hard_by_default);
}

TEST(RouterKindTest, AWordThatIsNoRouterIsRefusedWithTheWordsThatAre) {
  const Json json = {{"kind", "routed"}, {"router", {{"kind", "gumble"}}}};
  EXPECT_THAT(ConnectionFromJson(json, "connection").status().message(),
              testing::AllOf(testing::StartsWith("connection.router.kind: expected gumbel or "),
                             testing::EndsWith("found \"gumble\"; did you mean gumbel?")));
  EXPECT_EQ(ConnectionFromJson({{"kind", "share"}, {"cross", true}}, "c").status().message(),
            "c.cross: is of kind slice; here it is share");
  EXPECT_EQ(ConnectionFromJson({{"kind", "slice"}, {"cross_rank", 2}}, "c").status().message(),
            "c.cross_rank: is of cross; give cross: true too");
}

}  // namespace
}  // namespace braid::model
