#include "storage/files/blob_store.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <csignal>

#include "base/file.h"

namespace braid::storage {
namespace {

using ::testing::HasSubstr;

class BlobStoreTest : public ::testing::Test {
 protected:
  TemporaryFolder folder_ = TemporaryFolder::Create().value();
  std::unique_ptr<BlobStore> store_ = BlobStore::Open(folder_.path()).value();
  const std::string content_ = "the quick brown fox";
  const std::string digest_ = Sha256Hex(content_);
  const uint64_t size_ = content_.size();
};

TEST_F(BlobStoreTest, AnUploadGoesOnWhereItStoppedEvenAfterARestart) {
  ASSERT_TRUE(store_->WriteUpload(digest_, size_, 0, content_.substr(0, 7)).ok());
  EXPECT_EQ(store_->QueryUpload(digest_, size_)->committed, 0u);  // written, not yet synced
  ASSERT_TRUE(store_->SyncUpload(digest_).ok());
  EXPECT_EQ(store_->QueryUpload(digest_, size_)->committed, 7u);
  store_ = BlobStore::Open(folder_.path()).value();
  EXPECT_EQ(store_->QueryUpload(digest_, size_)->committed, 7u);
  const Status hole = store_->WriteUpload(digest_, size_, 9, content_.substr(9)).status();
  EXPECT_EQ(hole.reason(), "OFFSET_MISMATCH");
  EXPECT_THAT(hole.message(), HasSubstr("go on from 7"));
  // Overlap is skipped.
  const auto done = store_->WriteUpload(digest_, size_, 3, content_.substr(3));
  ASSERT_TRUE(done.ok()) << done.status().message();
  EXPECT_TRUE(done->complete);
  EXPECT_EQ(ReadFile(store_->PathOf(digest_)).value(), content_);
  EXPECT_TRUE(store_->QueryUpload(digest_, size_)->complete);
}

TEST_F(BlobStoreTest, AWrongDigestDropsTheUpload) {
  std::string wrong = content_;
  wrong[0] = 'T';
  const Status status = store_->WriteUpload(digest_, size_, 0, wrong).status();
  EXPECT_EQ(status.reason(), "DIGEST_MISMATCH");
  EXPECT_THAT(status.message(), HasSubstr(digest_));
  EXPECT_FALSE(store_->Has(digest_));
  EXPECT_EQ(store_->QueryUpload(digest_, size_)->committed, 0u);
  EXPECT_TRUE(store_->WriteUpload(digest_, size_, 0, content_)->complete);
  EXPECT_THAT(store_->AddFile(store_->PathOf(digest_), Sha256Hex("x")).message(), HasSubstr("not " + Sha256Hex("x")));
}

TEST_F(BlobStoreTest, AFullDiskLosesNothing) {
  const std::string large(1 << 20, 'x');
  const std::string name = Sha256Hex(large);
  ASSERT_TRUE(store_->WriteUpload(name, large.size(), 0, large.substr(0, 4096)).ok());
  signal(SIGXFSZ, SIG_IGN);
  rlimit old{};
  getrlimit(RLIMIT_FSIZE, &old);
  const rlimit small{64 << 10, old.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  const Status status = store_->WriteUpload(name, large.size(), 4096, large.substr(4096)).status();
  setrlimit(RLIMIT_FSIZE, &old);
  EXPECT_EQ(status.reason(), "STORAGE_FULL") << status.ToString();
  EXPECT_THAT(status.message(), HasSubstr(name));
  // With room again the upload goes on; what the failed write left is not trusted.
  EXPECT_TRUE(store_->WriteUpload(name, large.size(), 4096, large.substr(4096))->complete);
}

TEST_F(BlobStoreTest, MaterializeIsWholeOrNothing) {
  Manifest manifest;
  manifest.kind = "source";
  manifest.files = {{"a/b", digest_, size_}, {"c", Sha256Hex("missing"), 7}};
  const std::string target = folder_.path() + "/out";
  ASSERT_EQ(store_->AddBytes(content_).value(), digest_);
  const Status status = store_->Materialize(manifest, target);
  EXPECT_EQ(status.reason(), "BLOB_MISSING");
  EXPECT_THAT(status.message(), HasSubstr("(c)"));
  EXPECT_FALSE(PathExists(target));
  ASSERT_TRUE(store_->AddBytes("missing").ok());
  ASSERT_TRUE(store_->Materialize(manifest, target).ok());
  EXPECT_EQ(ReadFile(target + "/a/b").value(), content_);
  EXPECT_TRUE(VerifyFolder(manifest, target).ok());
}

TEST_F(BlobStoreTest, VerifyFindsRot) {
  ASSERT_TRUE(store_->AddBytes(content_).ok());
  EXPECT_TRUE(store_->Verify(digest_).ok());
  const std::string path = store_->PathOf(digest_);
  ASSERT_TRUE(RemoveFile(path).ok());
  ASSERT_TRUE(WriteFileAtomic(path, "the quick brown dog").ok());
  const Status status = store_->Verify(digest_);
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr(digest_ + " has changed on disk"));
  EXPECT_THAT(store_->List().value(), testing::ElementsAre(digest_));
}

}  // namespace
}  // namespace braid::storage
