#include "storage/files/blob_store.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <thread>

#include "base/file.h"

namespace {

// The n-th fsync from now on fails, as a disk's would: the kernel tells once.
std::atomic<int> fsyncs_until_failure{0};
std::atomic<int> fsync_error{EIO};

}  // namespace

// In the place of the C library's.
extern "C" int fsync(int fd) {
  if (fsyncs_until_failure > 0 && --fsyncs_until_failure == 0) {
    errno = fsync_error;
    return -1;
  }
  return static_cast<int>(syscall(SYS_fsync, fd));
}

namespace braid::storage {
namespace {

void FailFsync(int number, int error = EIO) {
  fsync_error = error;
  fsyncs_until_failure = number;
}

size_t OpenDescriptors() {
  return ListFolder("/proc/self/fd").value().size();
}

std::vector<std::string> Uploads(const std::string& folder) {
  return ListFolder(folder + "/uploads").value();
}

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
  EXPECT_THAT(store_->AddFile(store_->PathOf(digest_), Sha256Hex("x")).message(),
              HasSubstr("not " + Sha256Hex("x")));
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

TEST_F(BlobStoreTest, OfSeveralSendersEachIsToldThatTheBlobIsThere) {
  std::string content(4 << 20, 'x');
  for (int round = 0; round < 10; ++round) {
    content[0] = static_cast<char>('a' + round);
    const std::string digest = Sha256Hex(content);
    const auto send = [&](Status* ended) {
      constexpr size_t kPiece = 1 << 20;
      for (uint64_t offset = 0; offset < content.size(); offset += kPiece) {
        const auto written = store_->WriteUpload(digest, content.size(), offset,
                                                 std::string_view(content).substr(offset, kPiece));
        if (!written.ok()) *ended = written.status();
        if (!written.ok() || written->complete) return;
      }
      *ended = Internal("was not told");
    };
    std::vector<Status> ended(3);
    std::vector<std::thread> senders;
    for (Status& status : ended) senders.emplace_back(send, &status);
    for (std::thread& sender : senders) sender.join();
    for (const Status& status : ended) EXPECT_TRUE(status.ok()) << status.ToString();
    EXPECT_TRUE(store_->Verify(digest).ok());
    EXPECT_THAT(Uploads(folder_.path()), testing::IsEmpty());
  }
}

TEST_F(BlobStoreTest, AWrongSizeSpoilsNobodyElsesUpload) {
  ASSERT_TRUE(store_->WriteUpload(digest_, size_, 0, content_.substr(0, 12)).ok());
  ASSERT_TRUE(store_->SyncUpload(digest_).ok());
  EXPECT_EQ(store_->WriteUpload(digest_, 5, 0, "the q").status().reason(), "DIGEST_MISMATCH");
  EXPECT_EQ(store_->WriteUpload(digest_, 0, 0, "").status().reason(), "DIGEST_MISMATCH");
  EXPECT_EQ(store_->WriteUpload(digest_, 40, 0, std::string(40, 'y')).status().reason(),
            "DIGEST_MISMATCH");
  EXPECT_EQ(store_->WriteUpload(digest_, 5, ~uint64_t{0}, "xx").status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(store_->QueryUpload(digest_, 5)->committed, 0u);
  EXPECT_EQ(store_->QueryUpload(digest_, size_)->committed, 12u);
  EXPECT_TRUE(store_->WriteUpload(digest_, size_, 12, content_.substr(12))->complete);
}

TEST_F(BlobStoreTest, UploadsThatAreLeftAloneHoldNoDescriptorsAndAreBounded) {
  BlobStore::Limits limits;
  limits.most_uploads = 100;
  store_ = BlobStore::Open(folder_.path(), limits).value();
  const size_t before = OpenDescriptors();
  ASSERT_TRUE(store_->WriteUpload(digest_, size_, 0, "the quick").ok());
  ASSERT_TRUE(store_->SyncUpload(digest_).ok());
  for (int i = 0; i < 150; ++i) {
    const std::string other = Sha256Hex(std::to_string(i));
    ASSERT_TRUE(store_->WriteUpload(other, 10, 0, "x").ok()) << i;
    ASSERT_TRUE(store_->SyncUpload(other).ok()) << "as when its sender has left";
    // One that goes on is not the oldest.
    if (i % 10 == 0) {
      ASSERT_EQ(
          utimensat(AT_FDCWD, (folder_.path() + "/uploads/" + digest_ + ".19").c_str(), nullptr, 0),
          0);
    }
  }
  EXPECT_EQ(OpenDescriptors(), before);
  EXPECT_EQ(Uploads(folder_.path()).size(), 100u);
  EXPECT_EQ(store_->QueryUpload(digest_, size_)->committed, 9u);
  // Of those that are under way, some are hashed as they come and held open.
  for (int i = 0; i < 150; ++i)
    ASSERT_TRUE(store_->WriteUpload(Sha256Hex("way " + std::to_string(i)), 10, 0, "x").ok()) << i;
  EXPECT_LE(OpenDescriptors(), before + 64);
}

TEST_F(BlobStoreTest, OldUploadsGoAlsoAcrossARestart) {
  const std::string young = Sha256Hex("young"), old = Sha256Hex("old");
  for (const std::string& digest : {young, old}) {
    ASSERT_TRUE(store_->WriteUpload(digest, 10, 0, "abc").ok());
    ASSERT_TRUE(store_->SyncUpload(digest).ok());
  }
  const auto make_old = [&] {
    timespec times[2] = {{0, UTIME_OMIT}, {}};
    clock_gettime(CLOCK_REALTIME, &times[1]);
    times[1].tv_sec -= 73 * 3600;
    ASSERT_EQ(utimensat(AT_FDCWD, (folder_.path() + "/uploads/" + old + ".10").c_str(), times, 0),
              0);
  };
  make_old();
  store_ = BlobStore::Open(folder_.path()).value();
  EXPECT_THAT(Uploads(folder_.path()), testing::ElementsAre(young + ".10"));
  EXPECT_EQ(store_->QueryUpload(young, 10)->committed, 3u);
  EXPECT_EQ(store_->QueryUpload(old, 10)->committed, 0u);
  ASSERT_TRUE(store_->WriteUpload(old, 10, 0, "abc").ok());
  make_old();
  store_->DropAbandonedUploads();
  EXPECT_THAT(Uploads(folder_.path()), testing::ElementsAre(young + ".10"));
}

// After a failed fsync the kernel takes the pages for clean: a second one succeeds, and the digest
// is that of the cache.
TEST_F(BlobStoreTest, AFailedFsyncIsNeverBelievedLater) {
  const auto expect_gone = [&](const Status& status) {
    EXPECT_EQ(status.code(), StatusCode::kDataLoss) << status.ToString();
    EXPECT_EQ(status.reason(), "FSYNC_FAILED");
    EXPECT_THAT(status.message(), HasSubstr("send it again"));
    EXPECT_FALSE(store_->Has(digest_));
    EXPECT_EQ(store_->QueryUpload(digest_, size_)->committed, 0u);
    EXPECT_THAT(Uploads(folder_.path()), testing::IsEmpty());
    EXPECT_THAT(store_->List().value(), testing::IsEmpty());
  };
  // Of the file, of the file once it is read-only, of its new folder's name, of its own name.
  for (int number = 1; number <= 4; ++number) {
    ASSERT_TRUE(RemoveTree(folder_.path() + "/blobs/" + digest_.substr(0, 2)).ok());
    FailFsync(number);
    const Status status = store_->WriteUpload(digest_, size_, 0, content_).status();
    if (number == 3) {  // the folder's: nothing of the file is lost, and the next call tries again
      EXPECT_FALSE(status.ok());
      EXPECT_FALSE(store_->Has(digest_));
      EXPECT_TRUE(store_->WriteUpload(digest_, size_, size_, "")->complete);
      ASSERT_TRUE(store_->Remove(digest_).ok());
      continue;
    }
    expect_gone(status);
    EXPECT_EQ(store_->WriteUpload(digest_, size_, size_, "").status().reason(), "OFFSET_MISMATCH");
    ASSERT_TRUE(RemoveFile(folder_.path() + "/uploads/" + digest_ + ".19").ok());
  }
  ASSERT_TRUE(store_->WriteUpload(digest_, size_, 0, "the quick").ok());
  FailFsync(1);
  expect_gone(store_->SyncUpload(digest_));

  const std::string file = folder_.path() + "/file";
  ASSERT_TRUE(WriteFileAtomic(file, content_).ok());
  FailFsync(1);
  expect_gone(store_->AddFile(file, digest_));
  // No room is told as such: who waits for room sends it again.
  FailFsync(1, ENOSPC);
  EXPECT_EQ(store_->WriteUpload(digest_, size_, 0, content_).status().reason(), "STORAGE_FULL");
  EXPECT_EQ(store_->QueryUpload(digest_, size_)->committed, 0u);
  EXPECT_TRUE(store_->WriteUpload(digest_, size_, 0, content_)->complete);
}

// Bytes that this process has asked the kernel for so far.
int64_t BytesRead() {
  const std::string io = ReadFile("/proc/self/io").value();
  return std::stoll(io.substr(io.find("rchar: ") + 7));
}

TEST_F(BlobStoreTest, WhatComesInItsOrderIsNotReadAgain) {
  constexpr size_t kPiece = 1 << 20;
  const std::string content(8 * kPiece, 'x');
  const std::string digest = Sha256Hex(content);
  const auto send = [&](size_t from, size_t to) {
    for (size_t at = from; at < to; at += kPiece) {
      const auto sent = store_->WriteUpload(digest, content.size(), at,
                                            std::string_view(content).substr(at, kPiece));
      ASSERT_TRUE(sent.ok()) << sent.status().ToString();
    }
  };
  int64_t before = BytesRead();
  send(0, content.size());
  ASSERT_TRUE(store_->Has(digest));
  EXPECT_LT(BytesRead() - before, static_cast<int64_t>(kPiece));

  // Of an upload that goes on after its sender had stopped, the digest is that of the whole file.
  ASSERT_TRUE(store_->Remove(digest).ok());
  send(0, 4 * kPiece);
  ASSERT_TRUE(store_->SyncUpload(digest).ok());
  before = BytesRead();
  send(4 * kPiece, content.size());
  ASSERT_TRUE(store_->Has(digest));
  EXPECT_GE(BytesRead() - before, static_cast<int64_t>(content.size()));
  EXPECT_TRUE(store_->Verify(digest).ok());
}

TEST_F(BlobStoreTest, AFileIsAddedUnderTheDigestThatItHas) {
  const std::string path = folder_.path() + "/file";
  ASSERT_TRUE(WriteFileAtomic(path, content_).ok());
  for (int time = 0; time < 2; ++time) {
    const auto added = store_->AddFile(path);
    ASSERT_TRUE(added.ok()) << added.status().ToString();
    EXPECT_EQ(*added, digest_);
  }
  EXPECT_TRUE(store_->Verify(digest_).ok());
  EXPECT_TRUE(Uploads(folder_.path()).empty());
  EXPECT_FALSE(store_->AddFile(folder_.path() + "/none").ok());
  EXPECT_TRUE(Uploads(folder_.path()).empty());
}

TEST_F(BlobStoreTest, AllOfItIsForItsUserAlone) {
  const mode_t before = umask(0);
  const std::string folder = folder_.path() + "/open";
  ASSERT_TRUE(MakeFolder(folder + "/blobs").ok());  // as the version before left it
  const auto store = BlobStore::Open(folder).value();
  ASSERT_TRUE(store->AddBytes(content_).ok());
  ASSERT_TRUE(store->WriteUpload(Sha256Hex("a"), 10, 0, "b").ok());
  umask(before);
  for (const std::string& path :
       {folder, folder + "/blobs", folder + "/uploads", store->PathOf(digest_),
        folder + "/uploads/" + Uploads(folder)[0]}) {
    struct stat info{};
    ASSERT_EQ(stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 077, 0u) << path;
  }
}

TEST_F(BlobStoreTest, ATurnIsWaitedFor) {
  auto turn = store_->TakeTurn("a", 0);
  ASSERT_NE(turn, nullptr);
  EXPECT_EQ(store_->TakeTurn("a", 10), nullptr);
  EXPECT_NE(store_->TakeTurn("b", 0), nullptr);
  std::thread other([&] { EXPECT_NE(store_->TakeTurn("a", 60'000), nullptr); });
  turn.reset();
  other.join();
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
