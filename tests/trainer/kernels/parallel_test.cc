#include "trainer/kernels/parallel.h"

#include <ATen/Parallel.h>
#include <gmock/gmock.h>

#include <mutex>
#include <numeric>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

namespace braid::trainer {
namespace {

using ::testing::Each;
using ::testing::SizeIs;

class ParallelForTest : public ::testing::Test {
 protected:
  ParallelForTest() { at::set_num_threads(2); }
  ~ParallelForTest() override { at::set_num_threads(before_); }

 private:
  const int before_ = at::get_num_threads();
};

TEST_F(ParallelForTest, TakesAsManyThreadsAsThereAre) {
  std::mutex mutex;
  std::set<std::thread::id> threads;
  ParallelFor(0, 100, 1, [&](int64_t, int64_t) {
    const std::lock_guard lock(mutex);
    threads.insert(std::this_thread::get_id());
  });
  EXPECT_THAT(threads, SizeIs(2));
}

TEST_F(ParallelForTest, EveryIndexBelongsToOnePiece) {
  std::vector<int> calls(1000);
  ParallelFor(10, 1000, 7, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) ++calls[static_cast<size_t>(i)];
  });
  EXPECT_EQ(std::accumulate(calls.begin(), calls.begin() + 10, 0), 0);
  EXPECT_THAT(std::vector<int>(calls.begin() + 10, calls.end()), Each(1));
}

TEST_F(ParallelForTest, ALoopThatIsShorterThanItsGrainIsOnePieceInTheCallingThread) {
  std::vector<std::thread::id> threads;
  ParallelFor(0, 50, 50, [&](int64_t first, int64_t last) {
    EXPECT_EQ(first, 0);
    EXPECT_EQ(last, 50);
    threads.push_back(std::this_thread::get_id());
  });
  EXPECT_EQ(threads, std::vector{std::this_thread::get_id()});
}

TEST_F(ParallelForTest, ALoopInsideOfAnotherStaysInItsThread) {
  std::mutex mutex;
  std::vector<bool> same;
  ParallelFor(0, 4, 1, [&](int64_t, int64_t) {
    const auto outer = std::this_thread::get_id();
    ParallelFor(0, 100, 1, [&](int64_t first, int64_t last) {
      const std::lock_guard lock(mutex);
      same.push_back(first == 0 && last == 100 && outer == std::this_thread::get_id());
    });
  });
  EXPECT_THAT(same, Each(true));
  EXPECT_THAT(same, SizeIs(2));
}

TEST_F(ParallelForTest, AnExceptionReachesTheCaller) {
  const auto fail = [](int64_t, int64_t last) {
    if (last == 100) throw std::runtime_error("the second piece");
  };
  EXPECT_THROW(ParallelFor(0, 100, 1, fail), std::runtime_error);
}

}  // namespace
}  // namespace braid::trainer
