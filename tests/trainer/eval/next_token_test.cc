#include "trainer/eval/next_token/next_token.h"

#include <gmock/gmock.h>

#include <cmath>

#include "schema/read.h"
#include "tests/trainer/small_world.h"
#include "trainer/eval/evaluate.h"
#include "trainer/eval/next_token/windows.h"

namespace braid::trainer {
namespace {

using ::testing::HasSubstr;

std::vector<std::vector<int64_t>> Windows(int64_t tokens, int64_t window, int64_t stride) {
  std::vector<std::vector<int64_t>> all;
  for (const TextWindow& one : WindowsOf(tokens, window, stride))
    all.push_back({one.begin, one.end, one.scored});
  return all;
}

TEST(WindowsTest, EveryTargetIsScoredOnceWithAsMuchContextAsThereIs) {
  using All = std::vector<std::vector<int64_t>>;
  EXPECT_EQ(Windows(3, 8, 4), (All{{0, 3, 0}}));
  EXPECT_EQ(Windows(8, 8, 4), (All{{0, 8, 0}}));
  EXPECT_EQ(Windows(9, 8, 4), (All{{0, 8, 0}, {1, 9, 8}}));
  EXPECT_EQ(Windows(17, 8, 4), (All{{0, 8, 0}, {4, 12, 8}, {8, 16, 12}, {9, 17, 16}}));
  EXPECT_EQ(Windows(17, 8, 8), (All{{0, 8, 0}, {8, 16, 8}, {9, 17, 16}}));
  EXPECT_EQ(Windows(4, 2, 1), (All{{0, 2, 0}, {1, 3, 2}, {2, 4, 3}}));
  EXPECT_EQ(Windows(2, 1, 1), (All{{0, 1, 0}, {1, 2, 1}}));
  EXPECT_TRUE(Windows(0, 8, 4).empty());
}

class NextTokenTest : public ::testing::Test {
 protected:
  NextTokenTest() {
    network_ = Network::Create(world_.Composite(), "cpu").value();
    network_->Initialize(9);
    // Far from uniform, so that guesses differ from chance.
    for (int64_t i = 0; i < network_->layout().size; ++i) network_->parameters()[i] *= 8;
    folder_ = world_.MakeFolderAt("text");
  }
  corpus::CorpusFile Write(const std::string& name, const std::string& text) {
    EXPECT_TRUE(WriteFileAtomic(JoinPath(folder_, name), text).ok());
    return {JoinPath(folder_, name), name};
  }
  static spec::NextTokenSettings Settings(const Json& json) {
    return schema::FromJson<spec::NextTokenSettings>(json, "next_token").value();
  }
  Json Measure(const spec::NextTokenSettings& settings,
               const std::vector<corpus::CorpusFile>& files) {
    const auto filled = FillNextToken(settings, network_->spec(), SmallWorld::kSequence, "n");
    const auto json = MeasureNextToken(*network_, world_.shared_tokenizer(), filled.value(), files,
                                       MeasureHooks());
    EXPECT_TRUE(json.ok()) << json.status().message();
    return *json;
  }

