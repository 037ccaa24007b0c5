#include "trainer/network/layout.h"

#include <gtest/gtest.h>

namespace braid::trainer {
namespace {

model::ModelSpec CompositeOfPaths(int64_t paths) {
  model::ModelSpec spec;
  spec.kind = model::Kind::kComposite;
  spec.name = "c";
  spec.vocab = 37;  // odd, so that gaps are needed
  spec.pad_id = 36;
  spec.sequence = 8;
  for (int64_t p = 0; p < paths; ++p) spec.paths.push_back({"p" + std::to_string(p), 10, 1, 2, 15});
  spec.large = {"large", 10 * paths, paths, 2, 40 * paths};
  return spec;
}

TEST(LayoutTest, TensorsNeitherOverlapNorLeaveTheBuffer) {
  const Layout layout = MakeLayout(CompositeOfPaths(3));
  EXPECT_EQ(layout.slots.size(), model::Tensors(CompositeOfPaths(3)).size());
  int64_t end = 0;
  for (const Layout::Slot& slot : layout.slots) {
    EXPECT_GE(slot.offset, end) << slot.tensor.name;
    EXPECT_LT(slot.offset - end, 64) << slot.tensor.name;
    end = slot.offset + slot.tensor.elements();
    EXPECT_EQ(&layout.at(slot.tensor.name), &slot);
  }
  EXPECT_LE(end, layout.size);
  EXPECT_EQ(layout.size % 64, 0);
}

TEST(LayoutTest, WhatIsOneMatrixHasNoGap) {
  const Layout layout = MakeLayout(CompositeOfPaths(2));
  for (const char* block : {"large.0", "large.1", "parallel.0.path.0", "parallel.1.path.1"}) {
    const auto end = [&](const char* name) {
      const Layout::Slot& slot = layout.at(block + std::string(name));
      EXPECT_TRUE(slot.offset % 64 == 0 || std::string(name) == ".attn.k.weight") << block << name;
      return slot.offset + slot.tensor.elements();
    };
    EXPECT_EQ(layout.at(block + std::string(".attn.k.weight")).offset, end(".attn.q.weight"));
    EXPECT_EQ(layout.at(block + std::string(".attn.v.weight")).offset, end(".attn.k.weight"));
    EXPECT_EQ(layout.at(block + std::string(".ffn.up.weight")).offset, end(".ffn.gate.weight"));
  }
}

// So that those of all paths are one tensor.
TEST(LayoutTest, EqualPathsLieAtEqualDistances) {
  const Layout layout = MakeLayout(CompositeOfPaths(3));
  for (const char* tensor : {".attn.q.weight", ".ffn.down.weight", ".attn_norm.weight"}) {
    const auto offset = [&](const char* path) {
      return layout.at(std::string("parallel.1.path.") + path + tensor).offset;
    };
    EXPECT_EQ(offset("2") - offset("1"), offset("1") - offset("0")) << tensor;
  }
}

TEST(LayoutTest, MatricesAndHeadDecayTheRestDoesNot) {
  const Layout layout = MakeLayout(CompositeOfPaths(2));
  for (const Layout::Slot& slot : layout.slots) {
    const bool rest = slot.tensor.name == "embed.weight" ||
                      slot.tensor.name.ends_with("norm.weight");
    EXPECT_EQ(slot.offset >= layout.decayed, rest) << slot.tensor.name;
  }
}

}  // namespace
}  // namespace braid::trainer
