#include "merge/writer.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstring>

#include "tests/merge/parents.h"

namespace braid::merge {
namespace {

using ::testing::HasSubstr;

class WriterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    WriteParent(folders_[0], SmallPath("one"), 1);
    WriteParent(folders_[1], SmallPath("two"), 2);
  }
  MergePlan Plan() {
    const std::vector<Parent> parents = {ReadParent("one", folders_[0]).value(), ReadParent("two", folders_[1]).value()};
    return PlanMerge(parents, CompositeOf(parents, "both", "share").value(), 42).value();
  }
  Status Write(const MergePlan& plan) { return WriteComposite(plan, folders_, out_, [](int64_t, int64_t) {}); }

  TemporaryFolder folder_ = TemporaryFolder::Create().value();
  const std::vector<std::string> folders_ = {folder_.path() + "/one", folder_.path() + "/two"};
  const std::string out_ = folder_.path() + "/out";
};

// Against plain loops over the parents' values.
TEST_F(WriterTest, SlicesAreTheParentsBytes) {
  const MergePlan plan = Plan();
  ASSERT_TRUE(Write(plan).ok());
  const auto file = storage::SafetensorsFile::Open(out_ + "/model.safetensors").value();
  const auto one = storage::SafetensorsFile::Open(folders_[0] + "/model.safetensors").value();
  const auto two = storage::SafetensorsFile::Open(folders_[1] + "/model.safetensors").value();
  for (const char* name : {"embed.weight", "head.weight"}) {
    const float* merged = file.Floats(name, {40, 16}).value();
    const float* a = one.Floats(name, {40, 8}).value();
    const float* b = two.Floats(name, {40, 8}).value();
    for (int row = 0; row < 40; ++row) {
      for (int i = 0; i < 8; ++i) {
        ASSERT_EQ(merged[row * 16 + i], a[row * 8 + i]);
        ASSERT_EQ(merged[row * 16 + 8 + i], b[row * 8 + i]);
      }
    }
  }
  EXPECT_EQ(file.Data(*file.Find("parallel.1.path.1.ffn.down.weight")), two.Data(*two.Find("blocks.1.ffn.down.weight")));
  EXPECT_EQ(file.Data(*file.Find("parallel.0.path.0.attn_norm.weight")), one.Data(*one.Find("blocks.0.attn_norm.weight")));
  // New tensors are what training from scratch would begin with.
  for (const model::TensorSpec& tensor : model::Tensors(plan.model)) {
    if (tensor.name != "large.1.attn.o.weight") continue;
    std::vector<float> expected(static_cast<size_t>(tensor.elements()));
    model::Initialize(tensor, 42, expected.data());
    EXPECT_EQ(std::memcmp(file.Floats(tensor.name, tensor.shape).value(), expected.data(), expected.size() * 4), 0);
  }
  const auto account = ProveComposite(plan, folders_, out_);
  ASSERT_TRUE(account.ok()) << account.status().message();
  EXPECT_EQ((*account)["proof"], "bit-equal");
}

TEST_F(WriterTest, TheProofFindsOneWrongBit) {
  const MergePlan plan = Plan();
  ASSERT_TRUE(Write(plan).ok());
  const std::string path = out_ + "/model.safetensors";
  const auto file = storage::SafetensorsFile::Open(path).value();
  std::string bytes = ReadFile(path).value();
  const size_t at = static_cast<size_t>(file.Data(*file.Find("parallel.0.path.1.attn.v.weight")).data() - file.Data(file.tensors().front()).data()) +
                    bytes.size() - file.tensors().back().end + file.tensors().front().begin;
  bytes[at] = static_cast<char>(bytes[at] ^ 1);
  ASSERT_TRUE(WriteFileAtomic(path, bytes).ok());
  const Status status = ProveComposite(plan, folders_, out_).status();
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr("tensor parallel.0.path.1.attn.v.weight is not what the plan says"));
}

TEST_F(WriterTest, NotANumberInAParentIsNamedAndNothingIsLeft) {
  WriteParent(folders_[1], SmallPath("two"), 2, [](const std::string& name, std::vector<float>& values) {
    if (name == "blocks.1.ffn.up.weight") values[9] = std::nanf("");
  });
  const Status status = Write(Plan());
  EXPECT_THAT(status.message(), HasSubstr("parent two: tensor blocks.1.ffn.up.weight holds nan at row 1"));
  EXPECT_FALSE(PathExists(out_ + "/model.safetensors"));
}

TEST_F(WriterTest, ACutParentIsNamed) {
  const std::string path = folders_[0] + "/model.safetensors";
  const std::string bytes = ReadFile(path).value();
  ASSERT_TRUE(WriteFileAtomic(path, bytes.substr(0, bytes.size() - 100)).ok());
  EXPECT_THAT(ReadParent("one", folders_[0]).status().message(), HasSubstr(path + " is cut short"));
}

}  // namespace
}  // namespace braid::merge
