// Growing files are sent whole, whatever the coordinator forgets and however often its disk is
// full.
#include "worker/agent/growing_file.h"

#include <gmock/gmock.h>

#include <string>

namespace braid::worker {
namespace {

constexpr size_t kPiece = 1000;

// The coordinator's copy of one file, as it keeps it.
class Copy {
 public:
  Result<int64_t> Append(int64_t offset, std::string_view data) {
    if (full_calls_ > 0) {
      --full_calls_;
      return Status(StatusCode::kResourceExhausted, ErrorReason::kStorageFull, "the disk is full");
    }
    const auto end = static_cast<int64_t>(content_.size());
    if (offset > end)
      return Status(StatusCode::kOutOfRange, ErrorReason::kOffsetMismatch, "a hole");
    data.remove_prefix(std::min<size_t>(static_cast<size_t>(end - offset), data.size()));
    content_ += data;
    const auto answer = static_cast<int64_t>(content_.size());
    if (lose_at_ >= 0 && answer >= lose_at_) {
      content_.resize(keep_);
      lose_at_ = -1;
    }
    return answer;
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
  Turn turn;
  Calls calls{"boot", turn};
  GrowingFileSender sender{calls, {"r", "a", 1, 0}, GrowingFile::kLog};
  std::string file;
  Copy copy;

  // Answers what was asked, and lets as much time pass as is waited for. False if nothing is.
  bool Step() {
    for (const Effect& effect : std::exchange(turn.effects, {})) {
      const Do* work = std::get_if<Do>(&effect);
      if (work == nullptr) continue;
      const SendPiece& piece = std::get<SendPiece>(work->work);
      const auto begin = std::min(static_cast<size_t>(piece.offset), file.size());
      const std::string data = file.substr(begin, kPiece);
      if (data.empty()) {
        calls.OnDone({work->id, OkStatus(), PieceSent{piece.offset, true}});
        continue;
      }
      const auto sent = copy.Append(piece.offset, data);
      calls.OnDone(sent.ok() ? Done{work->id, OkStatus(), PieceSent{*sent, false}}
                             : Done{work->id, sent.status(), {}});
    }
    if (turn.effects.empty() && calls.NextWake() != kNever) turn.now_ms = calls.NextWake();
    calls.Advance();
    return !calls.empty();
  }
  Status SendAll() {
    sender.Start();
    Status ended = Internal("did not end");
    sender.Close([&](const Status& status) { ended = status; });
    while (Step()) {
    }
    return ended;
  }
};

TEST(GrowingFileTest, EverythingArrives) {
  Journey journey;
  journey.file = std::string(70'000, 'x');
  EXPECT_TRUE(journey.SendAll().ok());
  EXPECT_EQ(journey.copy.content(), journey.file);
}

TEST(GrowingFileTest, AFullDiskOfTheCoordinatorIsWaitedFor) {
  Journey journey;
  journey.copy.BeFull(3);
  journey.file = "one\ntwo\n";
  EXPECT_TRUE(journey.SendAll().ok());
  EXPECT_EQ(journey.copy.content(), journey.file);
}

TEST(GrowingFileTest, WhatTheCoordinatorLostIsSentAgain) {
  Journey journey;
  for (int line = 0; line < 6'000; ++line) journey.file += "line " + std::to_string(line) + "\n";
  journey.copy.LoseTail(26'000, 1000);
  EXPECT_TRUE(journey.SendAll().ok());
  EXPECT_EQ(journey.copy.content(), journey.file);
}

TEST(GrowingFileTest, WhatGrowsWhileTheLastPieceIsUnderWayIsSentToo) {
  Journey journey;
  journey.file = "one\n";
  journey.sender.Start();
  (void)journey.Step();
  (void)journey.Step();  // the end of the file is on its way
  bool ended = false;
  journey.sender.Close([&](const Status&) { ended = true; });
  journey.file += "two\n";
  while (journey.Step()) {
  }
  EXPECT_TRUE(ended);
  EXPECT_EQ(journey.copy.content(), "one\ntwo\n");
}

TEST(GrowingFileTest, AFlushWaitsForWhatIsThereAndDoesNotWaitForThePause) {
  Journey journey;
  journey.sender.Start();
  (void)journey.Step();
  journey.file = std::string(7'000, 'y');
  const int64_t before_ms = journey.turn.now_ms;
  std::optional<Status> flushed;
  journey.sender.Flush(7'000, [&](const Status& status) { flushed = status; });
  while (!flushed.has_value()) ASSERT_TRUE(journey.Step());
  EXPECT_TRUE(flushed->ok());
  EXPECT_EQ(journey.copy.content().size(), 7'000u);
  EXPECT_LE(journey.turn.now_ms - before_ms, 250) << "only the pause behind the flush";
}

TEST(GrowingFileTest, ARefusalEndsItAndWhoeverWaits) {
  Journey journey;
  journey.sender.Start();
  std::vector<Status> ended;
  const auto keep = [&](const Status& status) { ended.push_back(status); };
  journey.sender.Flush(10, keep);
  const Effects effects = std::exchange(journey.turn.effects, {});
  journey.calls.OnDone({std::get<Do>(effects.at(0)).id, InvalidArgument("no such job"), {}});
  journey.sender.Flush(20, keep);
  journey.sender.Close(keep);
  ASSERT_EQ(ended.size(), 3u);
  for (const Status& status : ended) EXPECT_EQ(status.message(), "no such job");
  EXPECT_TRUE(journey.calls.empty());
}

}  // namespace
}  // namespace braid::worker
