#include "trainer/loop/checkpoint.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include "tests/trainer/small_world.h"

namespace braid::trainer {
namespace {

using ::testing::HasSubstr;

class CheckpointTest : public ::testing::Test {
 protected:
  CheckpointTest() : spec_(world_.Dense("m")), layout_(MakeLayout(spec_)) {
    const auto size = static_cast<size_t>(layout_.size);
    snapshot_.p.assign(size, 0);
    for (const StateLayout& state : states_) snapshot_.state.push_back({state, snapshot_.p});
    std::vector<float>&m = snapshot_.Of("m").values, &v = snapshot_.Of("v").values;
    // The gaps between tensors are not stored.
    for (const Layout::Slot& slot : layout_.slots) {
      for (int64_t i = 0; i < slot.tensor.elements(); ++i) {
        const auto at = static_cast<size_t>(slot.offset + i);
        snapshot_.p[at] = random_.Normal(3 * at);
        m[at] = random_.Normal(3 * at + 1);
        v[at] = random_.Normal(3 * at + 2);
      }
    }
    snapshot_.step = state_.step = 12;
    for (size_t i = 0; i < layout_.slots.size(); ++i)
      snapshot_.ages.push_back(static_cast<int64_t>(100 + i));
    state_.epoch = 1;
    state_.tokens = 3456;
    state_.seed = 7;
    state_.environment = {2, 3, "AVX2"};
    state_.settings = "abc";
  }
  std::string Write() {
    EXPECT_TRUE(
        WriteCheckpoint(folder_, spec_, layout_, snapshot_, state_, "{\"step\":12}\n", true).ok());
    return folder_;
  }
  std::string Error() {
    return ReadCheckpoint(folder_, spec_, layout_, states_).status().message();
  }

