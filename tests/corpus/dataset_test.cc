#include "corpus/dataset.h"

#include <gmock/gmock.h>

#include <map>
#include <set>

#include "base/json.h"

namespace braid::corpus {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kDocuments = 60;

// Shards in which token values tell where they come from: corpus * 10,000 + document * 100 +
// position.
class DatasetTest : public ::testing::Test {
 protected:
  std::string MakeShards(const std::string& name, int corpus,
                         const std::string& tokenizer = "digest") {
    const std::string folder = folder_.path() + "/" + name;
    auto train = ShardWriter::Create(folder + "/train", 50'000).value();
    auto validation = ShardWriter::Create(folder + "/validation", 50'000).value();
    for (int64_t d = 0; d < kDocuments; ++d) {
      std::vector<int32_t> ids;
      for (int64_t i = 0; i < 20 + d % 7; ++i)
        ids.push_back(static_cast<int32_t>(corpus * 10'000 + d * 100 + i));
      EXPECT_TRUE((d == 5 ? validation : train)->Append(ids).ok());
    }
    EXPECT_TRUE(train->Finish().ok());
    EXPECT_TRUE(validation->Finish().ok());
    const Json description = {{"format", 1},
                              {"corpus", name},
                              {"tokenizer", tokenizer},
                              {"vocab", 50'000},
                              {"dtype", "uint16"},
                              {"tokens", train->tokens()},
                              {"validation_tokens", validation->tokens()}};
    EXPECT_TRUE(WriteJsonFile(folder + "/shards.json", description).ok());
    return folder;
  }

  std::shared_ptr<const Epoch> Open(const DataSpec& spec, int64_t epoch,
                                    const std::string& cache = "cache") {
    std::vector<std::string> folders;
    for (size_t i = 0; i < spec.sources.size(); ++i) folders.push_back(i == 0 ? a_ : b_);
    keep_.push_back(Dataset::Open(spec, folders, folder_.path() + "/" + cache).value());
    return keep_.back()->OpenEpoch(epoch).value();
  }

  static DataSpec Spec(spec::SplitPart share, spec::SplitUnit unit = spec::SplitUnit::kChunk) {
    DataSpec spec;
    spec.sequence = 16;
    spec.split.unit = unit;
    spec.sources = {{"data.a", share}, {"data.b", share}};
    return spec;
  }

  static std::vector<std::vector<int32_t>> All(const Epoch& epoch) {
    std::vector<std::vector<int32_t>> sequences;
    for (int64_t i = 0; i < epoch.sequences(); ++i) {
      sequences.emplace_back(16);
      epoch.Read(i, sequences.back().data());
    }
    return sequences;
  }

  TemporaryFolder folder_ = TemporaryFolder::Create().value();
  std::string a_ = MakeShards("a", 0);
  std::string b_ = MakeShards("b", 1);
  std::vector<std::unique_ptr<Dataset>> keep_;
};

TEST_F(DatasetTest, PathsAndJointTogetherAreAll) {
  const auto paths = All(*Open(Spec(spec::SplitPart::kPaths), 0));
  const auto joint = All(*Open(Spec(spec::SplitPart::kJoint), 0));
  const auto all = All(*Open(Spec(spec::SplitPart::kAll), 0));
  std::multiset<std::vector<int32_t>> together(paths.begin(), paths.end());
  together.insert(joint.begin(), joint.end());
  EXPECT_EQ(together, std::multiset<std::vector<int32_t>>(all.begin(), all.end()));
  EXPECT_NEAR(static_cast<double>(paths.size()) / static_cast<double>(all.size()), 0.6, 0.02);
}

TEST_F(DatasetTest, EveryTokenOfTheEpochOnceButForTheTail) {
  std::map<int32_t, int> seen;
  for (const auto& sequence : All(*Open(Spec(spec::SplitPart::kAll), 3))) {
    for (const int32_t id : sequence) ++seen[id];
    // Corpora never mix in a chunk.
    EXPECT_TRUE(std::all_of(sequence.begin(), sequence.end(),
                            [&](int32_t id) { return id / 10'000 == sequence[0] / 10'000; }));
  }
  for (const auto& [id, count] : seen) EXPECT_EQ(count, 1) << id;
  EXPECT_FALSE(seen.contains(500));  // document 5 is set aside
  int64_t total = 0;
  for (int64_t d = 0; d < kDocuments; ++d) total += d == 5 ? 0 : 20 + d % 7;
  EXPECT_GT(static_cast<int64_t>(seen.size()), 2 * total - 2 * 16);
}

TEST_F(DatasetTest, DocumentsStayOnTheirSideOfADocumentSplitInAllEpochs) {
  std::set<int32_t> paths, joint;
  for (int64_t epoch = 0; epoch < 3; ++epoch) {
    for (const auto& sequence :
         All(*Open(Spec(spec::SplitPart::kPaths, spec::SplitUnit::kDocument), epoch))) {
      for (const int32_t id : sequence) paths.insert(id / 100);
    }
    for (const auto& sequence :
         All(*Open(Spec(spec::SplitPart::kJoint, spec::SplitUnit::kDocument), epoch))) {
      for (const int32_t id : sequence) joint.insert(id / 100);
    }
  }
  std::vector<int32_t> both;
  std::set_intersection(paths.begin(), paths.end(), joint.begin(), joint.end(),
                        std::back_inserter(both));
  EXPECT_TRUE(both.empty());
}

TEST_F(DatasetTest, EpochsDifferAndAreTheSameEverywhere) {
  const auto first = All(*Open(Spec(spec::SplitPart::kAll), 0));
  EXPECT_EQ(first, All(*Open(Spec(spec::SplitPart::kAll), 0, "another cache")));
  EXPECT_NE(first, All(*Open(Spec(spec::SplitPart::kAll), 1)));
  // The published order (T7) is the same in all epochs, though the cuts differ: chunk for chunk
  // from the same corpus.
  DataSpec constant = Spec(spec::SplitPart::kAll);
  constant.shuffle_seed = spec::ShuffleSeed::kConstant;
  const auto zeroth = Open(constant, 0), next = Open(constant, 1),
             reshuffled = Open(Spec(spec::SplitPart::kAll), 1);
  EXPECT_NE(All(*zeroth), All(*next));
  const auto sources = [](const Epoch& epoch) {
    std::vector<size_t> all;
    for (int64_t i = 0; i < epoch.sequences(); ++i) all.push_back(epoch.SourceOf(i));
    return all;
  };
  EXPECT_EQ(sources(*zeroth), sources(*next));
  EXPECT_NE(sources(*zeroth), sources(*reshuffled));
  DataSpec seeded = Spec(spec::SplitPart::kAll);
  seeded.seed = 43;
  EXPECT_NE(first, All(*Open(seeded, 0)));
}

TEST_F(DatasetTest, ErrorsNameWhatIsWrong) {
  const std::string other = MakeShards("other", 2, "another digest");
  EXPECT_THAT(Dataset::Open(Spec(spec::SplitPart::kAll), {a_, other}, folder_.path() + "/c")
                  .status()
                  .message(),
              HasSubstr("corpora a and other were made with different tokenizers"));
  DataSpec longer = Spec(spec::SplitPart::kJoint);
  longer.sequence = 5000;
  const auto dataset = Dataset::Open(longer, {a_, b_}, folder_.path() + "/c").value();
  EXPECT_THAT(dataset->OpenEpoch(0).status().message(),
              HasSubstr("corpus a: its share \"joint\" of"));
  std::string bytes = ReadFile(a_ + "/train/tokens.bin").value();
  ASSERT_TRUE(WriteFileAtomic(a_ + "/train/tokens.bin", bytes.substr(0, bytes.size() - 10)).ok());
  EXPECT_THAT(Shards::Open(a_).status().message(), HasSubstr("tokens.bin holds"));
  bytes = ReadFile(b_ + "/train/documents.idx").value();
  ASSERT_TRUE(WriteFileAtomic(b_ + "/train/documents.idx", bytes.substr(0, 100)).ok());
  EXPECT_THAT(Shards::Open(b_).status().message(), HasSubstr("documents.idx is cut short"));
}

}  // namespace
}  // namespace braid::corpus
