#include "merge/writer.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstring>

#include "base/sha256.h"
#include "merge/composite.h"
#include "tests/merge/parents.h"
#include "tests/word.h"

namespace braid::merge {
namespace {

using storage::SafetensorsFile;
using ::testing::HasSubstr;

constexpr size_t kThreads = 3;

std::vector<float> Floats(const SafetensorsFile& file, const std::string& tensor) {
  const storage::TensorEntry* entry = file.Find(tensor);
  EXPECT_NE(entry, nullptr) << tensor;
  if (entry == nullptr) return {};
  const float* data = file.Floats(tensor, entry->shape).value();
  return {data, data + entry->elements()};
}

// Flips the lowest bit of the first element of a tensor.
void FlipBit(const std::string& path, const std::string& tensor) {
  const auto file = SafetensorsFile::Open(path).value();
  std::string bytes = ReadFile(path).value();
  const uint64_t data = bytes.size() - file.tensors().back().end;
  char& byte = bytes[data + file.Find(tensor)->begin];
  byte = static_cast<char>(byte ^ 1);
  ASSERT_TRUE(WriteFileAtomic(path, bytes).ok());
}

class WriterTest : public ::testing::Test {
 protected:
  void SetUp() override { WriteParents({}); }

  void WriteParents(const ParentFiles& second, const model::ModelSpec& one = SmallPath("one"),
                    const model::ModelSpec& two = SmallPath("two")) {
    WriteParent(folders_[0], one, {.seed = 1, .moments = second.moments, .step = 9});
    ParentFiles files = second;
    files.seed = 2;
    WriteParent(folders_[1], two, files);
  }
  MergePlan Plan(const std::string& kind = "share", bool carry = false) {
    const std::vector<Parent> parents = {ReadParent("one", folders_[0], carry).value(),
                                         ReadParent("two", folders_[1], carry).value()};
    model::Connection connection;
    connection.kind = Word(kind);
    auto composite = CompositeOf(parents, std::nullopt, {"both", connection, {}}).value();
    composite.large.blocks = 2;  // new tensors of slices, too
    return PlanMerge(parents, std::nullopt, composite, {.seed = 42, .carry_optimizer = carry})
        .value();
  }
  Status Write(const MergePlan& plan) {
    return WriteComposite(plan, folders_, out_, kThreads, [](int64_t, int64_t) {});
  }

