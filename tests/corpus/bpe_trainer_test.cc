#include "corpus/bpe_trainer.h"

#include <gmock/gmock.h>

#include <map>
#include <set>

#include "base/random.h"
#include "corpus/pretokenizer.h"

namespace braid::corpus {
namespace {

using Symbols = std::vector<std::string>;

// The definition, as slow as can be: all pairs are counted anew for each merge. Of equally frequent
// pairs, that with the smallest ids.
std::vector<std::pair<std::string, std::string>> MergesByDefinition(
    const std::map<std::string, int64_t>& pieces, const Json& vocab, size_t merges) {
  std::vector<std::pair<Symbols, int64_t>> words;
  for (const auto& [piece, count] : pieces) {
    Symbols symbols;
    for (const char c : piece) symbols.push_back(ByteCharacters()[static_cast<unsigned char>(c)]);
    words.emplace_back(symbols, count);
  }
  std::vector<std::pair<std::string, std::string>> made;
  while (made.size() < merges) {
    std::map<std::pair<int64_t, int64_t>, int64_t> counts;
    std::map<std::pair<int64_t, int64_t>, std::pair<std::string, std::string>> texts;
    for (const auto& [symbols, count] : words) {
      for (size_t i = 0; i + 1 < symbols.size(); ++i) {
        const std::pair<int64_t, int64_t> ids = {vocab[symbols[i]], vocab[symbols[i + 1]]};
        counts[ids] += count;
        texts[ids] = {symbols[i], symbols[i + 1]};
      }
    }
    auto best = counts.begin();
    for (auto at = counts.begin(); at != counts.end(); ++at) {
      if (at->second > best->second) best = at;
    }
    const auto& [left, right] = made.emplace_back(texts[best->first]);
    if (!vocab.contains(left + right)) break;  // the trainer has learned another one
    for (auto& [symbols, count] : words) {
      for (size_t i = 0; i + 1 < symbols.size(); ++i) {
        if (symbols[i] != left || symbols[i + 1] != right) continue;
        symbols[i] += right;
        symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      }
    }
  }
  return made;
}

// Words of few letters: pairs of equal letters, runs, ties, and pieces that one merge changes in
// several places.
TEST(BpeTrainerTest, LearnsTheMergesOfTheDefinition) {
  const RandomStream draws(7, "words");
  for (uint64_t seed = 0; seed < 12; ++seed) {
    std::map<std::string, int64_t> pieces;
    BpeTrainer trainer(1 + seed % 3);
    std::vector<std::string> documents;
    for (uint64_t i = 0; i < 60; ++i) {
      std::string word = " ";
      for (uint64_t n = 1 + draws.Below(1000 * seed + i, 9 + 12 * (i % 2)); n-- > 0;)
        word += "abcdefgh"[draws.Below(100'000 * (seed + 1) + 50 * i + n, 2 + seed % 6)];
      const auto times = static_cast<int64_t>(1 + draws.Below(9000 + 100 * seed + i, 5));
      pieces[word] += times;
      for (int64_t n = 0; n < times; ++n) documents.push_back(word);
    }
    trainer.Add(documents.back());
    documents.pop_back();
    trainer.Add(documents);
    // Up to the first text that two sequences of merges lead to, after which the definition above
    // has an entry less.
    const Json json = trainer.Train(290).value();
    const Json& merges = json["model"]["merges"];
    std::set<std::string> results;
    size_t distinct = 0;
    for (; distinct < merges.size(); ++distinct) {
      const std::string text_of = merges[distinct][0].get<std::string>() +
                                  merges[distinct][1].get<std::string>();
      if (!results.insert(text_of).second) break;
    }
    ASSERT_GT(distinct, 10u);
    const auto expected = MergesByDefinition(pieces, json["model"]["vocab"], distinct);
    for (size_t i = 0; i < expected.size(); ++i) {
      ASSERT_EQ(merges[i][0], expected[i].first) << seed << ", merge " << i;
      ASSERT_EQ(merges[i][1], expected[i].second) << seed << ", merge " << i;
    }
    EXPECT_EQ(expected.size(), distinct);
  }
}

}  // namespace
}  // namespace braid::corpus
