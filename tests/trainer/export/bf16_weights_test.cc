#include "trainer/export/bf16_weights.h"

#include <gmock/gmock.h>

#include <bit>
#include <cmath>
#include <limits>

#include "base/file.h"
#include "storage/files/safetensors.h"

namespace braid::trainer {
namespace {

using ::testing::EndsWith;

float FromBf16(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

// Against the definition: of the two neighbours of a number, the nearer one, or of two that are
// equally near the one with an even last bit.
TEST(Bf16Test, IsTheNearestForEveryPairOfNeighbours) {
  for (uint32_t bits = 0; bits < 0x7f7f; ++bits) {
    const auto low = static_cast<uint16_t>(bits), high = static_cast<uint16_t>(bits + 1);
    const float a = FromBf16(low), b = FromBf16(high),
                middle = std::bit_cast<float>((bits << 16) + 0x8000u);
    EXPECT_EQ(ToBf16(a), low);
    EXPECT_EQ(ToBf16(middle), bits % 2 == 0 ? low : high) << bits;
    EXPECT_EQ(ToBf16(std::nextafter(middle, a)), low) << bits;
    EXPECT_EQ(ToBf16(std::nextafter(middle, b)), high) << bits;
    EXPECT_EQ(ToBf16(-a), low | 0x8000);
  }
  EXPECT_EQ(ToBf16(std::numeric_limits<float>::infinity()), 0x7f80);
  EXPECT_TRUE(std::isnan(FromBf16(ToBf16(std::bit_cast<float>(0x7f800001u)))));
}

class RoundToBf16Test : public ::testing::Test {
 protected:
  RoundToBf16Test() : folder_(TemporaryFolder::Create().value()) {}

  std::string Write(const std::vector<float>& values) const {
    const std::string path = JoinPath(folder_.path(), "model.safetensors");
    const auto writer = storage::SafetensorsWriter::Create(
                            path, {{"a", "F32", {static_cast<int64_t>(values.size())}}})
                            .value();
    EXPECT_TRUE(writer->Append("a", values.data(), values.size() * sizeof(float)).ok());
    EXPECT_TRUE(writer->Finish().ok());
    return path;
  }

  const TemporaryFolder folder_;
};

TEST_F(RoundToBf16Test, TheFileHasTheSameTensorsInHalfTheSpace) {
  const std::string path = Write({1.0f, -2.5f, 1.00390625f});
  ASSERT_TRUE(RoundToBf16(path).ok());
  const auto file = storage::SafetensorsFile::Open(path).value();
  const storage::TensorEntry& a = *file.Find("a");
  EXPECT_EQ(a.dtype, "BF16");
  EXPECT_EQ(file.Data(a), std::string_view("\x80\x3f\x20\xc0\x80\x3f", 6));
  EXPECT_THAT(RoundToBf16(path).message(), testing::HasSubstr("tensor a"));  // F32 no more
}

TEST_F(RoundToBf16Test, ANumberThatWouldBecomeInfiniteIsNamedAndTheFileStays) {
  const float largest = std::numeric_limits<float>::max();
  const std::string path = Write({0.0f, -largest});
  const std::string before = ReadFile(path).value();
  EXPECT_THAT(RoundToBf16(path).message(),
              EndsWith("model.safetensors: tensor a has -3.40282e+38 at element 1, which is too "
                       "large for bf16; export it as f32"));
  EXPECT_EQ(ReadFile(path).value(), before);
  EXPECT_EQ(ListFolder(folder_.path()).value(), std::vector<std::string>{"model.safetensors"});
}

}  // namespace
}  // namespace braid::trainer
