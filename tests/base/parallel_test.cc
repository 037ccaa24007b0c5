#include "base/parallel.h"

#include <gmock/gmock.h>

#include <atomic>
#include <new>
#include <stdexcept>

namespace braid {
namespace {

TEST(ParallelTest, EveryPartIsDoneOnce) {
  for (const size_t threads : {1, 2, 7}) {
    std::vector<std::atomic<int>> done(threads);
    RunOnThreads(threads, [&](size_t i) { ++done[i]; });
    for (const auto& count : done) EXPECT_EQ(count, 1);
  }
}

// An exception that left its thread would end the whole program.
TEST(ParallelTest, WhatAThreadThrowsIsThrownToTheCaller) {
  std::atomic<int> done = 0;
  EXPECT_THROW(RunOnThreads(4,
                            [&](size_t i) {
                              if (i == 2) throw std::bad_alloc();
                              ++done;
                            }),
               std::bad_alloc);
  EXPECT_EQ(done, 3);
  EXPECT_THROW(RunOnThreads(2, [](size_t i) { throw std::runtime_error(i == 0 ? "a" : "b"); }),
               std::runtime_error);
  EXPECT_THROW(RunOnThreads(1, [](size_t) { throw std::bad_alloc(); }), std::bad_alloc);
}

TEST(ParallelTest, ThereIsACore) {
  EXPECT_GE(AvailableCores(), 1u);
}

}  // namespace
}  // namespace braid