  struct Sums {
    double loss = 0, tokens = 0, bytes = 0, top1 = 0, top5 = 0;
  };
  // Each token from the logits of a pass of its own, which has exactly the context that its window
  // gives it.
  Sums Reference(const std::vector<std::string>& documents, int64_t window, int64_t stride) {
    Sums sums;
    corpus::Encoder encoder(world_.shared_tokenizer());
    for (const std::string& text : documents) {
      std::vector<int32_t> ids = {world_.tokenizer().eos_id()};
      encoder.Encode(text, &ids);
      sums.bytes += static_cast<double>(text.size());
      for (int64_t t = 0; t + 1 < std::ssize(ids); ++t) {
        int64_t end = window;  // of the window that scores target t
        while (end <= t) end += stride;
        end = std::min(end, std::ssize(ids) - 1);
        const int64_t begin = std::max<int64_t>(0, end - window);
        const std::vector<float> logits = network_->Logits(
            {ids.begin() + begin, ids.begin() + t + 1}, /*last_only=*/true);
        const float own = logits[static_cast<size_t>(ids[static_cast<size_t>(t) + 1])];
        double total = 0;
        int64_t larger = 0;
        for (const float logit : logits) {
          total += std::exp(static_cast<double>(logit));
          larger += logit > own ? 1 : 0;
        }
        sums.loss += std::log(total) - static_cast<double>(own);
        sums.tokens += 1;
        sums.top1 += larger == 0 ? 1 : 0;
        sums.top5 += larger < 5 ? 1 : 0;
      }
    }
    return sums;
  }
  static void ExpectEqual(const Json& text, const Sums& sums) {
    EXPECT_EQ(text["tokens"], sums.tokens);
    EXPECT_EQ(text["bytes"], sums.bytes);
    EXPECT_NEAR(text["loss"].get<double>(), sums.loss / sums.tokens, 1e-5);
    EXPECT_NEAR(text["bits_per_byte"].get<double>(), sums.loss / std::log(2.0) / sums.bytes, 1e-5);
    EXPECT_NEAR(text["top1"].get<double>(), 100 * sums.top1 / sums.tokens, 1e-9);
    EXPECT_NEAR(text["top5"].get<double>(), 100 * sums.top5 / sums.tokens, 1e-9);
  }

