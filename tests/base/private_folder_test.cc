#include "base/private_folder.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "base/file.h"

namespace braid {
namespace {

class PrivateFolderTest : public ::testing::Test {
 protected:
  PrivateFolderTest() : before_(umask(0)) {}
  ~PrivateFolderTest() override { umask(before_); }
  std::string Path(const std::string& name) const { return JoinPath(folder_.path(), name); }
  static mode_t ModeOf(const std::string& path) {
    struct stat info{};
    EXPECT_EQ(stat(path.c_str(), &info), 0) << path;
    return info.st_mode & 07777;
  }
  const mode_t before_;
  TemporaryFolder folder_ = TemporaryFolder::Create().value();
};

TEST_F(PrivateFolderTest, ANewOneAndOneOfOursAreClosedToOthers) {
  ASSERT_TRUE(MakePrivateFolder(Path("new")).ok());
  EXPECT_EQ(ModeOf(Path("new")), 0700u);
  ASSERT_TRUE(MakeFolder(Path("old")).ok());
  EXPECT_EQ(ModeOf(Path("old")), 0777u);
  ASSERT_TRUE(MakePrivateFolder(Path("old")).ok());
  EXPECT_EQ(ModeOf(Path("old")), 0700u);
}

TEST_F(PrivateFolderTest, AFolderThatTheUserNamedIsClosedUnlessItHoldsOtherThings) {
  ASSERT_TRUE(MakeStateFolder(Path("new"), {}).ok());
  EXPECT_EQ(ModeOf(Path("new")), 0700u);
  ASSERT_TRUE(MakeFolder(Path("state/worker-3")).ok());
  ASSERT_TRUE(WriteFileAtomic(Path("state/up.lock"), "").ok());
  ASSERT_TRUE(MakeStateFolder(Path("state"), {"up.lock", "worker-*"}).ok());
  EXPECT_EQ(ModeOf(Path("state")), 0700u);
  ASSERT_TRUE(MakeFolder(Path("home")).ok());
  ASSERT_TRUE(WriteFileAtomic(Path("home/up.lock"), "").ok());
  ASSERT_TRUE(WriteFileAtomic(Path("home/letter.txt"), "").ok());
  ASSERT_TRUE(MakeStateFolder(Path("home"), {"up.lock", "worker-*"}).ok());
  EXPECT_EQ(ModeOf(Path("home")), 0777u);
  ASSERT_TRUE(MakeFolder(Path("shared")).ok());
  ASSERT_EQ(chmod(Path("shared").c_str(), 01777), 0);
  ASSERT_TRUE(MakeStateFolder(Path("shared"), {}).ok());
  EXPECT_EQ(ModeOf(Path("shared")), 01777u);
}

}  // namespace
}  // namespace braid
