#include "trainer/eval/blimp/sentence_score.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <utility>

#include "base/status.h"

namespace braid::trainer {
namespace {

// Sentences in the order of their tokens, so that each shares most with the one before it.
std::vector<size_t> InOrderOfTokens(const std::vector<std::vector<int32_t>>& sentences) {
  std::vector<size_t> order(sentences.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return sentences[a] < sentences[b]; });
  return order;
}

// A tree of sentences, which are added in the order of their tokens.
class SentenceTree {
 public:
  explicit SentenceTree(int32_t eos_id) : eos_id_(eos_id) {}

  void Add(size_t number, const std::vector<int32_t>& sentence) {
    const auto ends = std::mismatch(last_.begin(), last_.end(), sentence.begin(), sentence.end());
    const auto same = static_cast<size_t>(ends.first - last_.begin());
    // Token i stands after row i, which has read the end token and the tokens before it.
    rows_.resize(std::min(rows_.size(), same + 1));
    targets_.resize(same);
    while (rows_.size() < sentence.size()) {
      tree_.parents.push_back(rows_.empty() ? -1 : rows_.back());
      rows_.push_back(static_cast<int32_t>(tree_.ids.size()));
      tree_.ids.push_back(rows_.size() == 1 ? eos_id_ : sentence[rows_.size() - 2]);
    }
    for (size_t i = same; i < sentence.size(); ++i) {
      targets_.push_back(tree_.targets.size());
      tree_.targets.push_back({rows_[i], sentence[i]});
    }
    last_ = sentence;
    sentences_.emplace_back(number, targets_);
  }

  size_t rows() const { return tree_.ids.size(); }

  // Writes the score of each sentence.
  void Score(const PrefixScorer& scorer, std::vector<double>* scores) const {
    const std::vector<float> log_p = scorer(tree_);
    BRAID_CHECK(log_p.size() == tree_.targets.size());
    for (const auto& [number, targets] : sentences_) {
      for (const size_t target : targets) (*scores)[number] += log_p[target];
    }
  }

 private:
  const int32_t eos_id_;
  PrefixTree tree_;
  std::vector<std::pair<size_t, std::vector<size_t>>> sentences_;  // number, targets
  // Of the sentence that was added last: its tokens, their rows and their targets.
  std::vector<int32_t> last_, rows_;
  std::vector<size_t> targets_;
};

}  // namespace

std::vector<double> ScoreSharedSentences(const std::vector<std::vector<int32_t>>& sentences,
                                         const PrefixScorer& scorer, const ScoreOptions& options) {
  std::vector<double> scores(sentences.size(), 0.0);
  std::unique_ptr<SentenceTree> tree;
  for (const size_t number : InOrderOfTokens(sentences)) {
    const std::vector<int32_t>& sentence = sentences[number];
    if (sentence.empty()) continue;
    const size_t most = static_cast<size_t>(options.batch_tokens);
    if (tree != nullptr && tree->rows() + sentence.size() > most) {
      tree->Score(scorer, &scores);
      tree.reset();
    }
    if (tree == nullptr) tree = std::make_unique<SentenceTree>(options.eos_id);
    tree->Add(number, sentence);
  }
  if (tree != nullptr) tree->Score(scorer, &scores);
  return scores;
}

std::vector<double> ScoreSentences(const std::vector<std::vector<int32_t>>& sentences,
                                   const TokenScorer& scorer, const ScoreOptions& options) {
  // Sorted by length, so that a batch has few pads. The sort is stable, so that batches, and with
  // them rounding, are the same on every machine.
  std::vector<size_t> order(sentences.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return sentences[a].size() > sentences[b].size(); });

  std::vector<double> scores(sentences.size(), 0.0);
  std::vector<int32_t> ids, labels;
  for (size_t first = 0; first < order.size();) {
    // The longest sentence that is left.
    const size_t sequence = sentences[order[first]].size();
    if (sequence == 0) break;
    const size_t fit = std::max<size_t>(1, static_cast<size_t>(options.batch_tokens) / sequence);
    const size_t batch = std::min(fit, order.size() - first);
    ids.assign(batch * sequence, options.pad_id);
    labels.assign(batch * sequence, -1);
    for (size_t row = 0; row < batch; ++row) {
      const std::vector<int32_t>& sentence = sentences[order[first + row]];
      // The last token is predicted and never read.
      ids[row * sequence] = options.eos_id;
      const auto begin = static_cast<std::ptrdiff_t>(row * sequence);
      if (!sentence.empty())
        std::copy(sentence.begin(), sentence.end() - 1, ids.begin() + begin + 1);
      std::copy(sentence.begin(), sentence.end(), labels.begin() + begin);
    }
    const std::vector<float> log_p = scorer(ids.data(), labels.data(), static_cast<int64_t>(batch),
                                            static_cast<int64_t>(sequence));
    BRAID_CHECK(log_p.size() == batch * sequence);
    for (size_t row = 0; row < batch; ++row) {
      double& score = scores[order[first + row]];
      for (size_t t = 0; t < sentences[order[first + row]].size(); ++t)
        score += log_p[row * sequence + t];
    }
    first += batch;
  }
  return scores;
}

}  // namespace braid::trainer