  TemporaryFolder folder_ = TemporaryFolder::Create().value();
  const std::vector<std::string> folders_ = {folder_.path() + "/one", folder_.path() + "/two"};
  const std::string out_ = folder_.path() + "/out";
};

// Against plain loops over the parents' values.
TEST_F(WriterTest, SlicesAreTheParentsBytes) {
  const MergePlan plan = Plan();
  ASSERT_TRUE(Write(plan).ok());
  const auto file = SafetensorsFile::Open(out_ + "/model.safetensors").value();
  for (const char* name : {"embed.weight", "head.weight"}) {
    const std::vector<float> merged = Floats(file, name), a = TrainedValues(name, 320, 1),
                             b = TrainedValues(name, 320, 2);
    for (int row = 0; row < 40; ++row) {
      for (int i = 0; i < 8; ++i) {
        ASSERT_EQ(merged[row * 16 + i], a[row * 8 + i]);
        ASSERT_EQ(merged[row * 16 + 8 + i], b[row * 8 + i]);
      }
    }
  }
  EXPECT_EQ(Floats(file, "parallel.1.path.1.ffn.down.weight"),
            TrainedValues("blocks.1.ffn.down.weight", 256, 2));
  EXPECT_EQ(Floats(file, "parallel.0.path.0.attn_norm.weight"),
            TrainedValues("blocks.0.attn_norm.weight", 8, 1));
  // New tensors are what training from scratch would begin with.
  for (const model::TensorSpec& tensor : model::Tensors(plan.model)) {
    if (tensor.name != "large.1.attn.o.weight" && tensor.name != "norm.weight") continue;
    std::vector<float> expected(static_cast<size_t>(tensor.elements()));
    model::Initialize(tensor, 42, expected.data());
    EXPECT_EQ(Floats(file, tensor.name), expected);
  }
  const auto account = VerifyComposite(plan, folders_, out_, kThreads);
  ASSERT_TRUE(account.ok()) << account.status().message();
  EXPECT_EQ((*account)["proof"], "bit-equal");
  EXPECT_FALSE(PathExists(out_ + "/optimizer.safetensors"));
  EXPECT_FALSE(ReadJsonFile(out_ + "/state.json")->contains("steps"));
}

TEST_F(WriterTest, SliceKeepsNormsAndBlocksOfUnequalPathsAndStartsAsTheIdentity) {
  WriteParents({}, SmallPath("one", 16, 3), SmallDual("two"));
  const MergePlan plan = Plan("slice");
  ASSERT_TRUE(Write(plan).ok());
  const auto file = SafetensorsFile::Open(out_ + "/model.safetensors").value();
  std::vector<float> norms = TrainedValues("norm.weight", 16, 1);
  for (const float gain : TrainedValues("norm.weight", 12, 2)) norms.push_back(gain);
  EXPECT_EQ(Floats(file, "norm.weight"), norms);
  EXPECT_EQ(Floats(file, "parallel.0.path.1.deep.scale"),
            TrainedValues("blocks.0.deep.scale", 3, 2));
  EXPECT_EQ(Floats(file, "parallel.0.path.1.router.weight"),
            TrainedValues("blocks.0.router.weight", 13, 2));
  EXPECT_EQ(Floats(file, "parallel.2.path.0.ffn.up.weight"),
            TrainedValues("blocks.2.ffn.up.weight", 64 * 16, 1));
  for (const char* zero :
       {"large.0.attn.o.weight", "large.1.ffn.down.weight", "gate.weight", "gate.bias"}) {
    for (const float value : Floats(file, zero)) ASSERT_EQ(value, 0.0f) << zero;
  }
  EXPECT_TRUE(VerifyComposite(plan, folders_, out_, kThreads).ok());
}

// m and v go the way of their tensors, new tensors begin with zeros, and state.json says how old
// each is.
TEST_F(WriterTest, MomentsAreCarriedWithTheirAges) {
  WriteParents({.moments = true, .step = 5, .steps = {{"blocks.1.attn.q.weight", 3}}});
  const MergePlan plan = Plan("slice", /*carry=*/true);
  int64_t reported = 0;
  ASSERT_TRUE(WriteComposite(plan, folders_, out_, kThreads, [&](int64_t done, int64_t total) {
                EXPECT_EQ(done, ++reported);
                EXPECT_EQ(total, static_cast<int64_t>(3 * plan.targets.size()));
              }).ok());
  EXPECT_EQ(reported, static_cast<int64_t>(3 * plan.targets.size()));
  const auto file = SafetensorsFile::Open(out_ + "/optimizer.safetensors").value();
  EXPECT_EQ(file.tensors().size(), 2 * plan.targets.size());
  for (const std::string prefix : {"m.", "v."}) {
    const std::vector<float> merged = Floats(file, prefix + "head.weight");
    const std::vector<float> a = TrainedValues(prefix + "head.weight", 320, 1),
                             b = TrainedValues(prefix + "head.weight", 320, 2);
    for (int row = 0; row < 40; ++row) {
      for (int i = 0; i < 8; ++i) {
        ASSERT_EQ(merged[row * 16 + i], a[row * 8 + i]);
        ASSERT_EQ(merged[row * 16 + 8 + i], b[row * 8 + i]);
      }
    }
    EXPECT_EQ(Floats(file, prefix + "parallel.1.path.0.attn.q.weight"),
              TrainedValues(prefix + "blocks.1.attn.q.weight", 64, 1));
    EXPECT_EQ(Floats(file, prefix + "large.0.attn.q.weight"), std::vector<float>(256, 0.0f));
    EXPECT_EQ(Floats(file, prefix + "large.0.attn_norm.weight"), std::vector<float>(16, 0.0f))
        << "a gain begins at 1, its moments do not";
  }
  const Json state = ReadJsonFile(out_ + "/state.json").value();
  EXPECT_EQ(state["step"], 0);
  EXPECT_EQ(state["steps"].size(), plan.targets.size());
  EXPECT_EQ(state["steps"]["parallel.1.path.0.attn.q.weight"], 9);
  EXPECT_EQ(state["steps"]["parallel.1.path.1.attn.q.weight"], 3);
  EXPECT_EQ(state["steps"]["parallel.0.path.1.attn.q.weight"], 5);
  EXPECT_EQ(state["steps"]["norm.weight"], 9);
  EXPECT_EQ(state["steps"]["gate.bias"], 0);

  const auto account = VerifyComposite(plan, folders_, out_, kThreads);
  ASSERT_TRUE(account.ok()) << account.status().message();
  const Json& first = (*account)["tensors"][0];
  EXPECT_EQ(first["moments"]["age"], 9);
  EXPECT_EQ(first["sha256"].get<std::string>().size(), 64u);
  EXPECT_EQ(first["moments"]["m_sha256"].get<std::string>().size(), 64u);
  EXPECT_NE(first["moments"]["m_sha256"], first["moments"]["v_sha256"]);
  FlipBit(out_ + "/optimizer.safetensors", "v.parallel.0.path.1.attn.v.weight");
  EXPECT_THAT(VerifyComposite(plan, folders_, out_, kThreads).status().message(),
              HasSubstr("optimizer.safetensors: tensor v.parallel.0.path.1.attn.v.weight is not "
                        "what the plan says"));
}

// Muon's momentum goes the way of its matrices, and the moments of the other tensors that of
// theirs. What is new has nothing, and its age says so.
// A joint phase that continues begins at the lowest rate of its parents.
TEST_F(WriterTest, TheLowestRateOfTheParentsIsTheComposites) {
  WriteParents({.moments = true});
  const auto set = [&](const std::string& folder, const Json& rate) {
    Json state = ReadJsonFile(folder + "/state.json").value();
    state["rate"] = rate;
    ASSERT_TRUE(WriteJsonFile(folder + "/state.json", state).ok());
  };
  const auto written = [&] {
    EXPECT_TRUE(Write(Plan("slice")).ok());
    return ReadJsonFile(out_ + "/state.json").value().value("rate", Json());
  };
  EXPECT_EQ(written(), Json()) << "no parent says one";
  set(folders_[0], 3e-3);
  EXPECT_EQ(written(), 3e-3) << "one is known";
  set(folders_[1], 1e-3);
  EXPECT_EQ(written(), 1e-3);
  set(folders_[0], 5e-4);
  EXPECT_EQ(written(), 5e-4);
  set(folders_[0], "fast");
  EXPECT_EQ(ReadParent("one", folders_[0]).status().message(),
            folders_[0] + "/state.json.rate: expected a number, found \"fast\"");
}

TEST_F(WriterTest, StatesOfAnyNameAreCarried) {
  WriteParent(folders_[0], SmallPath("one"), {.seed = 1, .moments = true, .step = 9, .muon = true});
  WriteParent(folders_[1], SmallPath("two"), {.seed = 2, .moments = true, .step = 5, .muon = true});
  const MergePlan plan = Plan("slice", /*carry=*/true);
  ASSERT_TRUE(Write(plan).ok());
  const auto file = SafetensorsFile::Open(out_ + "/optimizer.safetensors").value();
  EXPECT_EQ(Floats(file, "momentum.parallel.1.path.1.ffn.down.weight"),
            TrainedValues("momentum.blocks.1.ffn.down.weight", 256, 2));
  EXPECT_EQ(file.Find("m.parallel.1.path.1.ffn.down.weight"), nullptr);
  for (const std::string state : {"m.", "v."}) {
    std::vector<float> norms = TrainedValues(state + "norm.weight", 8, 1);
    for (const float value : TrainedValues(state + "norm.weight", 8, 2)) norms.push_back(value);
    EXPECT_EQ(Floats(file, state + "norm.weight"), norms);
    EXPECT_EQ(Floats(file, state + "parallel.0.path.0.attn_norm.weight"),
              TrainedValues(state + "blocks.0.attn_norm.weight", 8, 1));
    EXPECT_EQ(file.Find(state + "gate.weight"), nullptr);
  }
  EXPECT_EQ(file.Find("momentum.large.0.attn.q.weight"), nullptr);
  const Json state = ReadJsonFile(out_ + "/state.json").value();
  EXPECT_EQ(state["states"].size(), plan.targets.size());
  EXPECT_EQ(state["states"]["parallel.0.path.0.attn.q.weight"], Json({"momentum"}));
  EXPECT_EQ(state["states"]["head.weight"], Json({"m", "v"}));
  EXPECT_EQ(state["states"]["large.0.attn.q.weight"], Json::array());
  EXPECT_EQ(state["steps"]["large.0.attn.q.weight"], 0);
  EXPECT_EQ(state["steps"]["parallel.0.path.1.attn.q.weight"], 5);
  const auto account = VerifyComposite(plan, folders_, out_, kThreads);
  ASSERT_TRUE(account.ok()) << account.status().message();
  for (const Json& tensor : (*account)["tensors"]) {
    if (tensor["name"] == "parallel.0.path.1.attn.q.weight") {
      EXPECT_EQ(tensor["moments"]["momentum_sha256"].get<std::string>().size(), 64u);
      EXPECT_FALSE(tensor["moments"].contains("m_sha256"));
    }
  }
  FlipBit(out_ + "/optimizer.safetensors", "momentum.parallel.0.path.1.attn.v.weight");
  EXPECT_THAT(VerifyComposite(plan, folders_, out_, kThreads).status().message(),
              HasSubstr("tensor momentum.parallel.0.path.1.attn.v.weight is not what the plan"));
}

// One parent trained by AdamW, one by Muon.
TEST_F(WriterTest, ParentsOfUnlikeOptimizersKeepWhatEachHas) {
  WriteParent(folders_[0], SmallPath("one"), {.seed = 1, .moments = true, .step = 9});
  WriteParent(folders_[1], SmallPath("two"), {.seed = 2, .moments = true, .step = 5, .muon = true});
  const MergePlan plan = Plan("share", /*carry=*/true);
  ASSERT_TRUE(Write(plan).ok());
  const Json states = ReadJsonFile(out_ + "/state.json").value()["states"];
  EXPECT_EQ(states["parallel.0.path.0.attn.q.weight"], Json({"m", "v"}));
  EXPECT_EQ(states["parallel.0.path.1.attn.q.weight"], Json({"momentum"}));
  EXPECT_EQ(states["embed.weight"], Json({"m", "v"}));
  EXPECT_EQ(states["shrink.weight"], Json::array());
  const auto file = SafetensorsFile::Open(out_ + "/optimizer.safetensors").value();
  EXPECT_EQ(Floats(file, "v.parallel.0.path.0.attn.q.weight"),
            TrainedValues("v.blocks.0.attn.q.weight", 64, 1));
  EXPECT_EQ(Floats(file, "momentum.parallel.0.path.1.attn.q.weight"),
            TrainedValues("momentum.blocks.0.attn.q.weight", 64, 2));
  EXPECT_TRUE(VerifyComposite(plan, folders_, out_, kThreads).ok());
}

// A tensor that stands beside another one's in the composite, but lacks its state: zeros.
TEST_F(WriterTest, APartWithoutTheStateOfItsNeighbourIsZero) {
  WriteParents({.moments = true});
  Json state = ReadJsonFile(folders_[1] + "/state.json").value();
  for (const model::TensorSpec& tensor : model::Tensors(SmallPath("two")))
    state["states"][tensor.name] = tensor.name == "embed.weight" ? Json::array() : Json({"m", "v"});
  ASSERT_TRUE(WriteJsonFile(folders_[1] + "/state.json", state).ok());
  auto parents = std::vector<Parent>{ReadParent("one", folders_[0], true).value(),
                                     ReadParent("two", folders_[1], true).value()};
  EXPECT_THAT(CheckTensors(parents[1]).message(),
              HasSubstr("tensor m.embed.weight of optimizer.safetensors belongs to none"));
  std::erase_if(parents[1].moments->tensors,
                [](const auto& tensor) { return tensor.name.ends_with("embed.weight"); });
  const auto composite = CompositeOf(parents, std::nullopt, {"both", {}, {}}).value();
  const MergePlan plan =
      PlanMerge(parents, std::nullopt, composite, {.carry_optimizer = true}).value();
  ASSERT_TRUE(Write(plan).ok());
  const auto file = SafetensorsFile::Open(out_ + "/optimizer.safetensors").value();
  const std::vector<float> merged = Floats(file, "v.embed.weight");
  const std::vector<float> one = TrainedValues("v.embed.weight", 320, 1);
  for (int row = 0; row < 40; ++row) {
    for (int i = 0; i < 8; ++i) {
      ASSERT_EQ(merged[row * 16 + i], one[row * 8 + i]);
      ASSERT_EQ(merged[row * 16 + 8 + i], 0.0f);
    }
  }
}

TEST_F(WriterTest, StatesThatCannotBeAreNamed) {
  WriteParents({.moments = true});
  const Json good = ReadJsonFile(folders_[1] + "/state.json").value();
  const auto error = [&](const Json& states) {
    Json state = good;
    state["states"] = states;
    EXPECT_TRUE(WriteJsonFile(folders_[1] + "/state.json", state).ok());
    return ReadParent("two", folders_[1], /*moments=*/true).status().message();
  };
  EXPECT_THAT(error(3), HasSubstr("state.json.states: expected an object"));
  EXPECT_THAT(error({{"norm.weight", "m"}}), HasSubstr("state.json.states.norm.weight"));
  EXPECT_THAT(error({{"norm.weight", {"m.v"}}}),
              HasSubstr("state.json.states.norm.weight: names of states are not empty and have no "
                        "dot in them"));
}

TEST_F(WriterTest, AParentWithoutMomentsIsNamed) {
  EXPECT_THAT(
      ReadParent("two", folders_[1], /*moments=*/true).status().message(),
      HasSubstr("parent two has no optimizer.safetensors, which carry_optimizer and continue need; "
                "take a checkpoint"));
  WriteParents({.moments = true, .steps = {{"blocks.0.attn.q.weight", -1}}});
  EXPECT_THAT(
      ReadParent("two", folders_[1], /*moments=*/true).status().message(),
      HasSubstr("state.json.steps.blocks.0.attn.q.weight: expected a number of updates, found -1"));
  WriteParents({.moments = true, .steps = 3});
  EXPECT_THAT(ReadParent("two", folders_[1], /*moments=*/true).status().message(),
              HasSubstr("steps: expected an object"));
}

TEST_F(WriterTest, TheProofFindsOneWrongBit) {
  const MergePlan plan = Plan();
  ASSERT_TRUE(Write(plan).ok());
  FlipBit(out_ + "/model.safetensors", "parallel.0.path.1.attn.v.weight");
  const Status status = VerifyComposite(plan, folders_, out_, kThreads).status();
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_THAT(status.message(),
              HasSubstr("tensor parallel.0.path.1.attn.v.weight is not what the plan says"));
}

TEST_F(WriterTest, NotANumberInAParentIsNamedAndNothingIsLeft) {
  WriteParents({.edit = [](const std::string& name, std::vector<float>& values) {
    if (name == "blocks.1.ffn.up.weight") values[9] = std::nanf("");
  }});
  EXPECT_THAT(Write(Plan()).message(),
              HasSubstr("parent two: tensor blocks.1.ffn.up.weight holds nan at row 1, column 1"));
  EXPECT_FALSE(PathExists(out_ + "/model.safetensors"));
}

// Tensors of several pieces, of which each has several threads' work: the files and the account are
// those of one thread.
TEST_F(WriterTest, ManyThreadsWriteWhatOneDoes) {
  model::ModelSpec one = SmallPath("one", 32, 1), two = SmallPath("two", 32, 1);
  one.vocab = two.vocab = 20'001;
  one.pad_id = two.pad_id = 20'000;
  WriteParents({.moments = true}, one, two);
  const MergePlan plan = Plan("share", /*carry=*/true);
  ASSERT_TRUE(Write(plan).ok());
  const auto account = VerifyComposite(plan, folders_, out_, kThreads);
  ASSERT_TRUE(account.ok()) << account.status().message();
  const std::string alone = folder_.path() + "/alone";
  ASSERT_TRUE(WriteComposite(plan, folders_, alone, 1, [](int64_t, int64_t) {}).ok());
  EXPECT_EQ(VerifyComposite(plan, folders_, alone, 1).value(), *account);
  for (const char* name : {"/model.safetensors", "/optimizer.safetensors", "/state.json"}) {
    // Not EXPECT_EQ, which would print megabytes.
    EXPECT_TRUE(ReadFile(out_ + name).value() == ReadFile(alone + name).value()) << name;
  }
  const auto file = SafetensorsFile::Open(out_ + "/optimizer.safetensors").value();
  const std::vector<float> merged = Floats(file, "v.head.weight"),
                           b = TrainedValues("v.head.weight", 20'001 * 32, 2);
  for (size_t row = 0; row < 20'001; ++row) {
    for (size_t i = 0; i < 32; ++i) ASSERT_EQ(merged[row * 64 + 32 + i], b[row * 32 + i]);
  }
  // A digest is of the tensor's bytes.
  const storage::TensorEntry* entry = file.Find("v.head.weight");
  EXPECT_EQ(account->at("tensors").back()["moments"]["v_sha256"], Sha256Hex(file.Data(*entry)));
}

TEST_F(WriterTest, OfSeveralWrongTensorsTheFirstIsNamed) {
  const MergePlan plan = Plan();
  ASSERT_TRUE(Write(plan).ok());
  // The largest is verified first, but stands last.
  FlipBit(out_ + "/model.safetensors", "head.weight");
  FlipBit(out_ + "/model.safetensors", "parallel.0.path.1.attn_norm.weight");
  for (const size_t threads : {1, 3}) {
    EXPECT_THAT(VerifyComposite(plan, folders_, out_, threads).status().message(),
                HasSubstr("tensor parallel.0.path.1.attn_norm.weight is not what the plan says"));
  }
}

// New moments are zeros that were never written; a bit in them is found all the same.
TEST_F(WriterTest, TheProofFindsABitInNewMoments) {
  WriteParents({.moments = true});
  const MergePlan plan = Plan("slice", /*carry=*/true);
  ASSERT_TRUE(Write(plan).ok());
  FlipBit(out_ + "/optimizer.safetensors", "m.large.0.attn.q.weight");
  EXPECT_THAT(VerifyComposite(plan, folders_, out_, kThreads).status().message(),
              HasSubstr("tensor m.large.0.attn.q.weight is not what the plan says"));
}

// Before it is uploaded.
TEST_F(WriterTest, NotANumberInACheckpointIsFoundWithoutAMerge) {
  EXPECT_TRUE(CheckFinite(folders_[1]).ok());
  WriteParents({.edit = [](const std::string& tensor, std::vector<float>& values) {
    if (tensor == "blocks.1.ffn.up.weight") values[5] = std::nanf("");
  }});
  EXPECT_THAT(CheckFinite(folders_[1]).message(),
              HasSubstr("model.safetensors: tensor blocks.1.ffn.up.weight holds nan at element 5"));
}

TEST_F(WriterTest, MomentsThatCannotBeAreNamedAndNothingIsLeft) {
  const auto error = [&](const std::string& tensor, float value) {
    WriteParents(
        {.moments = true, .edit = [&](const std::string& name, std::vector<float>& values) {
           if (name == tensor) values[3] = value;
         }});
    const std::string message = Write(Plan("share", /*carry=*/true)).message();
    EXPECT_FALSE(PathExists(out_ + "/optimizer.safetensors"));
    EXPECT_FALSE(PathExists(out_ + "/model.safetensors"));
    return message;
  };
  EXPECT_THAT(error("m.head.weight", INFINITY),
              HasSubstr("parent two: tensor m.head.weight holds inf at row 0, column 3"));
  EXPECT_THAT(error("v.blocks.0.ffn_norm.weight", std::nanf("")),
              HasSubstr("parent two: tensor v.blocks.0.ffn_norm.weight holds nan"));
  EXPECT_THAT(
      error("v.embed.weight", -1e-9f),
      HasSubstr(
          "tensor v.embed.weight holds -1e-09 at row 0, column 3, but it is a mean of squares"));
}

TEST_F(WriterTest, ACutParentIsNamed) {
  const std::string path = folders_[0] + "/model.safetensors";
  const std::string bytes = ReadFile(path).value();
  ASSERT_TRUE(WriteFileAtomic(path, bytes.substr(0, bytes.size() - 100)).ok());
  EXPECT_THAT(ReadParent("one", folders_[0]).status().message(), HasSubstr(path + " is cut short"));
}

// A base of one (8) and two (8); two goes, four (12) comes. Against plain loops over the values of
// the three.
TEST_F(WriterTest, PartsOfABaseLieWhereTheirPathsAre) {
  const std::string base_folder = folder_.path() + "/base", four_folder = folder_.path() + "/four";
  model::Connection connection;
  connection.kind = Word("slice");
  connection.cross = true;
  auto base_spec = CompositeOf({ParentOf(SmallPath("two")), ParentOf(SmallPath("one"))},
                               std::nullopt, {"base", connection, {}})
                       .value();
  base_spec.large.blocks = 2;
  WriteParent(base_folder, base_spec, {.seed = 3, .moments = true, .step = 20});
  WriteParent(four_folder, SmallPath("four", 12, 1), {.seed = 4, .moments = true, .step = 6});
  const std::vector<Parent> parents = {ReadParent("four", four_folder, true).value()};
  const Parent base = ReadParent("base", base_folder, true).value();
  const auto composite = CompositeOf(parents, base, {"new", connection, {"two"}}).value();  // one
                                                                                            // (8),
                                                                                            // four
                                                                                            // (12)
  const auto plan = PlanMerge(parents, base, composite, {.seed = 42, .carry_optimizer = true});
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  const std::vector<std::string> folders = {four_folder, base_folder};
  ASSERT_TRUE(WriteComposite(*plan, folders, out_, kThreads, [](int64_t, int64_t) {}).ok());
  EXPECT_TRUE(VerifyComposite(*plan, folders, out_, kThreads).ok());

  for (const std::string prefix : {"", "m.", "v."}) {
    const auto file = SafetensorsFile::Open(
                          out_ + (prefix.empty() ? "/model.safetensors" : "/optimizer.safetensors"))
                          .value();
    const std::vector<float> embed = Floats(file, prefix + "embed.weight");
    const std::vector<float> old = TrainedValues(prefix + "embed.weight", 40 * 16, 3),
                             four = TrainedValues(prefix + "embed.weight", 40 * 12, 4);
    const std::vector<float> cross = Floats(file, prefix + "parallel.1.cross.weight"),
                             old_cross = TrainedValues(prefix + "parallel.1.cross.weight", 256, 3);
    for (int row = 0; row < 40; ++row) {
      for (int i = 0; i < 20; ++i)
        ASSERT_EQ(embed[row * 20 + i], i < 8 ? old[row * 16 + 8 + i] : four[row * 12 + i - 8]);
    }
    for (int row = 0; row < 20; ++row) {
      for (int i = 0; i < 20; ++i) {
        ASSERT_EQ(cross[row * 20 + i], row < 8 && i < 8 ? old_cross[(row + 8) * 16 + 8 + i] : 0.0f)
            << row << " " << i;
      }
    }
    EXPECT_EQ(Floats(file, prefix + "parallel.1.path.0.attn.k.weight"),
              TrainedValues(prefix + "parallel.1.path.1.attn.k.weight", 64, 3));
    EXPECT_EQ(Floats(file, prefix + "parallel.0.path.1.attn.k.weight"),
              TrainedValues(prefix + "blocks.0.attn.k.weight", 144, 4));
    EXPECT_EQ(Floats(file, prefix + "gate.bias"),
              (std::vector<float>{TrainedValues(prefix + "gate.bias", 2, 3)[1], 0.0f}));
  }
  const Json steps = ReadJsonFile(out_ + "/state.json").value()["steps"];
  EXPECT_EQ(steps["embed.weight"], 20);
  EXPECT_EQ(steps["parallel.1.cross.weight"], 20);
  EXPECT_EQ(steps["large.0.attn.q.weight"], 0);
}

// A partial tensor whose new part is random: the values around the kept columns are those of
// training from scratch.
TEST_F(WriterTest, TheNewPartOfATensorIsInitial) {
  const std::string base_folder = folder_.path() + "/base";
  const auto base_spec = CompositeOf({ParentOf(SmallPath("one")), ParentOf(SmallPath("two"))},
                                     std::nullopt, {"base", {}, {}})
                             .value();
  WriteParent(base_folder, base_spec, {.seed = 3});
  WriteParent(folders_[0], SmallPath("three"), {.seed = 4});
  const std::vector<Parent> parents = {ReadParent("three", folders_[0]).value()};
  const Parent base = ReadParent("base", base_folder).value();
  const auto composite = CompositeOf(parents, base, {"new", {}, {}}).value();
  const MergePlan plan = PlanMerge(parents, base, composite, {.seed = 5}).value();
  ASSERT_TRUE(
      WriteComposite(plan, {folders_[0], base_folder}, out_, kThreads, [](int64_t, int64_t) {
      }).ok());
  const auto file = SafetensorsFile::Open(out_ + "/model.safetensors").value();
  for (const model::TensorSpec& tensor : model::Tensors(composite)) {
    if (tensor.name != "shrink.weight") continue;
    std::vector<float> fresh(static_cast<size_t>(tensor.elements()));
    model::Initialize(tensor, 5, fresh.data());
    const std::vector<float> merged = Floats(file, tensor.name),
                             old = TrainedValues(tensor.name, 8 * 16, 3);
    for (int row = 0; row < 8; ++row) {
      for (int i = 0; i < 24; ++i)
        ASSERT_EQ(merged[row * 24 + i], i < 16 ? old[row * 16 + i] : fresh[row * 24 + i]);
    }
  }
}

}  // namespace
}  // namespace braid::merge
