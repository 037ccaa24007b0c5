#include "base/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

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
      Status(StatusCode::kAborted, "STALE_LEASE", "epoch 3 is over").Wrap("committing");
  EXPECT_EQ(status.ToString(), "ABORTED (STALE_LEASE): committing: epoch 3 is over");
  EXPECT_TRUE(OkStatus().Wrap("x").ok());
}

TEST(Status, AFullDiskHasItsOwnReason) {
  EXPECT_EQ(ErrnoStatus(ENOSPC, "writing x").reason(), "STORAGE_FULL");
  EXPECT_EQ(ErrnoStatus(ENOENT, "opening x").code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace braid
