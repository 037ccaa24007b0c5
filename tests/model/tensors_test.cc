#include "model/tensors.h"

#include <gmock/gmock.h>

#include <cmath>
#include <set>

namespace braid::model {
namespace {

ModelSpec Dense(int64_t vocab, int64_t d, int64_t blocks, const char* compat) {
  ModelSpec spec;
  spec.name = "m";
  spec.vocab = vocab;
  spec.pad_id = vocab - 1;
  spec.arch = ArchPreset(compat).value();
  spec.dense = {"m", d, d / 32, blocks, 4 * d, "llama"};
  return spec;
}

ModelSpec Share(int64_t vocab, const char* compat) {
  ModelSpec spec = Dense(vocab, 128, 3, compat);
  spec.kind = Kind::kComposite;
  spec.paths = {spec.dense, spec.dense};
  spec.large = {"large", 256, 8, 2, 1024, "llama"};
  spec.dense = {};
  return spec;
}

// PaPaformer, table of section 2.1.
TEST(TensorsTest, ParameterCountsOfThePaper) {
  EXPECT_EQ(ParameterCount(Dense(50278, 256, 8, "paper")), 33'619'200);
  EXPECT_EQ(ParameterCount(Dense(50278, 256, 8, "fixed")), 34'135'296);
  EXPECT_EQ(ParameterCount(Dense(50278, 192, 8, "paper")), 23'739'840);
  EXPECT_EQ(ParameterCount(Dense(50278, 192, 8, "fixed")), 24'028'608);
  EXPECT_EQ(ParameterCount(Dense(50278, 128, 3, "paper")), 13'610'880);
  EXPECT_EQ(ParameterCount(Dense(50278, 128, 3, "fixed")), 13'658'496);
  EXPECT_EQ(ParameterCount(Share(50278, "paper")), 29'354'752);
  EXPECT_EQ(ParameterCount(Share(50278, "fixed")), 29'579'008);
  EXPECT_EQ(ParameterCount(Share(50257, "paper")), 29'344'000);
  EXPECT_EQ(BodyParameterCount(Share(50278, "paper")), 3'612'416);
}

// PaPaformer section 2.2, MFLOP a token forward, published block.
TEST(TensorsTest, FlopsOfThePaper) {
  EXPECT_NEAR(ForwardFlopsPerToken(Dense(50278, 256, 8, "paper")) / 1e6, 43.6, 0.06);
  EXPECT_NEAR(ForwardFlopsPerToken(Dense(50278, 192, 8, "paper")) / 1e6, 29.7, 0.06);
  EXPECT_NEAR(ForwardFlopsPerToken(Dense(50278, 128, 3, "paper")) / 1e6, 14.7, 0.06);
  EXPECT_NEAR(ForwardFlopsPerToken(Share(50278, "paper")) / 1e6, 34.3, 0.06);
}

TEST(TensorsTest, NamesAreUniqueAndTheLastShareWidens) {
  std::set<std::string> names;
  for (const TensorSpec& tensor : Tensors(Share(100, "fixed"))) {
    EXPECT_TRUE(names.insert(tensor.name).second) << tensor.name;
    if (tensor.name == "parallel.0.share.weight") {
      EXPECT_THAT(tensor.shape, testing::ElementsAre(128, 256));
    }
    if (tensor.name == "parallel.2.share.weight") {
      EXPECT_THAT(tensor.shape, testing::ElementsAre(256, 256));
    }
  }
  EXPECT_TRUE(names.contains("parallel.1.path.0.attn.o.weight"));
}

TEST(TensorsTest, InitialValues) {
  const TensorSpec embed{"embed.weight", {50, 40}, Init::kNormal, Role::kEmbedding, 49};
  std::vector<float> a(2000), b(2000), other(2000);
  Initialize(embed, 42, a.data());
  Initialize(embed, 42, b.data());
  Initialize(embed, 43, other.data());
  EXPECT_EQ(a, b);
  EXPECT_NE(a, other);
  double sum = 0, squares = 0;
  for (int i = 0; i < 49 * 40; ++i) {
    sum += a[i];
    squares += double(a[i]) * a[i];
  }
  EXPECT_NEAR(sum / 1960, 0, 0.002);
  EXPECT_NEAR(std::sqrt(squares / 1960), 0.02, 0.002);
  for (int i = 49 * 40; i < 2000; ++i) EXPECT_EQ(a[i], 0.0f);
}

}  // namespace
}  // namespace braid::model
