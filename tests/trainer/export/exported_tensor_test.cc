#include "trainer/export/exported_tensor.h"

#include <gmock/gmock.h>

#include <cmath>

#include "base/file.h"

namespace braid::trainer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ExportedTensorTest : public ::testing::Test {
 protected:
  ExportedTensorTest() : folder_(TemporaryFolder::Create().value()) {
    const std::string path = JoinPath(folder_.path(), "model.safetensors");
    const auto writer = storage::SafetensorsWriter::Create(path, {{"q", "F32", {8, 1}},
                                                                  {"gate", "F32", {2, 3}},
                                                                  {"down", "F32", {3, 2}},
                                                                  {"beta", "F32", {2}},
                                                                  {"small", "F32", {2}},
                                                                  {"scale", "F32", {2}}})
                            .value();
    Append(*writer, "q", {0, 1, 2, 3, 4, 5, 6, 7});
    Append(*writer, "gate", {1, 2, 3, 4, 5, 6});
    Append(*writer, "down", {1, 2, 3, 4, 5, 6});
    Append(*writer, "beta", {2, -4});
    Append(*writer, "small", {1, -9e-5f});
    Append(*writer, "scale", {-7, 100});
    EXPECT_TRUE(writer->Finish().ok());
    checkpoint_ = std::make_unique<storage::SafetensorsFile>(
        storage::SafetensorsFile::Open(path).value());
  }

  static void Append(storage::SafetensorsWriter& writer, const std::string& name,
                     const std::vector<float>& values) {
    EXPECT_TRUE(writer.Append(name, values.data(), values.size() * sizeof(float)).ok());
  }

  TemporaryFolder folder_;
  std::unique_ptr<storage::SafetensorsFile> checkpoint_;
};

TEST_F(ExportedTensorTest, RowsOfEachHeadGoFromPairsSideBySideToHalves) {
  const ExportedTensor q{.name = "q_proj", .shape = {8, 1}, .source = "q", .heads = 2};
  EXPECT_FALSE(IsCopy(q));
  EXPECT_THAT(*Compute(q, *checkpoint_), ElementsAre(0, 2, 1, 3, 4, 6, 5, 7));
  const ExportedTensor whole{.name = "q_proj", .shape = {8, 1}, .source = "q", .heads = 1};
  EXPECT_THAT(*Compute(whole, *checkpoint_), ElementsAre(0, 2, 4, 6, 1, 3, 5, 7));
}

TEST_F(ExportedTensorTest, BetaMultipliesRowsAndDividesColumns) {
  EXPECT_THAT(
      *Compute({.name = "gate_proj", .shape = {2, 3}, .source = "gate", .times_rows = "beta"},
               *checkpoint_),
      ElementsAre(2, 4, 6, -16, -20, -24));
  EXPECT_THAT(
      *Compute({.name = "down_proj", .shape = {3, 2}, .source = "down", .over_columns = "beta"},
               *checkpoint_),
      ElementsAre(0.5f, -0.5f, 1.5f, -1, 2.5f, -1.5f));
}

TEST_F(ExportedTensorTest, ABetaNearZeroIsRefusedByItsName) {
  const auto down = Compute(
      {.name = "down_proj", .shape = {3, 2}, .source = "down", .over_columns = "small"},
      *checkpoint_);
  EXPECT_EQ(down.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(down.status().message(),
              HasSubstr("model.safetensors: tensor small: element 1 is -9e-05; below 0.0001"));
}

TEST_F(ExportedTensorTest, NoOutputProjectionIsTheIdentityTimesTheScale) {
  EXPECT_THAT(*Compute({.name = "o_proj", .shape = {2, 2}}, *checkpoint_), ElementsAre(1, 0, 0, 1));
  const auto small = static_cast<float>(std::log1p(std::exp(-7.0)));
  EXPECT_THAT(
      *Compute({.name = "o_proj", .shape = {2, 2}, .softplus_of = "scale", .at = 0}, *checkpoint_),
      ElementsAre(small, 0, 0, small));
  EXPECT_THAT(
      *Compute({.name = "o_proj", .shape = {2, 2}, .softplus_of = "scale", .at = 1}, *checkpoint_),
      ElementsAre(100, 0, 0, 100));
}

TEST_F(ExportedTensorTest, AMissingTensorAndAnotherShapeAreNamed) {
  EXPECT_THAT(
      Compute({.name = "x", .shape = {2}, .source = "absent"}, *checkpoint_).status().message(),
      HasSubstr("absent"));
  EXPECT_THAT(
      Compute({.name = "x", .shape = {3, 3}, .source = "gate"}, *checkpoint_).status().message(),
      HasSubstr("gate"));
  EXPECT_THAT(Compute({.name = "x", .shape = {2, 3}, .source = "gate", .times_rows = "absent"},
                      *checkpoint_)
                  .status()
                  .message(),
              HasSubstr("absent"));
}

}  // namespace
}  // namespace braid::trainer
