#include "trainer/eval/blimp/blimp.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstdlib>

#include "base/file.h"
#include "corpus/bpe_trainer.h"

namespace braid::trainer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A model of the same log p for a token wherever it stands: -(id % 7) / 4 - 1/2, exact in floats.
// Remembers its calls.
struct UnigramModel {
  static float LogP(int32_t id) { return -static_cast<float>(id % 7) / 4 - 0.5f; }
  std::vector<float> operator()(const int32_t* ids, const int32_t* labels, int64_t batch,
                                int64_t sequence) {
    std::vector<float> log_p;
    for (int64_t i = 0; i < batch * sequence; ++i) {
      log_p.push_back(labels[i] < 0 ? 0 : LogP(labels[i]));
      inputs.push_back(ids[i]);
      targets.push_back(labels[i]);
    }
    shapes.emplace_back(batch, sequence);
    return log_p;
  }
  std::vector<int32_t> inputs, targets;
  std::vector<std::pair<int64_t, int64_t>> shapes;
};

TEST(SentenceScoreTest, ReadsTheEndTokenFirstAndPadsOnTheRight) {
  UnigramModel model;
  const auto scores = ScoreSentences({{5, 6}, {7, 8, 9}}, std::ref(model), {0, 99, 4096});
  EXPECT_THAT(model.shapes, ElementsAre(std::pair<int64_t, int64_t>(2, 3)));
  EXPECT_THAT(model.inputs, ElementsAre(0, 7, 8, 0, 5, 99));
  EXPECT_THAT(model.targets, ElementsAre(7, 8, 9, 5, 6, -1));
  const double first = UnigramModel::LogP(5) + UnigramModel::LogP(6);
  EXPECT_THAT(scores, ElementsAre(first, UnigramModel::LogP(7) + UnigramModel::LogP(8) +
                                             UnigramModel::LogP(9)));
}

TEST(SentenceScoreTest, BatchesOfLikeLengthScoreAsOneByOneDoes) {
  std::vector<std::vector<int32_t>> sentences;
  for (int i = 0; i < 40; ++i) {
    for (int t = 0; t < 1 + (i * 7) % 13; ++t)
      (sentences.size() <= static_cast<size_t>(i) ? sentences.emplace_back() : sentences.back())
          .push_back(1 + i + t);
  }
  sentences.emplace_back();  // an empty one scores 0
  UnigramModel model;
  const auto scores = ScoreSentences(sentences, std::ref(model), {0, 99, 32});
  for (const auto& [batch, sequence] : model.shapes) EXPECT_LE(batch * sequence, 32);
  EXPECT_GT(model.shapes.size(), 5u);
  for (size_t i = 0; i < sentences.size(); ++i) {
    double sum = 0;
    for (const int32_t id : sentences[i]) sum += UnigramModel::LogP(id);
    EXPECT_EQ(scores[i], sum) << i;
  }
}

class BlimpTest : public ::testing::Test {
 protected:
  BlimpTest() {
    corpus::BpeTrainer trainer;
    trainer.Add("the cat sat on the mat and the dog sat on the cat");
    tokenizer_ =
        corpus::Tokenizer::Parse(DumpJson(trainer.Train(270).value()), "tokenizer").value();
  }
  void Write(const std::string& name, const std::string& text) const {
    ASSERT_TRUE(MakeFolder(std::string(FolderOf(at(name)))).ok());
    ASSERT_TRUE(WriteFileAtomic(at(name), text).ok());
  }
  std::string at(const std::string& name) const { return JoinPath(folder_.path(), name); }
  Result<BlimpResult> Run(const std::vector<Paradigm>& paradigms, const TokenScorer& scorer,
                          const BlimpOptions& options = {}) {
    corpus::Encoder encoder(tokenizer_);
    return RunBlimp(paradigms, *tokenizer_, encoder, scorer, options);
  }
  double ScoreOf(const std::string& sentence) {
    corpus::Encoder encoder(tokenizer_);
    std::vector<int32_t> ids;
    encoder.Encode(" " + sentence, &ids);
    double sum = 0;
    for (const int32_t id : ids) sum += UnigramModel::LogP(id);
    return sum;
  }

  TemporaryFolder folder_ = TemporaryFolder::Create().value();
  std::shared_ptr<const corpus::Tokenizer> tokenizer_;
};

TEST_F(BlimpTest, APairIsRightWhenTheGoodSentenceScoresAtLeastAsMuch) {
  const std::string likely = "the cat", unlikely = "the cat sat on the mat and the dog";
  ASSERT_GT(ScoreOf(likely), ScoreOf(unlikely));
  UnigramModel model;
  // Right, wrong, and a tie, which counts as right.
  const std::vector<Paradigm> paradigms = {
      {"one", {{likely, unlikely}, {unlikely, likely}, {"dog", "dog"}}},
      {"two", {{likely, unlikely}}}};
  const BlimpResult result = Run(paradigms, std::ref(model)).value();
  EXPECT_DOUBLE_EQ(result.paradigms[0].accuracy, 2.0 / 3);
  EXPECT_DOUBLE_EQ(result.paradigms[1].accuracy, 1.0);
  EXPECT_DOUBLE_EQ(result.mean, 5.0 / 6);  // paradigms count alike, whatever their pairs
  const Json json = ToJson(result);
  EXPECT_NEAR(json["mean"].get<double>(), 500.0 / 6, 1e-9);
  EXPECT_NEAR(json["paradigms"]["one"].get<double>(), 200.0 / 3, 1e-9);
  EXPECT_EQ(json["pairs"], 4);
}

