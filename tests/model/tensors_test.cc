#include "model/tensors.h"

#include <gmock/gmock.h>

#include <cmath>
#include <map>
#include <set>

#include "model/flops.h"
#include "tests/word.h"

namespace braid::model {
namespace {

using testing::ElementsAre;

ModelSpec Dense(int64_t vocab, int64_t d, int64_t blocks, const char* compat) {
  ModelSpec spec;
  spec.name = "m";
  spec.vocab = vocab;
  spec.pad_id = vocab - 1;
  spec.arch = std::string(compat) == "paper" ? PaperArch() : Arch();
  spec.dense = {"m", d, d / 32, blocks, 4 * d};
  return spec;
}

ModelSpec Share(int64_t vocab, const char* compat) {
  ModelSpec spec = Dense(vocab, 128, 3, compat);
  spec.kind = Kind::kComposite;
  spec.paths = {spec.dense, spec.dense};
  spec.large = {"large", 256, 8, 2, 1024};
  spec.dense = {};
  return spec;
}

ModelSpec Routed(int64_t vocab, const char* compat, const char* input) {
  ModelSpec spec = Share(vocab, compat);
  spec.connection.kind = Word("routed");
  spec.connection.router.input = Word(input);
  return spec;
}

// As their authors state them; the 1B model without the head, which is its embedding.
TEST(TensorsTest, ParameterCountsOfModelsWithSharedKeys) {
  const auto count = [](int64_t vocab, int64_t d, int64_t kv_heads, int64_t blocks, int64_t ffn) {
    ModelSpec spec = Dense(vocab, d, blocks, "fixed");
    spec.dense.heads = 32;
    spec.dense.kv_heads = kv_heads;
    spec.dense.ffn = ffn;
    return ParameterCount(spec);
  };
  EXPECT_EQ(count(128256, 4096, 8, 32, 14336), 8'030'261'248);                 // Llama 3.1 8B
  EXPECT_EQ(count(128256, 2048, 8, 16, 8192) - 128256 * 2048, 1'235'814'400);  // Llama 3.2 1B
  EXPECT_EQ(count(32000, 4096, 8, 32, 14336), 7'241'732'096);                  // Mistral 7B
  EXPECT_EQ(count(32000, 2048, 4, 22, 5632), 1'100'048'384);                   // TinyLlama
}

// Two operations for each weight of a product.
TEST(TensorsTest, OperationsFollowSharedKeys) {
  ModelSpec spec = Dense(101, 64, 3, "fixed");
  spec.dense.heads = 4;
  for (const int64_t kv_heads : {0, 2, 1}) {
    spec.dense.kv_heads = kv_heads;
    double weights = 0;
    for (const TensorSpec& tensor : Tensors(spec)) {
      if (tensor.role == Role::kMatrix || tensor.role == Role::kHead)
        weights += static_cast<double>(tensor.elements());
    }
    EXPECT_EQ(ForwardFlops(spec).projections, 2 * weights) << kv_heads;
  }
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
  EXPECT_EQ(ParameterCount(Routed(50278, "paper", "combined")), 29'356'297);
  EXPECT_EQ(ParameterCount(Routed(50278, "fixed", "combined")), 29'580'553);
  EXPECT_EQ(ParameterCount(Routed(50257, "paper", "combined")), 29'345'545);
  EXPECT_EQ(ParameterCount(Routed(50278, "paper", "concat")), 29'357'449);
  EXPECT_EQ(ParameterCount(Routed(50278, "fixed", "concat")), 29'581'705);
  EXPECT_EQ(ParameterCount(Routed(50257, "paper", "concat")), 29'346'697);
}

// docs/papers/papaformer.md#s2.2, MFLOP a token forward, published block.
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

// docs/papers/papaformer.md#s10: a shrink a path, maps into and out of the common width, layers as
// many as the deepest path has.
TEST(TensorsTest, PathsOfUnequalShape) {
  ModelSpec spec = Routed(100, "fixed", "x");
  spec.paths = {{"a", 64, 2, 1, 256}, {"b", 32, 2, 3, 96}};
  spec.large = {"large", 96, 4, 2, 384};
  std::map<std::string, std::vector<int64_t>> shapes;
  for (const TensorSpec& tensor : Tensors(spec)) shapes[tensor.name] = tensor.shape;
  const auto shape = [&](const char* name) {
    return shapes.contains(name) ? shapes[name] : std::vector<int64_t>{};
  };

  EXPECT_THAT(shape("shrink.0.weight"), ElementsAre(64, 96));
  EXPECT_THAT(shape("shrink.1.weight"), ElementsAre(32, 96));
  EXPECT_THAT(shape("parallel.1.path_in.1.weight"), ElementsAre(32, 64));
  EXPECT_FALSE(shapes.contains("parallel.1.path_in.0.weight"));
  EXPECT_THAT(shape("parallel.2.path_out.1.weight"), ElementsAre(64, 32));
  EXPECT_THAT(shape("parallel.0.combine.weight"), ElementsAre(64, 96));
  EXPECT_THAT(shape("parallel.0.router.weight"), ElementsAre(3, 96));
  EXPECT_THAT(shape("parallel.1.router.weight"), ElementsAre(3, 64));
  EXPECT_THAT(shape("grow.weight"), ElementsAre(96, 64));
  EXPECT_TRUE(shapes.contains("parallel.2.path.1.attn.q.weight"));
  EXPECT_FALSE(shapes.contains("parallel.1.path.0.attn.q.weight"));
}

TEST(TensorsTest, SliceHasNoShrinkAndStartsAsTheIdentity) {
  ModelSpec spec = Share(100, "fixed");
  spec.connection.kind = Word("slice");
  spec.connection.cross = true;
  spec.large.identity = true;
  for (const TensorSpec& tensor : Tensors(spec)) {
    EXPECT_EQ(tensor.name.find("shrink"), std::string::npos);
    const bool zero = tensor.name.starts_with("gate.") || tensor.name.ends_with(".cross.weight") ||
                      (tensor.name.starts_with("large.") &&
                       (tensor.name.ends_with("attn.o.weight") ||
                        tensor.name.ends_with("down.weight")));
    EXPECT_EQ(tensor.init == Init::kConstant && tensor.scale == 0, zero) << tensor.name;
  }
  // Of a rank, one of two maps is zero, so that their product is.
  const int64_t D = spec.large.d, whole = ParameterCount(spec);
  spec.connection.cross_rank = 5;
  EXPECT_EQ(ParameterCount(spec), whole - spec.parallel_layers() * (D * D - 2 * 5 * D));
  const double flops = ForwardFlops(spec).projections;
  for (const TensorSpec& tensor : Tensors(spec)) {
    EXPECT_NE(tensor.name, "parallel.0.cross.weight");
    if (tensor.name == "parallel.0.cross.read.weight") {
      EXPECT_EQ(tensor.shape, (std::vector<int64_t>{5, D}));
      EXPECT_EQ(tensor.init, Init::kNormal);
    }
    if (tensor.name == "parallel.0.cross.write.weight") {
      EXPECT_EQ(tensor.shape, (std::vector<int64_t>{D, 5}));
      EXPECT_TRUE(tensor.init == Init::kConstant && tensor.scale == 0);
    }
  }
  spec.connection.cross_rank = 0;
  EXPECT_EQ(ForwardFlops(spec).projections - flops,
            2.0 * static_cast<double>(spec.parallel_layers() * (D * D - 2 * 5 * D)));
  spec.arch = PaperArch();  // without attn.o it is attn.v that is zero
  for (const TensorSpec& tensor : Tensors(spec)) {
    if (tensor.name == "large.0.attn.v.weight") {
      EXPECT_EQ(tensor.init, Init::kConstant);
    }
  }
}

TEST(TensorsTest, LargeBlocksMayBeOneOrNone) {
  for (const char* kind : {"share", "routed", "slice"}) {
    ModelSpec spec = Share(100, "fixed");
    spec.connection.kind = Word(kind);
    const auto large = [&](int64_t blocks) {
      spec.large.blocks = blocks;
      EXPECT_TRUE(Validate(spec).ok()) << Validate(spec).message();
      std::set<std::string> places;
      for (const TensorSpec& tensor : Tensors(spec)) {
        if (tensor.name.starts_with("large.")) places.insert(tensor.name.substr(0, 7));
      }
      return places;
    };
    EXPECT_THAT(large(2), ElementsAre("large.0", "large.1")) << kind;
    const int64_t two = ParameterCount(spec);
    const double flops = ForwardFlops(spec).full_square();
    EXPECT_THAT(large(1), ElementsAre("large.1")) << kind;
    const int64_t one = two - ParameterCount(spec);
    // 4 D² of attention, three matrices of the feed-forward, two norms.
    const int64_t D = spec.large.d;
    EXPECT_EQ(one, 4 * D * D + 3 * D * spec.large.ffn + 2 * D) << kind;
    const double saved = flops - ForwardFlops(spec).full_square();
    EXPECT_TRUE(large(0).empty()) << kind;
    EXPECT_EQ(ParameterCount(spec), two - 2 * one) << kind;
    EXPECT_DOUBLE_EQ(flops - ForwardFlops(spec).full_square(), 2 * saved) << kind;
    for (const int64_t blocks : {-1, 3}) {
      spec.large.blocks = blocks;
      EXPECT_EQ(Validate(spec).message(),
                "large.blocks: must be 2 (one before the parallel layers, one after), 1 (after "
                "them alone) or 0");
    }
  }
}

// The connections of `spec` under `init: identity`, by name, as rows of numbers.
std::map<std::string, std::vector<std::vector<float>>> IdentityMaps(ModelSpec spec) {
  spec.connection.init = Word("identity");
  std::map<std::string, std::vector<std::vector<float>>> maps;
  for (const TensorSpec& tensor : Tensors(spec)) {
    if (tensor.init != Init::kIdentity) continue;
    std::vector<float> all(static_cast<size_t>(tensor.elements())), part(all.size());
    Initialize(tensor, 42, all.data());
    const auto third = static_cast<int64_t>(all.size()) / 3;
    InitializeRange(tensor, 7, 0, third, part.data());
    InitializeRange(tensor, 8, third, static_cast<int64_t>(all.size()) - third,
                    part.data() + third);
    EXPECT_EQ(all, part) << tensor.name;  // of no seed, in any pieces
    for (auto row = all.begin(); row != all.end(); row += tensor.shape[1])
      maps[tensor.name].emplace_back(row, row + tensor.shape[1]);
  }
  return maps;
}

ModelSpec TwoPaths(const char* kind, int64_t first, int64_t second) {
  ModelSpec spec = Share(100, "fixed");
  spec.connection.kind = Word(kind);
  spec.paths = {{"a", first, 1, 2, 8}, {"b", second, 1, 2, 8}};
  spec.large = {"large", first + second, 1, 2, 8};
  return spec;
}

TEST(TensorsTest, SharedConnectionsMayBeginAsIdentities) {
  auto maps = IdentityMaps(TwoPaths("share", 2, 2));
  EXPECT_EQ(maps.size(), 3u);
  EXPECT_THAT(maps["shrink.weight"], ElementsAre(ElementsAre(1, 0, 1, 0), ElementsAre(0, 1, 0, 1)));
  EXPECT_THAT(maps["parallel.0.share.weight"],
              ElementsAre(ElementsAre(.5f, 0, .5f, 0), ElementsAre(0, .5f, 0, .5f)));
  EXPECT_THAT(maps["parallel.1.share.weight"],
              ElementsAre(ElementsAre(1, 0, 0, 0), ElementsAre(0, 1, 0, 0), ElementsAre(0, 0, 1, 0),
                          ElementsAre(0, 0, 0, 1)));
  maps = IdentityMaps(TwoPaths("routed", 2, 2));
  EXPECT_EQ(maps.size(), 4u);
  EXPECT_THAT(maps["parallel.1.combine.weight"],
              ElementsAre(ElementsAre(.5f, 0, .5f, 0), ElementsAre(0, .5f, 0, .5f)));
  EXPECT_THAT(maps["grow.weight"], ElementsAre(ElementsAre(1, 0), ElementsAre(0, 1),
                                               ElementsAre(1, 0), ElementsAre(0, 1)));
}

// Every path of its own width reads its own slice, and what only the wider one has is not thinned.
TEST(TensorsTest, IdentitiesOfUnequalPathsKeepThePlaces) {
  auto maps = IdentityMaps(TwoPaths("routed", 4, 2));
  EXPECT_THAT(maps["shrink.0.weight"],
              ElementsAre(ElementsAre(1, 0, 0, 0, 0, 0), ElementsAre(0, 1, 0, 0, 0, 0),
                          ElementsAre(0, 0, 1, 0, 0, 0), ElementsAre(0, 0, 0, 1, 0, 0)));
  EXPECT_THAT(maps["shrink.1.weight"],
              ElementsAre(ElementsAre(0, 0, 0, 0, 1, 0), ElementsAre(0, 0, 0, 0, 0, 1)));
  EXPECT_THAT(maps["parallel.1.path_in.1.weight"],
              ElementsAre(ElementsAre(1, 0, 0, 0), ElementsAre(0, 1, 0, 0)));
  EXPECT_THAT(
      maps["parallel.0.path_out.1.weight"],
      ElementsAre(ElementsAre(1, 0), ElementsAre(0, 1), ElementsAre(0, 0), ElementsAre(0, 0)));
  EXPECT_THAT(maps["parallel.0.combine.weight"],
              ElementsAre(ElementsAre(.5f, 0, 0, 0, .5f, 0), ElementsAre(0, .5f, 0, 0, 0, .5f),
                          ElementsAre(0, 0, 1, 0, 0, 0), ElementsAre(0, 0, 0, 1, 0, 0)));
}

// All maps between streams, and no other tensor.
TEST(TensorsTest, ConnectionsMayBeginAsRotations) {
  for (const char* kind : {"share", "routed"}) {
    ModelSpec spec = TwoPaths(kind, 4, 2);
    std::vector<std::string> identities, rotations;
    spec.connection.init = Word("identity");
    for (const TensorSpec& tensor : Tensors(spec)) {
      if (tensor.init == Init::kIdentity) identities.push_back(tensor.name);
    }
    spec.connection.init = Word("orthogonal");
    EXPECT_TRUE(StartsFromPaths(spec.connection));
    EXPECT_EQ(FromJson(ToJson(spec))->connection.init, Word("orthogonal"));
    for (const TensorSpec& tensor : Tensors(spec)) {
      if (tensor.init != Init::kOrthogonal) continue;
      rotations.push_back(tensor.name);
      std::vector<float> made(static_cast<size_t>(tensor.elements())), again = made;
      Initialize(tensor, 7, made.data());
      Initialize(tensor, 8, again.data());
      EXPECT_NE(made, again) << tensor.name;
      // Each row has the norm 1 on average, also where columns are orthonormal: what it gives is
      // as large as what it reads.
      double squares = 0;
      for (const float value : made) squares += static_cast<double>(value) * value;
      EXPECT_NEAR(squares, static_cast<double>(tensor.shape[0]), 1e-5) << tensor.name;
    }
    EXPECT_EQ(rotations, identities);
    EXPECT_FALSE(rotations.empty());
  }
}

TEST(TensorsTest, HowConnectionsBeginIsPartOfTheSpecOnlyWhereItWasChosen) {
  ModelSpec spec = TwoPaths("share", 2, 2);
  EXPECT_FALSE(ToJson(spec)["connection"].contains("init"));
  for (const TensorSpec& tensor : Tensors(spec))
    EXPECT_NE(tensor.init, Init::kIdentity) << tensor.name;
  spec.connection.init = Word("identity");
  EXPECT_EQ(FromJson(ToJson(spec))->connection.init, Word("identity"));
  EXPECT_EQ(ParameterCount(spec), ParameterCount(TwoPaths("share", 2, 2)));
  spec.connection.kind = Word("slice");
  EXPECT_THAT(
      Validate(spec).message(),
      testing::HasSubstr("connection.init: a slice connection has nothing to begin as that"));
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
