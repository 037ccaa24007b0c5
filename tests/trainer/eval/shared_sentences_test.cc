// Scores of sentences whose shared beginnings are read once, beside those of each by itself.
#include <gmock/gmock.h>

#include <map>

#include "base/random.h"
#include "trainer/eval/blimp/sentence_score.h"

namespace braid::trainer {
namespace {

using ::testing::ElementsAre;
using Tokens = std::vector<int32_t>;

// A model whose log p depends on all tokens before: exact in floats, so that sums are equal
// whatever was read together.
float LogP(const Tokens& before, int32_t id) {
  uint32_t hash = 17;
  for (const int32_t token : before) hash = hash * 31 + static_cast<uint32_t>(token);
  return -static_cast<float>((hash * 31 + static_cast<uint32_t>(id)) % 97) / 8;
}

std::vector<float> OfBatch(const int32_t* ids, const int32_t* labels, int64_t batch,
                           int64_t sequence) {
  std::vector<float> log_p;
  for (int64_t b = 0; b < batch; ++b) {
    Tokens before;
    for (int64_t t = b * sequence; t < (b + 1) * sequence; ++t) {
      before.push_back(ids[t]);
      log_p.push_back(labels[t] < 0 ? 0 : LogP(before, labels[t]));
    }
  }
  return log_p;
}

// The same model of trees. Remembers them.
struct TreeModel {
  std::vector<float> operator()(const PrefixTree& tree) {
    trees.push_back(tree);
    std::vector<float> log_p;
    for (const PrefixTree::Target& target : tree.targets)
      log_p.push_back(LogP(Before(tree, target.row), target.id));
    return log_p;
  }
  static Tokens Before(const PrefixTree& tree, int32_t row) {
    Tokens before;
    for (; row >= 0; row = tree.parents[static_cast<size_t>(row)])
      before.insert(before.begin(), tree.ids[static_cast<size_t>(row)]);
    return before;
  }
  std::vector<PrefixTree> trees;
};

TEST(SharedSentencesTest, ABeginningIsReadOnce) {
  TreeModel model;
  const auto scores = ScoreSharedSentences({{5, 6, 7}, {5, 6, 8, 9}, {5, 6}, {}, {4}},
                                           std::ref(model), {0, 99, 4096});
  ASSERT_EQ(model.trees.size(), 1u);
  const PrefixTree& tree = model.trees[0];
  // The end token, what is read after it, and no sentence's last token unless another goes on.
  EXPECT_THAT(tree.ids, ElementsAre(0, 5, 6, 8));
  EXPECT_THAT(tree.parents, ElementsAre(-1, 0, 1, 2));
  EXPECT_EQ(tree.targets.size(), 6u);  // 4, 5, 6, and 7, 8, 9
  EXPECT_THAT(scores, ElementsAre(LogP({0}, 5) + LogP({0, 5}, 6) + LogP({0, 5, 6}, 7),
                                  LogP({0}, 5) + LogP({0, 5}, 6) + LogP({0, 5, 6}, 8) +
                                      LogP({0, 5, 6, 8}, 9),
                                  LogP({0}, 5) + LogP({0, 5}, 6), 0.0, LogP({0}, 4)));
}

TEST(SharedSentencesTest, ScoresAreThoseOfEachByItself) {
  // The sentences are drawn from few different tokens, so that some are equal, some are beginnings
  // of others, and the tree of them forks at every depth.
  const RandomStream draws(3, "sentences");
  std::vector<Tokens> sentences;
  for (uint64_t i = 0; i < 300; ++i) {
    Tokens& one = sentences.emplace_back();
    const uint64_t length = draws.Below(i * 20, 9);
    for (uint64_t t = 0; t < length; ++t)
      one.push_back(static_cast<int32_t>(1 + draws.Below(i * 20 + 1 + t, 3)));
  }
  const auto alone = ScoreSentences(sentences, &OfBatch, {0, 99, 64});
  for (const int64_t most : {1, 10, 64, 100000}) {
    TreeModel model;
    EXPECT_EQ(ScoreSharedSentences(sentences, std::ref(model), {0, 99, most}), alone);
    for (const PrefixTree& tree : model.trees) {
      // One sentence alone may have more.
      EXPECT_LE(tree.ids.size(), static_cast<size_t>(std::max<int64_t>(most, 8)));
      std::map<Tokens, int> rows, targets;
      for (int32_t row = 0; row < std::ssize(tree.ids); ++row)
        EXPECT_EQ(++rows[TreeModel::Before(tree, row)], 1);
      for (const PrefixTree::Target& target : tree.targets) {
        Tokens all = TreeModel::Before(tree, target.row);
        all.push_back(target.id);
        EXPECT_EQ(++targets[all], 1);
      }
    }
    EXPECT_EQ(model.trees.size() == 1, most == 100000);
  }
}

}  // namespace
}  // namespace braid::trainer
