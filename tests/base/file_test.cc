#include "base/file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>

namespace {

std::vector<std::string> synced;  // what fsync was called on

}  // namespace

// In the place of the C library's.
extern "C" int fsync(int fd) {
  synced.push_back(std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd)).string());
  return static_cast<int>(syscall(SYS_fsync, fd));
}

namespace braid {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FileTest : public ::testing::Test {
 protected:
  TemporaryFolder folder_ = TemporaryFolder::Create().value();
  std::string Path(const std::string& name) const { return JoinPath(folder_.path(), name); }
};

TEST_F(FileTest, AtomicWriteReplacesAndLeavesNothingElse) {
  ASSERT_TRUE(WriteFileAtomic(Path("a"), "one").ok());
  ASSERT_TRUE(WriteFileAtomic(Path("a"), "two").ok());
  EXPECT_EQ(ReadFile(Path("a")).value(), "two");
  EXPECT_THAT(ListFolder(folder_.path()).value(), ElementsAre("a"));
}

TEST_F(FileTest, AtomicWriteIntoAMissingFolderNamesThePathAndLeavesNothing) {
  const Status status = WriteFileAtomic(Path("missing/a"), "one");
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr("missing/a"));
  EXPECT_TRUE(ListFolder(folder_.path()).value().empty());
}

TEST_F(FileTest, FoldersThatAreMadeAreSyncedIntoTheirParents) {
  synced.clear();
  ASSERT_TRUE(MakeFolder(Path("a/b/c/")).ok());
  EXPECT_TRUE(IsFolder(Path("a/b/c")));
  EXPECT_THAT(synced, ElementsAre(folder_.path(), Path("a"), Path("a/b")));
  synced.clear();
  ASSERT_TRUE(MakeFolder(Path("a/b")).ok());
  EXPECT_THAT(synced, ElementsAre());  // it was there
  ASSERT_TRUE(WriteFileAtomic(Path("file"), "").ok());
  EXPECT_EQ(MakeFolder(Path("file")).code(), StatusCode::kNotFound);
  EXPECT_THAT(MakeFolder(Path("file/below")).message(), HasSubstr("making folder " + Path("file")));
}

TEST_F(FileTest, ACopyIsSyncedAndSoIsItsName) {
  ASSERT_TRUE(WriteFileAtomic(Path("from"), "one").ok());
  ASSERT_TRUE(MakeFolder(Path("to")).ok());
  synced.clear();
  ASSERT_TRUE(CopyFile(Path("from"), Path("to/copy")).ok());
  ASSERT_EQ(synced.size(), 2u);
  EXPECT_THAT(synced[0], HasSubstr("copy.tmp."));
  EXPECT_EQ(synced[1], Path("to"));
}

TEST_F(FileTest, ReadFileRefusesMoreThanItsBound) {
  ASSERT_TRUE(WriteFileAtomic(Path("a"), std::string(1000, 'x')).ok());
  EXPECT_EQ(ReadFile(Path("a"), 999).status().code(), StatusCode::kResourceExhausted);
  EXPECT_TRUE(ReadFile(Path("a"), 1000).ok());
}

TEST_F(FileTest, LinkOrCopyReplacesEvenALinkOfTheSameFile) {
  ASSERT_TRUE(WriteFileAtomic(Path("a"), "one").ok());
  ASSERT_TRUE(LinkOrCopy(Path("a"), Path("b")).ok());
  ASSERT_TRUE(LinkOrCopy(Path("a"), Path("b")).ok());
  EXPECT_THAT(ListFolder(folder_.path()).value(), ElementsAre("a", "b"));
  EXPECT_EQ(ReadFile(Path("b")).value(), "one");
}

TEST_F(FileTest, ReadAtPastTheEndIsDataLoss) {
  ASSERT_TRUE(WriteFileAtomic(Path("a"), "12345").ok());
  const UniqueFd fd(::open(Path("a").c_str(), O_RDONLY));
  char bytes[4];
  EXPECT_TRUE(ReadAt(fd.get(), 1, bytes, 4, "a").ok());
  EXPECT_EQ(std::string(bytes, 4), "2345");
  EXPECT_EQ(ReadAt(fd.get(), 2, bytes, 4, "a").code(), StatusCode::kDataLoss);
}

TEST_F(FileTest, AMapShowsTheWholeFile) {
  ASSERT_TRUE(WriteFileAtomic(Path("a"), "12345").ok());
  EXPECT_EQ(MappedFile::Open(Path("a")).value().view(), "12345");
}

TEST_F(FileTest, MapOfAnEmptyFileIsEmpty) {
  ASSERT_TRUE(WriteFileAtomic(Path("a"), "").ok());
  EXPECT_EQ(MappedFile::Open(Path("a")).value().size(), 0u);
}

TEST_F(FileTest, ListTreeRefusesLinks) {
  ASSERT_TRUE(MakeFolder(Path("x/y")).ok());
  ASSERT_TRUE(WriteFileAtomic(Path("x/y/z"), "").ok());
  EXPECT_THAT(ListTree(folder_.path()).value(), ElementsAre("x/y/z"));
  ASSERT_EQ(::symlink("/etc/passwd", Path("x/link").c_str()), 0);
  EXPECT_FALSE(ListTree(folder_.path()).ok());
}

TEST_F(FileTest, ALockedFileIsRefusedUntilTheHolderGoes) {
  {
    const auto lock = FileLock::Acquire(Path("lock"));
    ASSERT_TRUE(lock.ok());
    EXPECT_EQ(FileLock::Acquire(Path("lock")).status().code(), StatusCode::kAlreadyExists);
  }
  EXPECT_TRUE(FileLock::Acquire(Path("lock")).ok());
}

TEST(SafeRelativePath, StaysInsideItsFolder) {
  for (const char* good : {"a", "a/b.c", "..a/b"}) EXPECT_TRUE(IsSafeRelativePath(good)) << good;
  for (const char* bad : {"", "/a", "a/", "a//b", "..", "a/../b", "./a", "a\nb", "a\\b"}) {
    EXPECT_FALSE(IsSafeRelativePath(bad)) << bad;
  }
}

}  // namespace
}  // namespace braid
