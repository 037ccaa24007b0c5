// The worker's cache on the disk: which artifact was used last, and which was changed by somebody.
#include "worker/io/cached_manifests.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "base/file.h"
#include "worker/io/cache_limit.h"

namespace braid::worker {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class CachedManifestsTest : public ::testing::Test {
 protected:
  // An artifact of one file, as it is after a fetch.
  storage::Manifest Fetched(const std::string& content) {
    storage::Manifest manifest;
    manifest.kind = "shards";
    manifest.files = {{"shards.bin", cache_->AddBytes(content).value(), content.size()}};
    const std::string layout = LayoutOf(manifest);
    EXPECT_TRUE(MakeFolder(FolderOf(layout)).ok());
    EXPECT_TRUE(WriteFileAtomic(ManifestPath(layout), manifest.Canonical()).ok());
    EXPECT_TRUE(cache_->Materialize(manifest, layout).ok());
    EXPECT_TRUE(WriteFileMarks(manifest, layout).ok());
    return manifest;
  }
  std::string LayoutOf(const storage::Manifest& manifest) const {
    return folder_.path() + "/artifacts/" + manifest.Id();
  }
  std::string FileOf(const storage::Manifest& manifest) const {
    return LayoutOf(manifest) + "/shards.bin";
  }
  // Somebody writes into the file, which is the blob as well.
  void Overwrite(const std::string& path, const std::string& content) {
    ASSERT_EQ(chmod(path.c_str(), 0600), 0);
    const UniqueFd fd(open(path.c_str(), O_WRONLY));
    ASSERT_TRUE(fd.valid());
    ASSERT_TRUE(WriteAll(fd.get(), content, path).ok());
  }
  static void SetTime(const std::string& path, int64_t s) {
    const timespec times[2] = {{s, 0}, {s, 0}};
    ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  }

  TemporaryFolder folder_ = TemporaryFolder::Create().value();
  std::unique_ptr<storage::BlobStore> cache_ =
      storage::BlobStore::Open(folder_.path() + "/cache").value();
};

TEST_F(CachedManifestsTest, AChangedInputIsNoticedAndItsBlobRemoved) {
  const auto manifest = Fetched("what was fetched");
  EXPECT_EQ(FindWhole(LayoutOf(manifest), *cache_)->Id(), manifest.Id());
  Overwrite(FileOf(manifest), "what is not so ");
  const Status status = FindWhole(LayoutOf(manifest), *cache_).status();
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr(FileOf(manifest) + " was changed after it was fetched"));
  EXPECT_FALSE(cache_->Has(manifest.files[0].sha256)) << "or it would be laid out again";
}

TEST_F(CachedManifestsTest, AFileThatOnlyLooksDifferentIsHashedOnce) {
  const auto manifest = Fetched("what was fetched");
  SetTime(FileOf(manifest), 1'000'000);
  EXPECT_TRUE(FindWhole(LayoutOf(manifest), *cache_).ok());
  // With its new looks written down, it is not read any more: nobody would notice this.
  Overwrite(FileOf(manifest), "what is not so!!");
  SetTime(FileOf(manifest), 1'000'000);
  EXPECT_TRUE(FindWhole(LayoutOf(manifest), *cache_).ok());
}

TEST_F(CachedManifestsTest, ALayoutOfAnEarlierVersionIsHashed) {
  const auto manifest = Fetched("what was fetched");
  ASSERT_TRUE(RemoveFile(LayoutOf(manifest) + ".marks.json").ok());
  EXPECT_TRUE(FindWhole(LayoutOf(manifest), *cache_).ok());
  EXPECT_TRUE(PathExists(LayoutOf(manifest) + ".marks.json"));
  ASSERT_TRUE(WriteFileAtomic(LayoutOf(manifest) + ".marks.json", "nonsense").ok());
  EXPECT_TRUE(FindWhole(LayoutOf(manifest), *cache_).ok());
}

