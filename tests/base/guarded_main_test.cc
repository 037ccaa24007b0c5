#include "base/guarded_main.h"

#include <gmock/gmock.h>

#include <new>
#include <stdexcept>

namespace braid {
namespace {

std::string SaidBy(int (*run)(int, char**), int code) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(GuardedMain("braid-x", run, 0, nullptr), code);
  return testing::internal::GetCapturedStderr();
}

TEST(GuardedMainTest, WhatIsThrownIsSaid) {
  EXPECT_EQ(SaidBy([](int, char**) -> int { throw std::runtime_error("odd"); }, 1),
            "braid-x: unexpected error: odd\n");
  EXPECT_EQ(SaidBy([](int, char**) -> int { throw std::bad_alloc(); }, 1),
            "braid-x: out of memory\n");
  EXPECT_EQ(SaidBy([](int, char**) -> int { throw 7; }, 1),
            "braid-x: unexpected error of a kind that says nothing\n");
  EXPECT_EQ(SaidBy([](int, char**) { return 5; }, 5), "");
}

}  // namespace
}  // namespace braid