TEST(BlimpResultTest, CompleteAreAllPairsOfAllParadigms) {
  BlimpResult result;
  for (int i = 0; i < 67; ++i) result.paradigms.push_back({"p" + std::to_string(i), 1, 1000});
  EXPECT_EQ(ToJson(result)["complete"], true);
  result.paradigms[3].pairs = 999;
  EXPECT_EQ(ToJson(result)["complete"], false);
  result.paradigms.erase(result.paradigms.begin() + 3);
  EXPECT_EQ(ToJson(result)["complete"], false);
}

TEST_F(BlimpTest, LongerSentencesAreNotMadeUpFor) {
  // By the mean over tokens the longer sentence would win; by the sum it loses.
  const std::vector<Paradigm> paradigms = {{"length", {{"cat cat", "cat"}}}};
  UnigramModel model;
  ASSERT_LT(ScoreOf("cat cat"), ScoreOf("cat"));
  EXPECT_DOUBLE_EQ(Run(paradigms, std::ref(model)).value().mean, 0.0);
}

TEST_F(BlimpTest, NoiseSeedsAreAveraged) {
  uint64_t seed = 0;
  BlimpOptions options;
  options.noise_seeds = {11, 12, 13, 14, 15};
  std::vector<uint64_t> begun;
  options.begin_noise = [&](uint64_t next, const std::string&) { begun.push_back(seed = next); };
  // Odd seeds like long sentences, even ones short ones.
  const TokenScorer noisy = [&](const int32_t*, const int32_t* labels, int64_t batch,
                                int64_t sequence) {
    std::vector<float> log_p;
    for (int64_t i = 0; i < batch * sequence; ++i)
      log_p.push_back(labels[i] < 0 ? 0.f : seed % 2 == 1 ? 1.f : -1.f);
    return log_p;
  };
  const BlimpResult result = Run({{"p", {{"cat cat cat", "cat"}}}}, noisy, options).value();
  EXPECT_THAT(begun, ElementsAre(11, 12, 13, 14, 15));
  EXPECT_DOUBLE_EQ(result.mean, 0.6);
  EXPECT_THAT(result.seeds, ElementsAre(1, 0, 1, 0, 1));
  EXPECT_NEAR(ToJson(result)["deviation"].get<double>(), 100 * std::sqrt(0.3), 1e-9);
}

TEST_F(BlimpTest, ReportsProgressAndStops) {
  BlimpOptions options;
  std::vector<std::pair<int64_t, int64_t>> seen;
  options.progress = [&](int64_t done, int64_t total) {
    seen.emplace_back(done, total);
    return done == 2 ? Cancelled("stopped") : OkStatus();
  };
  UnigramModel model;
  const Paradigm paradigm{"p", {{"cat", "dog"}}};
  EXPECT_EQ(Run({paradigm, paradigm, paradigm}, std::ref(model), options).status().code(),
            StatusCode::kCancelled);
  EXPECT_THAT(seen,
              ElementsAre(std::pair<int64_t, int64_t>(1, 3), std::pair<int64_t, int64_t>(2, 3)));
}

TEST_F(BlimpTest, RefusesSentencesAboveThePositionsAndDamagedModels) {
  UnigramModel model;
  BlimpOptions options;
  options.max_positions = 3;
  const std::vector<Paradigm> paradigms = {
      {"p", {{"cat", "dog"}, {"cat", "the dog sat on the mat and the cat"}}}};
  EXPECT_THAT(Run(paradigms, std::ref(model), options).status().message(),
              AllOf(HasSubstr("BLiMP paradigm p, pair 2"), HasSubstr("above the 3 positions")));
  const TokenScorer damaged = [](const int32_t*, const int32_t*, int64_t batch, int64_t sequence) {
    return std::vector<float>(static_cast<size_t>(batch * sequence), NAN);
  };
  EXPECT_THAT(Run(paradigms, damaged).status().message(),
              HasSubstr("BLiMP paradigm p, pair 1: the model's log-probability is not finite"));
}

TEST_F(BlimpTest, ReadsParadigmsInOrderOfName) {
  const std::string row =
      R"({"sentence_good": "a cat", "sentence_bad": "cat a", "UID": "x", "pairID": "0"})";
  Write("data/wh_island.jsonl", row + "\n" + row + "\n" + row + "\n");
  Write("data/adjunct_island.jsonl", row + "\n");
  Write("data/README.md", "not a paradigm");
  const std::vector<Paradigm> paradigms = ReadBlimp(folder_.path(), 2).value();
  ASSERT_EQ(paradigms.size(), 2u);
  EXPECT_EQ(paradigms[0].name, "adjunct_island");
  EXPECT_EQ(paradigms[1].name, "wh_island");
  EXPECT_EQ(paradigms[1].pairs.size(), 2u);
  EXPECT_EQ(paradigms[0].pairs[0].good, "a cat");
  EXPECT_EQ(paradigms[0].pairs[0].bad, "cat a");
  EXPECT_EQ(ReadBlimp(folder_.path(), 0).value()[1].pairs.size(), 3u);
}