  SmallWorld world_;
  const std::string folder_ = world_.at("step-12");
  const model::ModelSpec spec_;
  const Layout layout_;
  const std::vector<StateLayout> states_ =
      FindOptimizer(spec::OptimizerKind::kAdamW).states(layout_);
  const RandomStream random_{1, "checkpoint"};
  OptimizerSnapshot snapshot_;
  TrainState state_;
};

TEST_F(CheckpointTest, ComesBackBitForBit) {
  state_.before = {{4, {1, 1, "AVX512"}}};
  Write();
  const auto back = ReadCheckpoint(folder_, spec_, layout_, states_);
  ASSERT_TRUE(back.ok()) << back.status().message();
  EXPECT_EQ(back->snapshot.p, snapshot_.p);
  for (const char* moment : {"m", "v"})
    EXPECT_EQ(back->snapshot.Of(moment).values, snapshot_.Of(moment).values);
  EXPECT_FALSE(ReadJsonFile(folder_ + "/state.json")->contains("states")) << "AdamW's go unsaid";
  EXPECT_EQ(back->snapshot.ages, snapshot_.ages);
  EXPECT_EQ(back->snapshot.step, 12);
  EXPECT_EQ(back->history, "{\"step\":12}\n");
  EXPECT_EQ(ToJson(back->state), ToJson(state_));
  EXPECT_EQ(back->state.before.at(0).second.instruction_set, "AVX512");
  EXPECT_FALSE(PathExists(folder_ + ".tmp"));
}

TEST_F(CheckpointTest, TheRateAndTheMeanOfTheWeightsComeBackBitForBit) {
  state_.rate = 0.1 / 3;
  snapshot_.average = snapshot_.Of("v").values;
  snapshot_.averaged = 3;
  Write();
  const auto back = ReadCheckpoint(folder_, spec_, layout_, states_);
  ASSERT_TRUE(back.ok()) << back.status().message();
  EXPECT_EQ(back->state.rate, 0.1 / 3);
  EXPECT_EQ(back->snapshot.average, snapshot_.average);
  EXPECT_EQ(back->snapshot.averaged, 3);
  ASSERT_TRUE(RemoveFile(folder_ + "/average.safetensors").ok());
  EXPECT_THAT(Error(), HasSubstr(folder_ + "/average.safetensors"));
  Json state = ReadJsonFile(folder_ + "/state.json").value();
  state["averaged"] = 0;
  ASSERT_TRUE(WriteJsonFile(folder_ + "/state.json", state).ok());
  EXPECT_THAT(Error(), HasSubstr("state.json.averaged: expected a number of states, found 0"));
  // A checkpoint of today without either, and every one from before them, has neither.
  snapshot_.averaged = 0;
  state_.rate.reset();
  Write();
  EXPECT_FALSE(PathExists(folder_ + "/average.safetensors"));
  state = ReadJsonFile(folder_ + "/state.json").value();
  EXPECT_FALSE(state.contains("rate") || state.contains("averaged"));
  EXPECT_EQ(ReadCheckpoint(folder_, spec_, layout_, states_)->snapshot.averaged, 0);
}

TEST_F(CheckpointTest, WhatAKilledWriterLeftIsWrittenOver) {
  ASSERT_TRUE(MakeFolder(folder_ + ".tmp").ok());
  ASSERT_TRUE(WriteFileAtomic(folder_ + ".tmp/rest", "x").ok());
  Write();
  EXPECT_FALSE(PathExists(folder_ + "/rest"));
}

TEST_F(CheckpointTest, NamesTheFileThatIsCutShort) {
  for (const char* name : {"model.safetensors", "optimizer.safetensors"}) {
    Write();
    const std::string path = JoinPath(folder_, name);
    ASSERT_EQ(truncate(path.c_str(), static_cast<off_t>(*FileSize(path) - 4)), 0);
    EXPECT_EQ(ReadCheckpoint(folder_, spec_, layout_, states_).status().code(),
              StatusCode::kDataLoss)
        << Error();
    EXPECT_THAT(Error(), HasSubstr(path));
  }
  Write();
  ASSERT_TRUE(RemoveFile(folder_ + "/state.json").ok());
  EXPECT_THAT(Error(), HasSubstr(folder_ + "/state.json"));
}

TEST_F(CheckpointTest, NamesTheTensorThatIsMissing) {
  Write();
  const auto writer = storage::SafetensorsWriter::Create(folder_ + "/model.safetensors",
                                                         {{"embed.weight", "F32", {1}}})
                          .value();
  const float value = 1;
  ASSERT_TRUE(writer->Append("embed.weight", &value, sizeof value).ok());
  ASSERT_TRUE(writer->Finish().ok());
  EXPECT_THAT(Error(), HasSubstr("model.safetensors"));
  EXPECT_THAT(Error(), HasSubstr("blocks.0.attn.q.weight"));
  // Of the model alone, too.
  EXPECT_THAT(LoadNetwork(folder_, "cpu").status().message(), HasSubstr("blocks.0.attn.q.weight"));
}

TEST_F(CheckpointTest, NamesEveryFieldThatDiffers) {
  Write();
  model::ModelSpec other = spec_;
  other.vocab = 500;
  other.dense.blocks = 3;
  other.tokenizer = std::string(64, '0');
  const std::string message =
      ReadCheckpoint(folder_, other, MakeLayout(other), {}).status().message();
  EXPECT_THAT(message, HasSubstr("vocab is 271, the task says 500"));
  EXPECT_THAT(message, HasSubstr("dense.blocks is 2, the task says 3"));
  EXPECT_THAT(message, HasSubstr("tokenizer is \"" + spec_.tokenizer.substr(0, 12) +
                                 "..., the task says \"000000000000..."));
}

TEST_F(CheckpointTest, AgesStandByTensorAndWithoutThemAllAreAsOldAsTheStep) {
  Write();
  Json state = ReadJsonFile(folder_ + "/state.json").value();
  EXPECT_EQ(state["steps"].size(), layout_.slots.size());
  EXPECT_EQ(state["steps"][layout_.slots[3].tensor.name], 103);
  state["steps"].erase("blocks.1.attn.k.weight");
  ASSERT_TRUE(WriteJsonFile(folder_ + "/state.json", state).ok());
  EXPECT_THAT(Error(), HasSubstr("state.json.steps.blocks.1.attn.k.weight"));
  state["steps"]["blocks.1.attn.k.weight"] = -1;
  ASSERT_TRUE(WriteJsonFile(folder_ + "/state.json", state).ok());
  EXPECT_THAT(Error(), HasSubstr("state.json.steps.blocks.1.attn.k.weight: must not be negative"));
  state.erase("steps");
  ASSERT_TRUE(WriteJsonFile(folder_ + "/state.json", state).ok());
  EXPECT_EQ(ReadCheckpoint(folder_, spec_, layout_, states_)->snapshot.ages,
            std::vector<int64_t>(layout_.slots.size(), 12));
  // A model without the optimizer has no ages.
  ASSERT_TRUE(WriteCheckpoint(folder_, spec_, layout_, snapshot_, state_, "", false).ok());
  EXPECT_FALSE(ReadJsonFile(folder_ + "/state.json")->contains("steps"));
}

// Of Muon: a momentum of some tensors, moments of the others.
class MuonCheckpointTest : public CheckpointTest {
 protected:
  MuonCheckpointTest() {
    snapshot_.state.clear();
    for (const StateLayout& state : muon_) {
      snapshot_.state.push_back({state, std::vector<float>(static_cast<size_t>(state.size))});
      std::vector<float>& values = snapshot_.state.back().values;
      // Between the tensors of a state there are gaps, too.
      for (size_t i = 0; i < layout_.slots.size(); ++i) {
        const auto begin = static_cast<size_t>(state.Covers(i) ? state.offsets[i] : 0);
        const auto count = static_cast<size_t>(state.Covers(i) ? layout_.slots[i].tensor.elements()
                                                               : 0);
        const RandomStream random(i, state.name);
        for (size_t e = 0; e < count; ++e) values[begin + e] = random.Normal(e);
      }
    }
  }
  static std::vector<float> Of(const OptimizerSnapshot& snapshot, const char* state,
                               const Layout& layout, const char* tensor) {
    const size_t slot = layout.by_name.at(tensor);
    const auto& [where, values] = snapshot.Of(state);
    const auto begin = values.begin() + where.offsets[slot];
    return {begin, begin + layout.slots[slot].tensor.elements()};
  }

