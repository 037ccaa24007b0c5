#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <atomic>
#include <functional>
#include <limits>
#include <memory>
#include <thread>

#include "base/file.h"
#include "storage/files/blob_store.h"

namespace braid::storage {
namespace {

using ::testing::IsEmpty;

constexpr int64_t kNow = std::numeric_limits<int64_t>::max();  // however new a blob is

class BlobSweepTest : public ::testing::Test {
 protected:
  std::string Add(const std::string& content) { return store_->AddBytes(content).value(); }
  // As if it had been written then.
  void WriteAt(const std::string& sha256, int64_t ms) {
    const timespec time{ms / 1000, ms % 1000 * 1'000'000};
    const timespec both[2] = {time, time};
    (void)utimensat(AT_FDCWD, store_->PathOf(sha256).c_str(), both, 0);
  }
  bool Remove(BlobStore::Sweep& sweep, const std::string& sha256, int64_t before_ms = kNow) {
    return sweep.Remove(sha256, before_ms).value();
  }

  TemporaryFolder folder_ = TemporaryFolder::Create().value();
  std::unique_ptr<BlobStore> store_ = BlobStore::Open(folder_.path()).value();
};

TEST_F(BlobSweepTest, RemovesWhatIsOldEnough) {
  const std::string blob = Add("a");
  WriteAt(blob, 5000);
  EXPECT_EQ(store_->ListStored()->at(0).written_ms, 5000);
  EXPECT_EQ(store_->ListStored()->at(0).size, 1u);
  BlobStore::Sweep sweep(store_.get());
  EXPECT_FALSE(Remove(sweep, blob, 4999));
  EXPECT_TRUE(store_->Has(blob));
  EXPECT_TRUE(Remove(sweep, blob, 5000));
  EXPECT_FALSE(store_->Has(blob));
  EXPECT_FALSE(Remove(sweep, blob, 5000)) << "it is gone";
  EXPECT_THAT(ListFolder(folder_.path() + "/uploads").value(), IsEmpty());
}

// Whoever was told that a blob is there does not send it.
TEST_F(BlobSweepTest, ABlobThatSomebodyWasToldOfIsNewAgain) {
  for (const auto& tell : std::vector<std::function<void(const std::string&)>>{
           [&](const std::string& blob) { EXPECT_TRUE(store_->Promise(blob)); },
           [&](const std::string& blob) { EXPECT_TRUE(store_->QueryUpload(blob, 1)->complete); },
           [&](const std::string& blob) {
             EXPECT_TRUE(store_->WriteUpload(blob, 1, 0, "a")->complete);
           },
           [&](const std::string&) { EXPECT_TRUE(store_->AddBytes("a").ok()); },
       }) {
    const std::string blob = Add("a");
    WriteAt(blob, 5000);
    tell(blob);
    BlobStore::Sweep sweep(store_.get());
    EXPECT_FALSE(Remove(sweep, blob, 5000));
    EXPECT_TRUE(store_->Has(blob));
  }
  EXPECT_FALSE(store_->Promise(std::string(64, 'f'))) << "one that is not there is not promised";
}

TEST_F(BlobSweepTest, AHeldBlobStaysAndSoDoesOneThatWasHeldWhileTheSweepRan) {
  const std::string blob = Add("a"), other = Add("b"), before = Add("c");
  auto hold = std::make_unique<BlobStore::Hold>(store_.get());
  hold->Add(blob);
  hold->Add(blob);
  hold->Add(std::string(64, 'f'));  // not there: it may come
  {
    BlobStore::Hold(store_.get()).Add(before);
  }
  BlobStore::Sweep sweep(store_.get());
  EXPECT_FALSE(Remove(sweep, blob));
  hold.reset();
  EXPECT_FALSE(Remove(sweep, blob)) << "what needs it may have been committed since";
  EXPECT_TRUE(Remove(sweep, other));
  EXPECT_TRUE(Remove(sweep, before)) << "that hold ended before the sweep began";
  EXPECT_TRUE(store_->Has(blob));
}

TEST_F(BlobSweepTest, TheNextSweepDoesNotRememberHoldsOfTheLast) {
  const std::string blob = Add("a");
  {
    BlobStore::Sweep sweep(store_.get());
    BlobStore::Hold(store_.get()).Add(blob);
    EXPECT_FALSE(Remove(sweep, blob));
  }
  BlobStore::Sweep sweep(store_.get());
  EXPECT_TRUE(Remove(sweep, blob));
}

TEST_F(BlobSweepTest, NothingIsRemovedWhileSweepsArePaused) {
  const std::string blob = Add("a");
  BlobStore::Sweep sweep(store_.get());
  {
    const BlobStore::Pause pause(store_.get());
    EXPECT_FALSE(Remove(sweep, blob));
  }
  EXPECT_TRUE(Remove(sweep, blob));
}

TEST_F(BlobSweepTest, WhatACrashLeftOfARemovalIsDeletedAtTheStart) {
  ASSERT_TRUE(WriteFileAtomic(folder_.path() + "/uploads/gone.1234", "half").ok());
  store_.reset();
  store_ = BlobStore::Open(folder_.path()).value();
  EXPECT_THAT(ListFolder(folder_.path() + "/uploads").value(), IsEmpty());
}

// Somebody uploads what a sweep removes at the same time: an upload that was answered is there
// until the next removal, whole.
TEST_F(BlobSweepTest, ABlobThatIsUploadedWhileItIsRemovedIsThere) {
  const std::string content(100'000, 'x');
  const std::string blob = Sha256Hex(content);
  std::atomic<int> removed{0};
  std::jthread sweeper([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      BlobStore::Sweep sweep(store_.get());
      // Only blobs that nobody was told of since: what counts is who comes first.
      WriteAt(blob, 5000);
      removed += sweep.Remove(blob, 5000).value() ? 1 : 0;
    }
  });
  int uploaded = 0;
  for (int i = 0; i < 300; ++i) {
    BlobStore::Hold hold(store_.get());
    hold.Add(blob);
    const auto status = store_->WriteUpload(blob, content.size(), 0, content);
    ASSERT_TRUE(status.ok()) << status.status().ToString();
    ASSERT_TRUE(status->complete);
    ASSERT_EQ(ReadFile(store_->PathOf(blob)).value(), content) << "held, and not there";
    ++uploaded;
  }
  sweeper.request_stop();
  sweeper.join();
  EXPECT_EQ(uploaded, 300);
  EXPECT_THAT(ListFolder(folder_.path() + "/uploads").value(), IsEmpty());
}

}  // namespace
}  // namespace braid::storage
