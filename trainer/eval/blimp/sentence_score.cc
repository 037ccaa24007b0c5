#include "trainer/eval/blimp/sentence_score.h"

#include <algorithm>
#include <numeric>

#include "base/status.h"

namespace braid::trainer {

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
