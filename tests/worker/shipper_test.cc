#include "worker/shipper.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>

#include "base/file.h"

namespace braid::worker {
namespace {

// The coordinator's file of one rank, as AppendFiles keeps it. Only the shipper's thread calls
// Append.
class Remote {
 public:
  Result<int64_t> Append(int64_t offset, std::string_view data) {
    if (full_calls_ > 0) {
      --full_calls_;
      return Status(StatusCode::kResourceExhausted, "STORAGE_FULL", "the disk is full");
    }
    const auto end = static_cast<int64_t>(content_.size());
    if (offset > end) return Status(StatusCode::kOutOfRange, "OFFSET_MISMATCH", "a hole");
    data.remove_prefix(std::min<size_t>(static_cast<size_t>(end - offset), data.size()));
    content_ += data;
    if (lose_at_ >= 0 && static_cast<int64_t>(content_.size()) >= lose_at_) {
      const auto answer = static_cast<int64_t>(content_.size());
      content_.resize(keep_);
      lose_at_ = -1;
      return answer;
    }
    return static_cast<int64_t>(content_.size());
  }
  void BeFull(int calls) { full_calls_ = calls; }
  // Once it has `size` bytes and has said so, only `keep` of them are left: a machine that fell.
  void LoseTail(int64_t size, size_t keep) { lose_at_ = size, keep_ = keep; }
  const std::string& content() const { return content_; }

 private:
  std::string content_;
  int full_calls_ = 0;
  int64_t lose_at_ = -1;
  size_t keep_ = 0;
};

struct Journey {
  TemporaryFolder folder = TemporaryFolder::Create().value();
  std::string path = folder.path() + "/log";
  StopSignal stop;
  Remote remote;

  Status Ship(const std::string& content) {
    EXPECT_TRUE(WriteFileAtomic(path, content).ok());
    Shipper shipper(
        path, [&](int64_t offset, std::string_view data) { return remote.Append(offset, data); },
        stop);
    return shipper.Drain();
  }
};

TEST(ShipperTest, EverythingArrives) {
  Journey journey;
  const std::string content(700'000, 'x');  // several pieces
  EXPECT_TRUE(journey.Ship(content).ok());
  EXPECT_EQ(journey.remote.content(), content);
}

TEST(ShipperTest, AFullDiskOfTheCoordinatorIsWaitedFor) {
  Journey journey;
  journey.remote.BeFull(3);
  EXPECT_TRUE(journey.Ship("one\ntwo\n").ok());
  EXPECT_EQ(journey.remote.content(), "one\ntwo\n");
}

TEST(ShipperTest, FlushWaitsForWhatIsThere) {
  Journey journey;
  const std::string content(700'000, 'y');
  ASSERT_TRUE(WriteFileAtomic(journey.path, content).ok());
  std::atomic<size_t> sent = 0;
  Shipper shipper(
      journey.path,
      [&](int64_t offset, std::string_view data) {
        const auto end = journey.remote.Append(offset, data);
        if (end.ok()) sent = static_cast<size_t>(*end);
        return end;
      },
      journey.stop);
  EXPECT_TRUE(shipper.Flush().ok());
  EXPECT_EQ(sent, content.size());
}

TEST(ShipperTest, AFlushEndsWithTheRank) {
  Journey journey;
  journey.remote.BeFull(1 << 30);
  ASSERT_TRUE(WriteFileAtomic(journey.path, "one\n").ok());
  Shipper shipper(
      journey.path,
      [&](int64_t offset, std::string_view data) { return journey.remote.Append(offset, data); },
      journey.stop);
  std::thread drop([&] { journey.stop.Set(); });
  EXPECT_EQ(shipper.Flush().code(), StatusCode::kCancelled);
  drop.join();
}

TEST(ShipperTest, WhatTheCoordinatorLostIsSentAgain) {
  Journey journey;
  std::string content;
  for (int line = 0; line < 60'000; ++line) content += "line " + std::to_string(line) + "\n";
  journey.remote.LoseTail(256 << 10, 1000);
  EXPECT_TRUE(journey.Ship(content).ok());
  EXPECT_EQ(journey.remote.content(), content);
}

}  // namespace
}  // namespace braid::worker
