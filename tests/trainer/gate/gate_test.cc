#include "trainer/gate/gate.h"

#include <gmock/gmock.h>

#include <cstring>

#include "tests/trainer/small_world.h"

namespace braid::trainer {
namespace {

using ::testing::HasSubstr;

// Two parents, and a composite that was put together here, tensor by tensor, without the merge.
class GateTest : public ::testing::Test {
 protected:
  GateTest() {
    composite_ = Network::Create(world_.Composite(), "cpu").value();
    composite_->Initialize(42);
    task_.kind = "gate";
    task_.job = "gate_composite";
    task_.output = world_.MakeFolderAt("output");
    task_.work = world_.MakeFolderAt("work");
    task_.inputs = {{"data.tales", world_.at("data.tales")}, {"data.sums", world_.at("data.sums")}};
    for (int64_t p = 0; p < 2; ++p) {
      const std::string name = "path_" + std::to_string(p + 1);
      const auto parent = Network::Create(world_.Dense(name), "cpu").value();
      parent->Initialize(static_cast<uint64_t>(p) + 1);
      task_.inputs["parent." + name] = world_.WriteModel(name, *parent);
      CopyIn(*parent, p);
    }
    task_.spec = {{"parents", {"path_1", "path_2"}}, {"sequences", 3}, {"sequence", SmallWorld::kSequence}};
  }

  float* At(const std::string& tensor) { return composite_->parameters() + composite_->layout().at(tensor).offset; }

  void CopyIn(Network& parent, int64_t path) {
    for (const Layout::Slot& slot : parent.layout().slots) {
      const float* from = parent.parameters() + slot.offset;
      const std::string& name = slot.tensor.name;
      if (name == "embed.weight") {
        for (int64_t row = 0; row < parent.spec().vocab; ++row) {
          std::memcpy(At(name) + row * 32 + path * 16, from + row * 16, 16 * sizeof(float));
        }
      } else if (name.starts_with("blocks.")) {
        const std::string layer = name.substr(7, 1), rest = name.substr(8);
        std::memcpy(At("parallel." + layer + ".path." + std::to_string(path) + rest), from,
                    static_cast<size_t>(slot.tensor.elements()) * sizeof(float));
      }
    }
  }

  Status Gate() {
    task_.inputs["model"] = world_.WriteModel("composite", *composite_);
    RecordingChannel channel(task_.work);
    return RunGateJob(task_, channel);
  }

  SmallWorld world_;
  std::unique_ptr<Network> composite_;
  task::Task task_;
};

TEST_F(GateTest, ACompositeThatHoldsItsParentsPasses) {
  const Status status = Gate();
  ASSERT_TRUE(status.ok()) << status.message();
  const Json gate = ReadJsonFile(task_.output + "/gate/gate.json").value();
  EXPECT_EQ(gate["passed"], true);
  EXPECT_EQ(gate["tokens_compared"], 2 * 2 * 3 * 16);
  EXPECT_EQ(gate["parents"][1]["name"], "path_2");
  EXPECT_TRUE(gate["parents"][1]["loss"].contains("tales"));
  EXPECT_TRUE(gate["composite"]["loss"].contains("all"));
}

TEST_F(GateTest, NamesTheBlockThatDiffers) {
  At("parallel.1.path.1.ffn.down.weight")[7] += 1e-3f;
  EXPECT_THAT(Gate().message(),
              HasSubstr("the composite does not hold parent path_2: hidden states after block 1 differ by up to "));
}

TEST_F(GateTest, NamesTheEmbedding) {
  // A token of the validation text; every id from 1 to 260 may stand there, so all of them are changed.
  for (int64_t row = 1; row <= 260; ++row) At("embed.weight")[row * 32] += 1e-3f;
  EXPECT_THAT(Gate().message(), HasSubstr("parent path_1: hidden states after the embedding differ"));
}

TEST_F(GateTest, ParentsInAnotherOrderDoNotPass) {
  task_.spec["parents"] = {"path_2", "path_1"};
  EXPECT_THAT(Gate().message(), HasSubstr("does not hold parent path_2"));
}

TEST_F(GateTest, NamesWhatIsMissing) {
  task_.spec["parents"] = {"path_1", "path_2", "path_3"};
  EXPECT_THAT(Gate().message(), HasSubstr("the composite has 2 paths, spec.parents names 3"));
  task_.spec["parents"] = {"path_1", "path_3"};
  EXPECT_THAT(Gate().message(), HasSubstr("job gate_composite (gate): input \"parent.path_3\" is missing"));
}

}  // namespace
}  // namespace braid::trainer