TEST_F(CachedManifestsTest, AFileThatIsGoneIsNamed) {
  const auto manifest = Fetched("what was fetched");
  ASSERT_TRUE(RemoveFile(FileOf(manifest)).ok());
  EXPECT_THAT(FindWhole(LayoutOf(manifest), *cache_).status().message(),
              HasSubstr("shards.bin is gone"));
}

TEST_F(CachedManifestsTest, TheOrderOfUseOutlivesTheProcess) {
  const auto first = Fetched("first"), second = Fetched("second"), third = Fetched("third");
  SetTime(ManifestPath(LayoutOf(first)), 1000);
  SetTime(ManifestPath(LayoutOf(second)), 2000);
  SetTime(ManifestPath(LayoutOf(third)), 3000);
  ASSERT_TRUE(FindWhole(LayoutOf(first), *cache_).ok());
  const CacheContent content = ReadCache(folder_.path() + "/artifacts", *cache_).value();
  EXPECT_EQ(content.artifacts.at(second.Id()).used, 0);
  EXPECT_EQ(content.artifacts.at(third.Id()).used, 1);
  EXPECT_EQ(content.artifacts.at(first.Id()).used, 2);
  EXPECT_EQ(BytesOf(content), 16u);
}

TEST_F(CachedManifestsTest, WhatIsBoundIsSoForTheNextProcess) {
  const auto kept = Fetched("bound"), other = Fetched("free");
  ASSERT_TRUE(MarkBound(LayoutOf(kept), "coordinator-1").ok());
  const std::string folder = folder_.path() + "/artifacts";
  for (int process = 0; process < 2; ++process) {
    const CacheContent content = ReadCache(folder, *cache_).value();
    EXPECT_TRUE(content.artifacts.at(kept.Id()).bound);
    EXPECT_FALSE(content.artifacts.at(other.Id()).bound);
  }
  EXPECT_EQ(Unbind(LayoutOf(kept), "coordinator-2").code(), StatusCode::kFailedPrecondition)
      << "another one knows nothing of it";
  ASSERT_TRUE(Unbind(LayoutOf(kept), "coordinator-1").ok());
  EXPECT_FALSE(ReadCache(folder, *cache_)->artifacts.at(kept.Id()).bound);
}

TEST_F(CachedManifestsTest, ALimitIsASizeOrAShare) {
  const auto limit = [&](const std::string& text) { return CacheLimitOf(text, folder_.path()); };
  EXPECT_EQ(limit("1000").value(), 1000u);
  EXPECT_EQ(limit("20GB").value(), 20'000'000'000u);
  EXPECT_EQ(limit("1.5KiB").value(), 1536u);
  EXPECT_EQ(limit("2 TB").value(), 2'000'000'000'000u);
  EXPECT_EQ(limit("0").value(), 0u);
  const uint64_t whole = limit("100%").value();
  EXPECT_GT(whole, 0u);
  EXPECT_EQ(limit("50%").value(), whole / 2);
  for (const char* wrong :
       {"", "x", "-1", "101%", "nan%", "2T", "5XB", "5GBs", "nan", "inf", "1e300"}) {
    EXPECT_EQ(limit(wrong).status().message(),
              std::string("--cache-limit ") + wrong +
                  ": expected a size such as 20GB or 500MB, or a share of the file system such as "
                  "20%");
  }
}

TEST_F(CachedManifestsTest, WhatIsHalfThereIsRemoved) {
  const auto manifest = Fetched("what was fetched");
  const std::string folder = folder_.path() + "/artifacts";
  ASSERT_TRUE(MakeFolder(folder + "/" + manifest.Id() + ".tmp.123").ok());
  ASSERT_TRUE(MakeFolder(folder + "/" + std::string(64, 'a')).ok());
  ASSERT_TRUE(ReadCache(folder, *cache_).ok());
  EXPECT_EQ(ListFolder(folder)->size(), 3u);
  ASSERT_TRUE(RemoveLayout(LayoutOf(manifest)).ok());
  EXPECT_THAT(ListFolder(folder).value(), IsEmpty());
  EXPECT_EQ(ReadCache(folder, *cache_)->loose.size(), 1u);
}

}  // namespace
}  // namespace braid::worker