TEST_F(BlimpTest, NamesFileAndLineOfABadRow) {
  EXPECT_THAT(ReadBlimp(folder_.path(), 0).status().message(),
              HasSubstr("no <paradigm>.jsonl here"));
  Write("a.jsonl", R"({"sentence_good": "x", "sentence_bad": "y"})"
                   "\n"
                   R"({"sentence_good": "x", "sentence": "y"})"
                   "\n");
  EXPECT_THAT(ReadBlimp(folder_.path(), 0).status().message(),
              HasSubstr("a.jsonl:2: the row has no text in field sentence_bad; BLiMP's rows"));
  Write("a.jsonl", R"({"sentence_good": "x", "sentence_bad": ""})");
  EXPECT_THAT(ReadBlimp(folder_.path(), 0).status().message(),
              HasSubstr("a.jsonl:1: the row has no text in field sentence_bad (column 40);"));
  Write("a.jsonl", "not json\n");
  EXPECT_THAT(ReadBlimp(folder_.path(), 0).status().message(), HasSubstr("a.jsonl:1"));
  Write("a.jsonl", "");
  EXPECT_THAT(ReadBlimp(folder_.path(), 0).status().message(), HasSubstr("a.jsonl: no pairs"));
  Write("a.jsonl", R"({"sentence_good": "x", "sentence_bad": "y"})");
  Write("more/a.jsonl", R"({"sentence_good": "x", "sentence_bad": "y"})");
  EXPECT_THAT(ReadBlimp(folder_.path(), 0).status().message(), HasSubstr("both paradigm a"));
}

// Rows are read for their two fields, blank lines are passed over, and folders of links are read
// through.
TEST_F(BlimpTest, BlankLinesOddFieldsAndLinksAreFine) {
  const std::string row =
      R"({"sentence_good": "a cat", "sentence_bad": "cat a", "pairID": NaN, "note": "\ud800", "n": 1e999})";
  Write("blobs/0f", row + "\r\n\n" + row + "\n \n\n");
  ASSERT_TRUE(MakeFolder(folder_.path() + "/data").ok());
  ASSERT_EQ(::symlink("../blobs/0f", (folder_.path() + "/data/agree.jsonl").c_str()), 0);
  const auto paradigms = ReadBlimp(folder_.path() + "/data", 0);
  ASSERT_TRUE(paradigms.ok()) << paradigms.status().message();
  ASSERT_EQ(paradigms->size(), 1u);
  EXPECT_EQ(paradigms->front().pairs.size(), 2u);
  EXPECT_EQ(ReadBlimp(folder_.path() + "/data", 2)->front().pairs.size(), 2u);
  Write("data/b.JSONL", row + "\n");
  EXPECT_EQ(ReadBlimp(folder_.path() + "/data", 0)->back().name, "b");
  Write("data/c.jsonl.xz", std::string("\xFD\x37zXZ\0\0\x04", 8));
  EXPECT_THAT(ReadBlimp(folder_.path() + "/data", 0).status().message(),
              HasSubstr("data/c.jsonl.xz is an xz file"));
}

TEST_F(BlimpTest, ARowOfMegabytesIsNotTheMessage) {
  const std::string much(5'000'000, 'x');
  for (const std::string& row : {"{\"sentence_good\": [\"" + much + "\"]}",
                                 "{\"sentence_good\": \"" + much, "{\"" + much + "\": 1}"}) {
    Write("a.jsonl", R"({"sentence_good": "x", "sentence_bad": "y"})"
                     "\n" +
                         row);
    const std::string error = ReadBlimp(folder_.path(), 0).status().message();
    EXPECT_THAT(error, HasSubstr("a.jsonl:2"));
    EXPECT_LT(error.size(), 600u);
  }
}

// The published files, where a checkout has them beside it.
TEST_F(BlimpTest, ReadsAll67PublishedParadigms) {
  const std::string archive = JoinPath(FolderOf(BRAID_SOURCE_DIR),
                                       "shared/data/eval/blimp/blimp.tar.gz");
  if (!PathExists(archive)) GTEST_SKIP() << "no " << archive;
  ASSERT_EQ(std::system(("tar xzf '" + archive + "' -C '" + folder_.path() + "'").c_str()), 0);
  const std::vector<Paradigm> paradigms = ReadBlimp(folder_.path(), 0).value();
  EXPECT_EQ(paradigms.size(), 67u);
  for (const Paradigm& paradigm : paradigms)
    EXPECT_EQ(paradigm.pairs.size(), 1000u) << paradigm.name;
  EXPECT_EQ(paradigms.front().name, "adjunct_island");
  EXPECT_EQ(paradigms.front().pairs.front().good, "Who should Derek hug after shocking Richard?");
}

}  // namespace
}  // namespace braid::trainer
