#include "trainer/gate/gate.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstring>

#include "base/random.h"
#include "tests/trainer/small_world.h"
#include "tests/word.h"

namespace braid::trainer {
namespace {

using ::testing::HasSubstr;

// Parents, and a composite that is put together here, tensor by tensor, without the merge.
class GateTest : public ::testing::Test {
 protected:
  GateTest() {
    task_.kind = "gate";
    task_.job = "gate_composite";
    task_.output = world_.MakeFolderAt("output");
    task_.work = world_.MakeFolderAt("work");
    task_.inputs = {{"data.tales", world_.at("data.tales")}, {"data.sums", world_.at("data.sums")}};
    Build({world_.Dense("path_1").dense, world_.Dense("path_2").dense}, {});
  }

  void Build(const std::vector<model::Stack>& paths, const model::Connection& connection,
             int64_t large_blocks = 2) {
    model::ModelSpec spec = world_.Composite();
    spec.connection = connection;
    spec.paths = paths;
    spec.large.d = 0;
    for (const model::Stack& path : paths) spec.large.d += path.d;
    spec.large.ffn = 4 * spec.large.d;
    spec.large.heads = 4;
    spec.large.identity = connection.is_slice();
    spec.large.blocks = large_blocks;
    ASSERT_TRUE(model::Validate(spec).ok()) << model::Validate(spec).message();
    composite_ = Network::Create(spec, "cpu").value();
    composite_->Initialize(42);
    parents_.clear();
    task_.spec = {
        {"parents", Json::array()}, {"sequences", 3}, {"sequence", SmallWorld::kSequence}};
    for (size_t p = 0; p < paths.size(); ++p) {
      parents_.push_back(Network::Create(model::PathAlone(spec, p), "cpu").value());
      parents_[p]->Initialize(p + 1);
      Train(*parents_[p], p + 1);
      task_.inputs["parent." + paths[p].name] = world_.WriteModel(paths[p].name, *parents_[p]);
      task_.spec["parents"].push_back(paths[p].name);
      CopyIn(*parents_[p], p);
    }
  }

  // Stands for training: gains that are not 1, gates that are not open.
  static void Train(Network& network, uint64_t seed) {
    const RandomStream random(seed, "training");
    for (const Layout::Slot& slot : network.layout().slots) {
      if (slot.tensor.name == "embed.weight") continue;
      for (int64_t i = slot.offset; i < slot.offset + slot.tensor.elements(); ++i) {
        network.parameters()[i] += 0.05f * random.Normal(static_cast<uint64_t>(i));
      }
    }
  }

  float* At(const std::string& tensor) {
    return composite_->parameters() + composite_->layout().at(tensor).offset;
  }

  void CopyIn(Network& parent, size_t path) {
    const bool slice = composite_->spec().connection.is_slice();
    const int64_t width = composite_->spec().large.d, begin = composite_->spec().slice_begin(path),
                  own = parent.spec().dense.d;
    for (const Layout::Slot& slot : parent.layout().slots) {
      const float* from = parent.parameters() + slot.offset;
      const std::string& name = slot.tensor.name;
      if (name.starts_with("blocks.")) {
        const std::string layer = name.substr(7, 1), rest = name.substr(8);
        std::memcpy(At("parallel." + layer + ".path." + std::to_string(path) + rest), from,
                    static_cast<size_t>(slot.tensor.elements()) * sizeof(float));
      } else if (name != "norm.weight" || slice) {
        for (int64_t row = 0; row < slot.tensor.elements() / own; ++row) {
          std::memcpy(At(name) + row * width + begin, from + row * own,
                      static_cast<size_t>(own) * sizeof(float));
        }
      }
    }
  }

  Status Gate() {
    task_.inputs["model"] = world_.WriteModel("composite", *composite_);
    RecordingChannel channel(task_.work);
    return RunGateJob(task_, channel);
  }
  Json GateFile() const { return ReadJsonFile(task_.output + "/gate/gate.json").value(); }

