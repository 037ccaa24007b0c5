// The table of credentials: what is found by digest and by name is what a walk would find.
#include "storage/catalog/credentials.h"

#include <gmock/gmock.h>

namespace braid::catalog {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

CredentialRecord Credential(const std::string& id, const std::string& name,
                            const std::string& sha256) {
  CredentialRecord credential;
  credential.id = id;
  credential.name = name;
  credential.sha256 = sha256;
  return credential;
}

TEST(CredentialTableTest, IsFoundByDigestAndByName) {
  CredentialTable table;
  table.Put(Credential("t-1", "ada", "d1"));
  table.Put(Credential("t-2", "ada", "d2"));
  table.Put(Credential("k-1", "w1", "d3"));
  EXPECT_EQ(table.WithDigest("d2")->id, "t-2");
  EXPECT_EQ(table.WithDigest("d4"), nullptr);
  EXPECT_THAT(table.IdsOf("ada"), ElementsAre("t-1", "t-2"));
  EXPECT_THAT(table.IdsOf("eve"), IsEmpty());
  EXPECT_EQ(table.size(), 3u);
}

TEST(CredentialTableTest, FollowsChangesAndWhatIsTakenBack) {
  CredentialTable table;
  table.Put(Credential("k-1", "w1", "d1"));
  const CredentialTable before = table;
  table.Put(Credential("k-1", "w2", "d2"));  // the key has joined again under another name
  EXPECT_EQ(table.WithDigest("d1"), nullptr);
  EXPECT_EQ(table.WithDigest("d2")->name, "w2");
  EXPECT_THAT(table.IdsOf("w1"), IsEmpty());
  EXPECT_THAT(table.IdsOf("w2"), ElementsAre("k-1"));
  EXPECT_FALSE(table == before);
  table.Put(Credential("k-1", "w1", "d1"));
  EXPECT_TRUE(table == before);
  table.Erase("k-1");
  table.Erase("k-1");
  EXPECT_EQ(table.WithDigest("d1"), nullptr);
  EXPECT_THAT(table.IdsOf("w1"), IsEmpty());
  EXPECT_EQ(table.size(), 0u);
}

}  // namespace
}  // namespace braid::catalog
