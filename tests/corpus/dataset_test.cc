#include "corpus/dataset.h"

#include <gmock/gmock.h>

#include <map>
#include <set>

#include "base/json.h"
#include "corpus/shared_shards.h"

namespace braid::corpus {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kDocuments = 60;

// Shards in which token values tell where they come from: corpus * 10,000 + document * 100 +
// position.
class DatasetTest : public ::testing::TestWithParam<spec::Shuffle> {
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

  DataSpec Spec(spec::SplitPart share, spec::SplitUnit unit = spec::SplitUnit::kChunk) const {
    DataSpec spec;
    spec.split.shuffle = GetParam();
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

TEST_P(DatasetTest, PathsAndJointTogetherAreAll) {
  const auto paths = All(*Open(Spec(spec::SplitPart::kPaths), 0));
  const auto joint = All(*Open(Spec(spec::SplitPart::kJoint), 0));
  const auto all = All(*Open(Spec(spec::SplitPart::kAll), 0));
  std::multiset<std::vector<int32_t>> together(paths.begin(), paths.end());
  together.insert(joint.begin(), joint.end());
  EXPECT_EQ(together, std::multiset<std::vector<int32_t>>(all.begin(), all.end()));
  EXPECT_NEAR(static_cast<double>(paths.size()) / static_cast<double>(all.size()), 0.6, 0.02);
}

TEST_P(DatasetTest, TheSeedModelsPartComesBeforeTheOthersAndAllAreDisjoint) {
  for (const auto unit : {spec::SplitUnit::kChunk, spec::SplitUnit::kDocument}) {
    std::map<spec::SplitPart, std::set<int32_t>> seen;
    size_t tokens = 0;
    for (const auto part :
         {spec::SplitPart::kSeedModel, spec::SplitPart::kPaths, spec::SplitPart::kJoint}) {
      DataSpec spec = Spec(part, unit);
      spec.split.seed_model = 0.2;
      spec.split.paths = 0.5;
      for (const auto& sequence : All(*Open(spec, 0)))
        seen[part].insert(sequence.begin(), sequence.end());
      tokens += seen[part].size();
    }
    std::set<int32_t> together;
    for (const auto& [part, ids] : seen) together.insert(ids.begin(), ids.end());
    EXPECT_EQ(together.size(), tokens) << "no token is in two parts";
    const auto share = [&](spec::SplitPart part) {
      return static_cast<double>(seen[part].size()) / static_cast<double>(tokens);
    };
    EXPECT_NEAR(share(spec::SplitPart::kSeedModel), 0.2, 0.03);
    EXPECT_NEAR(share(spec::SplitPart::kPaths), 0.5, 0.03);
  }
}

// What may leave a site is enough for the joint phase, which reads the same of it as of the whole,
// and it has not one token of the documents of the paths.
TEST_P(DatasetTest, TheSharedShardsHaveTheJointPartAndNothingElseOfTheText) {
  DataSpec joint = Spec(spec::SplitPart::kJoint, spec::SplitUnit::kDocument);
  DataSpec paths = Spec(spec::SplitPart::kPaths, spec::SplitUnit::kDocument);
  joint.seed = paths.seed = 7;
  std::set<int32_t> secret;
  for (const auto& sequence : All(*Open(paths, 0))) secret.insert(sequence.begin(), sequence.end());
  std::vector<std::vector<std::vector<int32_t>>> whole;
  for (int64_t epoch = 0; epoch < 3; ++epoch) whole.push_back(All(*Open(joint, epoch)));
  const spec::SharedPart part{joint.split, joint.seed};
  const std::string shared = folder_.path() + "/shared-a";
  const auto metadata = WriteSharedShards(a_, part, shared);
  ASSERT_TRUE(metadata.ok()) << metadata.status().message();
  const Shards before = Shards::Open(a_).value(), after = Shards::Open(shared).value();
  EXPECT_EQ((*metadata)["part"], "joint");
  EXPECT_EQ((*metadata)["tokens"], after.train.tokens());
  EXPECT_EQ(after.validation.tokens(), before.validation.tokens());
  EXPECT_EQ(after.train.documents(), before.train.documents());
  EXPECT_NEAR(static_cast<double>(after.train.tokens()),
              0.4 * static_cast<double>(before.train.tokens()), 90);
  std::vector<int32_t> ids(static_cast<size_t>(after.train.tokens()));
  after.train.Copy(0, ids.size(), ids.data());
  for (const int32_t id : ids) EXPECT_FALSE(secret.contains(id)) << id;

  a_ = shared;
  ASSERT_TRUE(WriteSharedShards(b_, part, folder_.path() + "/shared-b").ok());
  b_ = folder_.path() + "/shared-b";
  for (int64_t epoch = 0; epoch < 3; ++epoch)
    EXPECT_EQ(All(*Open(joint, epoch, "other")), whole[static_cast<size_t>(epoch)]);
}

TEST_P(DatasetTest, APartWithoutADocumentIsNoPart) {
  spec::SharedPart part;
  part.split.unit = spec::SplitUnit::kDocument;
  part.split.paths = 1;
  part.split.shuffle = GetParam();
  EXPECT_THAT(WriteSharedShards(a_, part, folder_.path() + "/none").status().message(),
              HasSubstr("corpus a: the joint part of its split has not one document"));
}

TEST_P(DatasetTest, EveryTokenOfTheEpochOnceButForTheTail) {
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

TEST_P(DatasetTest, DocumentsStayOnTheirSideOfADocumentSplitInAllEpochs) {
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

TEST_P(DatasetTest, EpochsDifferAndAreTheSameEverywhere) {
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

TEST_P(DatasetTest, ErrorsNameWhatIsWrong) {
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

INSTANTIATE_TEST_SUITE_P(Shuffles, DatasetTest,
                         ::testing::Values(spec::Shuffle::kDocuments, spec::Shuffle::kGroups),
                         [](const auto& one) { return schema::NameOf(one.param); });

// A corpus of many documents, so that a group has several: token values are the numbers of the
// documents.
class GroupedDatasetTest : public ::testing::Test {
 protected:
  static constexpr int64_t kMany = 20'001;  // groups of four, the last one of one

  GroupedDatasetTest() {
    auto train = ShardWriter::Create(at("shards/train"), 50'000).value();
    auto validation = ShardWriter::Create(at("shards/validation"), 50'000).value();
    for (int32_t d = 0; d < kMany; ++d) {
      const std::vector<int32_t> ids(static_cast<size_t>(1 + d % 9), d);
      EXPECT_TRUE(train->Append(ids).ok());
    }
    EXPECT_TRUE(train->Finish().ok());
    EXPECT_TRUE(validation->Finish().ok());
    const Json description = {{"format", 1},           {"corpus", "many"},
                              {"tokenizer", "digest"}, {"vocab", 50'000},
                              {"dtype", "uint16"},     {"tokens", train->tokens()},
                              {"validation_tokens", 0}};
    EXPECT_TRUE(WriteJsonFile(at("shards/shards.json"), description).ok());
    spec_.sequence = 16;
    spec_.split.shuffle = spec::Shuffle::kGroups;
    spec_.sources = {{"data.many", spec::SplitPart::kAll}};
  }

  std::string at(const std::string& name) const { return JoinPath(folder_.path(), name); }
  // How often each document's number stands in the epoch.
  std::map<int32_t, int64_t> Count(int64_t epoch) {
    dataset_ = Dataset::Open(spec_, {at("shards")}, at("cache")).value();
    const auto opened = dataset_->OpenEpoch(epoch).value();
    std::map<int32_t, int64_t> count;
    order_.clear();
    for (int64_t i = 0; i < opened->sequences(); ++i) {
      std::vector<int32_t> ids(16);
      opened->Read(i, ids.data());
      for (const int32_t id : ids) ++count[id];
      order_.insert(order_.end(), ids.begin(), ids.end());
    }
    return count;
  }

  TemporaryFolder folder_ = TemporaryFolder::Create().value();
  DataSpec spec_;
  std::unique_ptr<Dataset> dataset_;
  std::vector<int32_t> order_;
};

TEST_F(GroupedDatasetTest, EveryTokenOnceAndNoFile) {
  for (int64_t epoch = 0; epoch < 2; ++epoch) {
    int64_t cut = 0;
    std::map<int32_t, int64_t> count = Count(epoch);
    for (int32_t d = 0; d < kMany; ++d) {
      ASSERT_LE(count[d], 1 + d % 9) << d;
      cut += 1 + d % 9 - count[d];
    }
    EXPECT_LT(cut, 16) << "the remainder of the whole corpus";
  }
  EXPECT_TRUE(ListFolder(at("cache")).value().empty()) << "an index was written";
}

TEST_F(GroupedDatasetTest, EpochsHaveOtherOrdersWithinAndBetweenGroups) {
  Count(0);
  const std::vector<int32_t> first = order_;
  Count(1);
  EXPECT_NE(order_, first);
  // Document d is followed by d + 1 within its group, but where the rotation cut it; begun at
  // another of its documents in the other epoch, a group has another last one. One of four
  // rotations is the same by chance.
  const auto ends = [](const std::vector<int32_t>& ids) {
    std::set<int32_t> last;
    for (size_t i = 0; i + 1 < ids.size(); ++i) {
      if (ids[i + 1] != ids[i] && ids[i + 1] != ids[i] + 1 && i % 16 != 15) last.insert(ids[i]);
    }
    return last;
  };
  const std::set<int32_t> in_first = ends(first), in_second = ends(order_);
  std::vector<int32_t> both;
  std::set_intersection(in_first.begin(), in_first.end(), in_second.begin(), in_second.end(),
                        std::back_inserter(both));
  EXPECT_GT(in_first.size(), 3000u);
  EXPECT_LT(both.size(), in_first.size() * 2 / 3);
}

TEST_F(GroupedDatasetTest, ADocumentSplitIsExactAndTheSameInAllEpochs) {
  spec_.split.unit = spec::SplitUnit::kDocument;
  const auto documents = [&](spec::SplitPart share, int64_t epoch) {
    spec_.sources[0].share = share;
    std::set<int32_t> seen;
    for (const auto& [id, count] : Count(epoch)) seen.insert(id);
    return seen;
  };
  const std::set<int32_t> paths = documents(spec::SplitPart::kPaths, 0);
  const std::set<int32_t> joint = documents(spec::SplitPart::kJoint, 0);
  // But for a few that the remainder hides.
  EXPECT_NEAR(static_cast<double>(paths.size()), 0.6 * kMany, 20);
  EXPECT_NEAR(static_cast<double>(joint.size()), 0.4 * kMany, 20);
  for (int64_t epoch = 0; epoch < 3; ++epoch) {
    for (const int32_t id : documents(spec::SplitPart::kPaths, epoch))
      ASSERT_FALSE(joint.contains(id)) << id;
    for (const int32_t id : documents(spec::SplitPart::kJoint, epoch))
      ASSERT_FALSE(paths.contains(id)) << id;
  }
}

}  // namespace
}  // namespace braid::corpus
