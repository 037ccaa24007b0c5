#include "report/input/proof.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/json.h"
#include "tests/base/mutations.h"

namespace braid::report {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ProofTest : public testing::Test {
 protected:
  ProofTest()
      : folder_(std::move(TemporaryFolder::Create()).value()),
        file_(JoinPath(folder_.path(), "proof.json")) {}

  template <typename Read>
  auto Of(const Json& json, const Read& read) {
    EXPECT_TRUE(WriteJsonFile(file_, json).ok());
    return read(file_);
  }

  TemporaryFolder folder_;
  std::string file_;
};

TEST_F(ProofTest, AnAccountIsCountedByWhereItsTensorsComeFrom) {
  const auto account = Of({{"parents", {"a", "b"}},
                           {"seed", 7},
                           {"proof", "bit-equal"},
                           {"dropped", {1}},
                           {"tensors",
                            {{{"sources", {{{"parent", "a"}}}}},
                             {{"sources", Json::array()}},
                             {{"sources", Json::array()}}}}},
                          ReadMergeAccount);
  ASSERT_TRUE(account.ok()) << account.status().message();
  EXPECT_THAT(account->parents, ElementsAre("a", "b"));
  EXPECT_EQ(account->taken, 1);
  EXPECT_EQ(account->fresh, 2);
  EXPECT_EQ(account->dropped, 1);
}

TEST_F(ProofTest, ADamagedAccountNamesTheField) {
  EXPECT_THAT(Of({{"parents", 3}}, ReadMergeAccount).status().message(),
              HasSubstr("proof.json.parents: expected a list of strings"));
  EXPECT_THAT(Of({{"tensors", {{{"name", "x"}}}}}, ReadMergeAccount).status().message(),
              HasSubstr("tensors.0.sources: expected a list"));
  EXPECT_THAT(Of({{"dropped", 1}}, ReadMergeAccount).status().message(),
              HasSubstr("dropped: expected a list"));
  EXPECT_THAT(Of({{"model", {{"kind", "dense"}}}}, ReadMergeAccount).status().message(),
              HasSubstr("proof.json: model"));
  EXPECT_THAT(Of(Json::array(), ReadMergeAccount).status().message(),
              HasSubstr("proof.json: expected an object"));
}

TEST_F(ProofTest, AGateHasLossesOfParentsAndStartAndTheDistanceOfLogits) {
  const auto gate = Of({{"hidden_states", "bit-equal"},
                        {"tokens_compared", 64},
                        {"logits", {{"max_difference", 2e-6}}},
                        {"parents", {{{"name", "a"}, {"loss", {{"all", 5.0}}}}}},
                        {"composite", {{"name", "c"}, {"loss", {{"all", 6.0}}}}}},
                       ReadGateProof);
  ASSERT_TRUE(gate.ok()) << gate.status().message();
  EXPECT_DOUBLE_EQ(*gate->logits_max_difference, 2e-6);
  EXPECT_DOUBLE_EQ(gate->parents.at("a").at("all"), 5);
  EXPECT_DOUBLE_EQ(gate->composite.at("all"), 6);
}

TEST_F(ProofTest, ADamagedGateNamesTheField) {
  EXPECT_THAT(Of({{"hidden_states", true}}, ReadGateProof).status().message(),
              HasSubstr("hidden_states: expected a string"));
  EXPECT_THAT(Of({{"logits", Json::object()}}, ReadGateProof).status().message(),
              HasSubstr("logits.max_difference: is missing"));
  EXPECT_THAT(Of({{"logits", 1}}, ReadGateProof).status().message(),
              HasSubstr("logits: expected an object"));
  EXPECT_THAT(Of({{"parents", {{{"loss", {{"all", 1}}}}}}}, ReadGateProof).status().message(),
              HasSubstr("parents.0.name: is missing"));
  EXPECT_THAT(Of({{"composite", {{"loss", {{"all", "low"}}}}}}, ReadGateProof).status().message(),
              HasSubstr("composite.loss.all: expected a number"));
}

TEST_F(ProofTest, NoValueOfAnyTypeThrows) {
  const Json account = {
      {"parents", {"a", "b"}},
      {"seed", 7},
      {"proof", "bit-equal"},
      {"dropped", {1}},
      {"tensors", {{{"sources", {{{"parent", "a"}}}}}, {{"sources", Json::array()}}}}};
  const Json gate = {{"hidden_states", "bit-equal"},
                     {"tokens_compared", 64},
                     {"logits", {{"max_difference", 2e-6}}},
                     {"parents", {{{"name", "a"}, {"loss", {{"all", 5.0}}}}}},
                     {"composite", {{"name", "c"}, {"loss", {{"all", 6.0}}}}}};
  ForEachMutation(account, [&](const Json& mutated, const std::string& what) {
    EXPECT_NO_THROW((void)Of(mutated, ReadMergeAccount).status()) << what;
  });
  ForEachMutation(gate, [&](const Json& mutated, const std::string& what) {
    EXPECT_NO_THROW((void)Of(mutated, ReadGateProof).status()) << what;
  });
}

}  // namespace
}  // namespace braid::report
