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

// As Hugging Face's cache has them: files and folders that are links into another folder.
TEST_F(FileTest, ListTreeReadsThroughLinks) {
  ASSERT_TRUE(MakeFolder(Path("blobs/more")).ok());
  ASSERT_TRUE(MakeFolder(Path("x/y")).ok());
  ASSERT_TRUE(WriteFileAtomic(Path("blobs/0f"), "").ok());
  ASSERT_TRUE(WriteFileAtomic(Path("blobs/more/1"), "").ok());
  ASSERT_TRUE(WriteFileAtomic(Path("x/y/z"), "").ok());
  ASSERT_EQ(::symlink("../blobs/0f", Path("x/config.json").c_str()), 0);
  ASSERT_EQ(::symlink("config.json", Path("x/again").c_str()), 0);
  ASSERT_EQ(::symlink("../blobs/more", Path("x/folder").c_str()), 0);
  EXPECT_THAT(ListTree(Path("x")).value(), ElementsAre("again", "config.json", "folder/1", "y/z"));
  ASSERT_EQ(::symlink("x", Path("top").c_str()), 0);
  EXPECT_THAT(ListTree(Path("top")).value(),
              ElementsAre("again", "config.json", "folder/1", "y/z"));
}

TEST_F(FileTest, ListTreeNamesLinksThatLeadNowhere) {
  ASSERT_TRUE(MakeFolder(Path("x/y")).ok());
  ASSERT_EQ(::symlink("../blobs/gone", Path("x/model.safetensors").c_str()), 0);
  EXPECT_EQ(ListTree(Path("x")).status().message(),
            Path("x/model.safetensors") +
                " is a link to ../blobs/gone, which is not there; fetch what it stands for "
                "(download it again, dvc "
                "pull, git annex get) or remove the link");
  ASSERT_TRUE(RemoveFile(Path("x/model.safetensors")).ok());
  ASSERT_EQ(::symlink("..", Path("x/y/up").c_str()), 0);
  EXPECT_EQ(ListTree(Path("x")).status().message(),
            Path("x/y/up") + " is a link to a folder that it stands in itself; remove the link");
  ASSERT_TRUE(RemoveFile(Path("x/y/up")).ok());
  ASSERT_EQ(::symlink("b", Path("x/a").c_str()), 0);
  ASSERT_EQ(::symlink("a", Path("x/b").c_str()), 0);
  EXPECT_EQ(ListTree(Path("x")).status().message(),
            Path("x/a") + " is a link to b and leads back to itself; remove it");
  ASSERT_TRUE(RemoveFile(Path("x/a")).ok());
  ASSERT_TRUE(RemoveFile(Path("x/b")).ok());
  ASSERT_EQ(::mkfifo(Path("x/pipe").c_str(), 0600), 0);
  EXPECT_EQ(ListTree(Path("x")).status().message(), Path("x/pipe") + " is not a plain file");
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