  const std::vector<StateLayout> muon_ = FindOptimizer(spec::OptimizerKind::kMuon).states(layout_);
};

TEST_F(MuonCheckpointTest, ComesBackBitForBitByTheNamesOfItsStates) {
  Write();
  const auto back = ReadCheckpoint(folder_, spec_, layout_, muon_);
  ASSERT_TRUE(back.ok()) << back.status().message();
  ASSERT_EQ(back->snapshot.state.size(), 3u);
  for (size_t i = 0; i < 3; ++i)
    EXPECT_EQ(back->snapshot.state[i].values, snapshot_.state[i].values) << muon_[i].name;
  EXPECT_EQ(back->snapshot.ages, snapshot_.ages);
  const Json states = ReadJsonFile(folder_ + "/state.json").value()["states"];
  EXPECT_EQ(states["blocks.0.attn.q.weight"], Json({"momentum"}));
  EXPECT_EQ(states["embed.weight"], Json({"m", "v"}));
  const auto file = storage::SafetensorsFile::Open(folder_ + "/optimizer.safetensors").value();
  EXPECT_EQ(file.tensors().size(), 14u + 2 * (layout_.slots.size() - 14));
  EXPECT_NE(file.Find("momentum.blocks.1.ffn.down.weight"), nullptr);
  EXPECT_EQ(file.Find("m.blocks.1.ffn.down.weight"), nullptr);
}

TEST_F(MuonCheckpointTest, AnotherOptimizerTakesWhatItKnowsAndBeginsWithTheRest) {
  Write();
  OptimizerSnapshot adamw;
  for (const StateLayout& state : states_) adamw.state.push_back({state, {}});
  const std::vector<size_t> absent = ReadOptimizerState(folder_, layout_, &adamw).value();
  EXPECT_EQ(absent.size(), 14u);
  for (const char* moment : {"m", "v"}) {
    EXPECT_EQ(Of(adamw, moment, layout_, "head.weight"),
              Of(snapshot_, moment, layout_, "head.weight"));
    EXPECT_EQ(Of(adamw, moment, layout_, "blocks.1.ffn.up.weight"),
              std::vector<float>(64 * 16, 0.0f));
  }
  const size_t head = layout_.by_name.at("head.weight"),
               up = layout_.by_name.at("blocks.1.ffn.up.weight");
  EXPECT_EQ(adamw.ages[head], snapshot_.ages[head]);
  EXPECT_EQ(adamw.ages[up], 0);
  // Nobody goes on with it as if nothing had happened.
  EXPECT_THAT(Error(),
              HasSubstr("state.json.states.blocks.0.attn.q.weight: does not have m and v, which "
                        "this training's optimizer keeps; the checkpoint is of another optimizer"));
}

TEST_F(MuonCheckpointTest, StatesThatCannotBeAreNamed) {
  Write();
  const Json good = ReadJsonFile(folder_ + "/state.json").value();
  const auto error = [&](auto change) {
    Json state = good;
    change(state["states"]);
    EXPECT_TRUE(WriteJsonFile(folder_ + "/state.json", state).ok());
    return ReadCheckpoint(folder_, spec_, layout_, muon_).status().message();
  };
  EXPECT_THAT(error([](Json& states) { states.erase("norm.weight"); }),
              HasSubstr("state.json.states.norm.weight"));
  EXPECT_THAT(error([](Json& states) { states["norm.weight"] = "m"; }),
              HasSubstr("state.json.states.norm.weight"));
  EXPECT_THAT(error([](Json& states) { states["odd.weight"] = Json::array(); }),
              HasSubstr("state.json.states.odd.weight"));
  EXPECT_THAT(error([](Json& states) { states["blocks.0.attn.q.weight"].push_back("m"); }), "");
  EXPECT_THAT(error([](Json& states) {
                states["norm.weight"] = {"momentum", "m", "v"};
                states["blocks.0.attn.q.weight"] = Json::array();
              }),
              HasSubstr("state.json.states.blocks.0.attn.q.weight: does not have momentum"));
}

TEST_F(CheckpointTest, RefusesANewerFormat) {
  Write();
  Json state = ToJson(state_);
  state["format"] = 2;
  ASSERT_TRUE(WriteJsonFile(folder_ + "/state.json", state).ok());
  EXPECT_THAT(Error(), HasSubstr("state.json.format: this version of braid reads format 1"));
}

}  // namespace
}  // namespace braid::trainer