  SmallWorld world_;
  std::unique_ptr<Network> composite_;
  std::vector<std::unique_ptr<Network>> parents_;
  task::Task task_;
};

TEST_F(GateTest, ACompositeThatHoldsItsParentsPasses) {
  const Status status = Gate();
  ASSERT_TRUE(status.ok()) << status.message();
  const Json gate = GateFile();
  EXPECT_EQ(gate["passed"], true);
  EXPECT_EQ(gate["tokens_compared"], 2 * 2 * 3 * 16);
  EXPECT_EQ(gate["parents"][1]["name"], "path_2");
  EXPECT_TRUE(gate["parents"][1]["loss"].contains("tales"));
  EXPECT_TRUE(gate["composite"]["loss"].contains("all"));
  EXPECT_FALSE(gate.contains("logits")) << "the paper's composite does not start as its parents";
}

TEST_F(GateTest, NamesTheBlockThatDiffers) {
  At("parallel.1.path.1.ffn.down.weight")[7] += 1e-3f;
  EXPECT_THAT(Gate().message(), HasSubstr("the composite does not hold parent path_2: hidden "
                                          "states after block 1 differ by up to "));
}

TEST_F(GateTest, NamesTheEmbedding) {
  // A token of the validation text; every id from 1 to 260 may stand there, so all of them are
  // changed.
  for (int64_t row = 1; row <= 260; ++row) At("embed.weight")[row * 32] += 1e-3f;
  EXPECT_THAT(Gate().message(),
              HasSubstr("parent path_1: hidden states after the embedding differ"));
}

TEST_F(GateTest, ParentsInAnotherOrderDoNotPass) {
  task_.spec["parents"] = {"path_2", "path_1"};
  EXPECT_THAT(Gate().message(), HasSubstr("does not hold parent path_2"));
}

TEST_F(GateTest, NamesWhatIsMissing) {
  task_.spec["parents"] = {"path_1", "path_2", "path_3"};
  EXPECT_THAT(Gate().message(), HasSubstr("the composite has 2 paths, spec.parents names 3"));
  task_.spec["parents"] = {"path_1", "path_3"};
  EXPECT_THAT(Gate().message(),
              HasSubstr("job gate_composite (gate): input \"parent.path_3\" is missing"));
}

// With a base only the paths that came as parents are compared, wherever they stand.
TEST_F(GateTest, ParentsOfACompositeWithABaseAreFoundByName) {
  task_.spec["base"] = true;
  task_.spec["parents"] = {"path_2"};
  const Status status = Gate();
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(GateFile()["tokens_compared"], 2 * 3 * 16);
  task_.spec["parents"] = {"path_3"};
  EXPECT_THAT(Gate().message(), HasSubstr("spec.parents: the composite has no path path_3"));
}

// Path 1 is a llama stack; path 2 of the block that is named, of another width and depth.
std::vector<model::Stack> UnequalPaths(const std::string& block) {
  model::Stack other = {"path_2", 8, 2, 3, 20};
  if (block != "llama") {
    other.block = Word(block);
    other.ffn = 0;
    if (other.has_deep()) other.dual.loops = 3, other.dual.ffn_deep = 12;
    if (other.has_wide()) other.dual.ffn_wide = 20;
    other.dual.qk_norm = true;
    other.dual.cross = block == "dual_path";
  }
  return {{"path_1", 16, 2, 2, 64}, other};
}

class EveryBlockTest : public GateTest, public ::testing::WithParamInterface<std::string> {};

TEST_P(EveryBlockTest, ItsStatesAreBitEqualWhateverJoinsThePaths) {
  for (const char* kind : {"share", "routed", "slice"}) {
    model::Connection connection;
    connection.kind = Word(kind);
    Build(UnequalPaths(GetParam()), connection);
    const Status status = Gate();
    ASSERT_TRUE(status.ok()) << kind << ": " << status.message();
    EXPECT_EQ(GateFile()["hidden_states"], "bit-equal");
    EXPECT_EQ(GateFile().contains("logits"), std::string(kind) == "slice");
    At("parallel.2.path.1." +
       std::string(GetParam() == "llama"  ? ""
                   : GetParam() == "wide" ? "wide."
                                          : "deep.") +
       "attn.v.weight")[5] += 0.5f;
    EXPECT_THAT(Gate().message(),
                HasSubstr("does not hold parent path_2: hidden states after block 2 differ"))
        << kind;
  }
}

INSTANTIATE_TEST_SUITE_P(Blocks, EveryBlockTest,
                         ::testing::Values("llama", "wide", "loop", "dual_path"),
                         [](const auto& chosen) { return chosen.param; });

// The largest distance between the composite's logits and the weighed sum of its parents', computed
// here.
double LogitDistance(Network& composite, const std::vector<std::unique_ptr<Network>>& parents,
                     const std::vector<double>& weights) {
  std::vector<int32_t> ids(SmallWorld::kSequence);
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int32_t>(1 + 37 * i % 250);
  const std::vector<float> merged = composite.Logits(ids, false);
  std::vector<std::vector<float>> own;
  for (const auto& parent : parents) own.push_back(parent->Logits(ids, false));
  double worst = 0;
  for (size_t i = 0; i < merged.size(); ++i) {
    worst = std::max(worst,
                     std::abs(merged[i] - (weights[0] * own[0][i] + weights[1] * own[1][i])));
  }
  return worst;
}

struct Start {
  std::string scale;
  std::vector<double> chosen;    // Connection::weights
  std::vector<double> expected;  // what each parent's logits count
};
void PrintTo(const Start& start, std::ostream* out) {
  *out << start.scale << " " << ::testing::PrintToString(start.chosen);
}

class SliceStartTest : public GateTest, public ::testing::WithParamInterface<Start> {};

TEST_P(SliceStartTest, LogitsAreTheWeighedSumOfTheParents) {
  model::Connection connection;
  connection.kind = Word("slice");
  connection.cross = true;
  connection.scale = Word(GetParam().scale);
  connection.weights = GetParam().chosen;
  Build(UnequalPaths("dual_path"), connection);
  EXPECT_LT(LogitDistance(*composite_, parents_, GetParam().expected), 1e-5);
  const Status status = Gate();
  ASSERT_TRUE(status.ok()) << status.message();
  const Json logits = GateFile()["logits"];
  EXPECT_LE(logits["max_difference"].get<double>(), logits["tolerance"].get<double>());
  EXPECT_GE(logits["tolerance"].get<double>(), 1e-5);
  EXPECT_GT(logits["largest"].get<double>(), 0.0);
  // Of a rank, as well.
  model::Connection ranked = connection;
  ranked.cross_rank = 2;
  Build(UnequalPaths("dual_path"), ranked);
  EXPECT_LT(LogitDistance(*composite_, parents_, GetParam().expected), 1e-5);
  for (const int64_t blocks : {1, 0}) {  // and with fewer large blocks
    Build(UnequalPaths("dual_path"), connection, blocks);
    EXPECT_LT(LogitDistance(*composite_, parents_, GetParam().expected), 1e-5) << blocks;
    EXPECT_TRUE(Gate().ok()) << blocks;
    EXPECT_TRUE(GateFile().contains("logits")) << blocks;
  }
  Build(UnequalPaths("dual_path"), connection);

  // Everything between the paths and the logits is held to it.
  for (const char* tensor :
       {"head.weight", "norm.weight", "large.0.attn.o.weight", "large.1.ffn.down.weight",
        "gate.bias", "gate.weight", "parallel.1.cross.weight"}) {
    float* values = At(tensor);
    const std::vector<float> before(values,
                                    values + composite_->layout().at(tensor).tensor.elements());
    for (size_t i = 0; i < before.size() / 2; ++i) values[i] += 0.05f;
    EXPECT_THAT(
        Gate().message(),
        HasSubstr("the composite does not start as its parents: its logits differ from theirs"))
        << tensor;
    std::copy(before.begin(), before.end(), values);
  }

  // With a base the large blocks have been trained; nothing is claimed of the logits.
  task_.spec["base"] = true;
  At("large.0.attn.o.weight")[0] += 0.05f;
  EXPECT_TRUE(Gate().ok());
  EXPECT_FALSE(GateFile().contains("logits"));
}

INSTANTIATE_TEST_SUITE_P(Starts, SliceStartTest,
                         ::testing::Values(Start{"mean", {}, {0.5, 0.5}}, Start{"sum", {}, {1, 1}},
                                           Start{"mean", {0.7, 0.3}, {0.7, 0.3}}),
                         [](const auto& start) {
                           return start.param.chosen.empty() ? start.param.scale : "weights";
                         });

}  // namespace
}  // namespace braid::trainer
