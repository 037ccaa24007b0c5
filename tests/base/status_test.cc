#include "base/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <set>
#include <string>

namespace braid {
namespace {

Result<int> Half(int n) {
  if (n % 2 != 0) return InvalidArgument("odd");
  return n / 2;
}

Status UseTwice(int n, int* out) {
  BRAID_ASSIGN_OR_RETURN(const int half, Half(n));
  BRAID_ASSIGN_OR_RETURN(*out, Half(half));
  return OkStatus();
}

TEST(Status, ErrorsTravelThroughTheMacrosUnchanged) {
  int out = -1;
  EXPECT_TRUE(UseTwice(8, &out).ok());
  EXPECT_EQ(out, 2);
  EXPECT_EQ(UseTwice(6, &out), InvalidArgument("odd"));
}

TEST(Status, WrapSaysWhatWasBeingDoneAndKeepsCodeAndReason) {
  const Status status =
      Status(StatusCode::kAborted, ErrorReason::kStaleLease, "epoch 3 is over").Wrap("committing");
  EXPECT_EQ(status.ToString(), "ABORTED (STALE_LEASE): committing: epoch 3 is over");
  EXPECT_TRUE(OkStatus().Wrap("x").ok());
}

TEST(Status, AFullDiskHasItsOwnReason) {
  EXPECT_EQ(ErrnoStatus(ENOSPC, "writing x").reason(), "STORAGE_FULL");
  EXPECT_EQ(ErrnoStatus(ENOENT, "opening x").code(), StatusCode::kNotFound);
}

TEST(Status, AReasonIsAWordOfTheTableOrOneOfALaterVersion) {
  const Status stale(StatusCode::kAborted, ErrorReason::kStaleLease, "x");
  EXPECT_EQ(stale.reason(), "STALE_LEASE");
  EXPECT_TRUE(stale.Is(ErrorReason::kStaleLease));
  EXPECT_FALSE(stale.Is(ErrorReason::kStorageFull));
  EXPECT_FALSE(NotFound("x").Is(ErrorReason::kNotFound)) << "it has none";
  const Status later(StatusCode::kAborted, std::string("NEW_WORD"), "x");
  EXPECT_EQ(later.Wrap("y").reason(), "NEW_WORD");
  for (size_t i = 0; i < WordsOf(ErrorReason{}).size(); ++i)
    EXPECT_FALSE(later.Is(static_cast<ErrorReason>(i)));
}

TEST(Status, TheReasonsHaveDifferentWords) {
  const Words& words = WordsOf(ErrorReason{});
  EXPECT_EQ(std::set<std::string>(words.begin(), words.end()).size(), words.size());
  EXPECT_EQ(NameOf(ErrorReason::kInternal), "INTERNAL");
  EXPECT_EQ(FromName<ErrorReason>("WATCH_COMPACTED"), ErrorReason::kWatchCompacted);
  EXPECT_FALSE(FromName<ErrorReason>("").has_value());
}

}  // namespace
}  // namespace braid