  SmallWorld world_;
  std::unique_ptr<Network> network_;
  std::string folder_;
};

TEST_F(NextTokenTest, LongTextsAreReadInWindowsAndEveryTokenCountsOnce) {
  std::string text;
  for (int i = 0; i < 40; ++i) text += "one and " + std::to_string(i) + " ";
  const auto file = Write("long.txt", text);
  for (const auto& [window, stride] : {std::pair{16, 8}, {16, 16}, {16, 3}, {5, 1}}) {
    const Json json = Measure(Settings({{"window", window}, {"stride", stride}}), {file});
    ExpectEqual(json["files"]["long.txt"], Reference({text}, window, stride));
    EXPECT_EQ(json["all"]["tokens"], json["files"]["long.txt"]["tokens"]);
  }
  // 0 stands for the sequence, and for half of it.
  const Json usual = Measure(Settings(Json::object()), {file});
  EXPECT_EQ(usual["window"], SmallWorld::kSequence);
  EXPECT_EQ(usual["stride"], SmallWorld::kSequence / 2);
}

TEST_F(NextTokenTest, DocumentsAreReadByThemselvesFromRowsAndPlainText) {
  const std::vector<std::string> documents = {"the cat", "two and two", "é ü and more of the same"};
  std::string rows, plain;
  for (const std::string& document : documents) {
    rows += Json{{"body", document}, {"text", "no"}}.dump() + "\n";
    plain += document + "\n==\n";
  }
  const auto of_rows = Write("rows.jsonl", rows), of_text = Write("plain.txt", plain);
  const Sums sums = Reference(documents, 16, 8);
  const Json from_rows = Measure(Settings({{"text", "body"}}), {of_rows})["files"]["rows.jsonl"];
  ExpectEqual(from_rows, sums);
  EXPECT_EQ(from_rows["documents"], 3);
  EXPECT_EQ(from_rows["groups"]["bytes"], Json({7.0, 11.0, 26.0}));
  double loss = 0;
  for (const Json& group : from_rows["groups"]["loss"]) loss += group.get<double>();
  EXPECT_NEAR(loss, sums.loss, 1e-3);
  const Json from_text = Measure(Settings({{"separator", "=="}}), {of_text})["files"]["plain.txt"];
  EXPECT_EQ(from_text["documents"], 3);
  const Json first = Measure(Settings({{"text", "body"}, {"documents", 1}}), {of_rows})["all"];
  ExpectEqual(first, Reference({documents[0]}, 16, 8));
}

TEST_F(NextTokenTest, ManyDocumentsAreGrouped) {
  std::string rows;
  for (int i = 0; i < 450; ++i) rows += "{\"text\": \"the cat\"}\n";
  const Json text = Measure(Settings(Json::object()), {Write("a.jsonl", rows)})["files"]["a.jsonl"];
  EXPECT_EQ(text["documents"], 450);
  EXPECT_EQ(text["groups"]["loss"].size(), 150u);
}

TEST_F(NextTokenTest, SettingsAndFilesThatCannotBeAreNamed) {
  const auto error = [](const Json& json) {
    return schema::FromJson<spec::NextTokenSettings>(json, "spec.next_token").status().message();
  };
  EXPECT_EQ(error({{"window", -1}}), "spec.next_token.window: must not be negative, is -1");
  EXPECT_THAT(error({{"window", 4}, {"stride", 5}}),
              HasSubstr("spec.next_token.stride: is above window"));
  EXPECT_THAT(error({{"overlap", 5}}), HasSubstr("spec.next_token.overlap"));
  model::ModelSpec model = network_->spec();
  model.arch.rope_max_pos = 12;
  EXPECT_THAT(FillNextToken(Settings({{"window", 13}}), model, 8, "p").status().message(),
              HasSubstr("p.window: 13 is above the 12 positions of model composite"));
  EXPECT_THAT(FillNextToken(Settings({{"stride", 9}}), model, 8, "p").status().message(),
              HasSubstr("p.stride: 9 is above the window of 8 tokens; lower it"));
  const auto no_field = Write("rows.jsonl", "{\"body\": \"a\"}\n");
  EXPECT_THAT(CheckNextTokenFiles(Settings({{"text", "text"}}), {no_field}).message(),
              HasSubstr("rows.jsonl"));
  EXPECT_THAT(CheckNextTokenFiles(Settings(Json::object()), {}).message(),
              HasSubstr("there is no file"));
}

// As a job, and after a stop.
TEST_F(NextTokenTest, AJobMeasuresEveryFileOfItsInputAndGoesOnAfterAStop) {
  Write("a.jsonl", "{\"text\": \"the cat and the dog\"}\n");
  Write("b.txt", "one and one are two");
  task::Task task;
  task.kind = "evaluate";
  task.job = "evaluate_m";
  task.inputs = {{"model", world_.WriteModel("model", *network_)},
                 {"tokenizer", world_.at("tokenizer")},
                 {"next_token", folder_}};
  task.output = world_.MakeFolderAt("output");
  task.work = world_.MakeFolderAt("work");
  task.spec = {{"name", "m"},
               {"sequence", SmallWorld::kSequence},
               {"next_token", {{"stride", 4}}},
               {"checkpoint", {{"seconds", 0}}}};
  RecordingChannel channel(task.work);
  ASSERT_TRUE(RunEvaluateJob(task, channel).ok());
  const Json whole = ReadJsonFile(task.output + "/evaluation/evaluation.json").value();
  EXPECT_EQ(whole["next_token"]["files"].size(), 2u);
  EXPECT_EQ(whole["next_token"]["stride"], 4);
  EXPECT_EQ(channel.result["next_token"], whole["next_token"]["all"]);
  EXPECT_EQ(whole["next_token"]["all"]["bytes"], 38);

  ASSERT_FALSE(channel.checkpoints().empty());
  task::Task second = task;
  second.output = world_.MakeFolderAt("again");
  second.resume = channel.checkpoints().begin()->second;
  RecordingChannel again(second.work);
  ASSERT_TRUE(RunEvaluateJob(second, again).ok());
  EXPECT_EQ(ReadJsonFile(second.output + "/evaluation/evaluation.json").value(), whole);

  task.spec["next_token"]["window"] = 0;
  task.inputs.erase("next_token");
  RecordingChannel none(task.work);
  EXPECT_THAT(RunEvaluateJob(task, none).message(), HasSubstr("next_token"));
}

}  // namespace
}  // namespace braid::trainer
