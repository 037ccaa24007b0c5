// Sums through shared memory: of threads, which are ranks as well as processes are.
#include "trainer/collective/shared_memory.h"

#include <gmock/gmock.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <span>
#include <thread>

#include "base/file.h"
#include "base/random.h"
#include "tests/trainer/collective/gathering.h"

namespace braid::trainer {
namespace {

using ::testing::HasSubstr;

// Runs `body` on every rank of a gang that meets in a folder.
void SharedGang(int64_t world, const std::function<void(int64_t rank, Collective&)>& body) {
  const auto folder = TemporaryFolder::Create().value();
  std::vector<std::thread> ranks;
  for (int64_t rank = 0; rank < world; ++rank) {
    ranks.emplace_back([&, rank] {
      const auto keys = task::FolderRendezvous(folder.path(), "job.1");
      auto collective = SharedMemoryCollective(*keys, rank, world, 20'000);
      ASSERT_TRUE(collective.ok()) << collective.status().message();
      ASSERT_NE(*collective, nullptr);
      EXPECT_EQ((*collective)->rank(), rank);
      EXPECT_EQ((*collective)->world(), world);
      body(rank, **collective);
    });
  }
  for (std::thread& rank : ranks) rank.join();
}

TEST(SharedMemoryTest, SumsHaveTheSameBitsOnEveryRank) {
  // More than the memory has room for at a time, and less than there are ranks.
  for (const int64_t count : {int64_t{1} << 20, (int64_t{1} << 20) + 7, int64_t{2}}) {
    std::vector<std::vector<float>> sums(3);
    SharedGang(3, [&](int64_t rank, Collective& collective) {
      std::vector<float>& values = sums[static_cast<size_t>(rank)];
      for (int64_t i = 0; i < count; ++i)
        values.push_back(static_cast<float>(rank + 1) / static_cast<float>(i + 3));
      const std::vector<float> before = values;
      EXPECT_TRUE(collective.AllReduce(values.data(), count).ok());
      double losses[2] = {static_cast<double>(rank) + 0.25, 1e-9};
      EXPECT_TRUE(collective.AllReduce(losses, 2).ok());
      EXPECT_DOUBLE_EQ(losses[0], 3.75);
      EXPECT_DOUBLE_EQ(losses[1], 3e-9);
      EXPECT_TRUE(collective.Barrier().ok());
    });
    EXPECT_EQ(sums[0], sums[1]);
    EXPECT_EQ(sums[0], sums[2]);
    for (size_t i = 0; i < sums[0].size(); i += 97) {
      const double expected = 6 / static_cast<double>(i + 3);
      EXPECT_NEAR(sums[0][i] / expected, 1, 1e-6) << i;
    }
  }
}

TEST(SharedMemoryTest, FloatsComeToTheFirstRankAndBf16IsAddedUp) {
  for (const int64_t count : {int64_t{2}, (int64_t{1} << 20) + 7}) {
    SharedGang(3, [&](int64_t, Collective& collective) {
      ExpectGathers(collective, count);
      ExpectSumsOfBf16(collective, count);
    });
  }
}

// Floats in pages of their own, as a network's gradients are.
class Pages {
 public:
  explicit Pages(int64_t count)
      : bytes_(static_cast<size_t>(count) * sizeof(float)),
        memory_(mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
  }
  ~Pages() { munmap(memory_, bytes_); }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  float* data() const { return static_cast<float*>(memory_); }

 private:
  const size_t bytes_;
  void* const memory_;
};

TEST(SharedMemoryTest, SharedMemoryIsSummedWhereItIs) {
  constexpr int64_t kCount = 50'001, kBegin = 1'003, kSize = 40'007;
  // Of one rank it is not whole pages: then all of them go on with copies, and have the same bits.
  std::vector<float> in_place;
  for (const int64_t offset : {0, 1}) {
    std::vector<std::vector<float>> sums(3);
    SharedGang(3, [&](int64_t rank, Collective& collective) {
      const Pages pages(kCount + 1);
      float* values = pages.data() + (rank == 1 ? offset : 0);
      ASSERT_TRUE(collective.Share(values, kCount).ok());
      for (int round = 0; round < 2; ++round) {
        for (int64_t i = 0; i < kCount; ++i)
          values[i] = static_cast<float>(rank + 1 + round) / static_cast<float>(i + 3);
        ASSERT_TRUE(collective.AllReduce(values + kBegin, kSize).ok());
        for (int64_t i = 0; i < kCount; i += i < kBegin ? 1 : 83) {
          const bool summed = i >= kBegin && i < kBegin + kSize;
          const auto each = static_cast<double>(rank + 1 + round);
          const double expected = summed ? 6.0 + 3 * round : each;
          ASSERT_NEAR(values[i] * static_cast<double>(i + 3) / expected, 1, 1e-6) << i;
        }
        ASSERT_TRUE(collective.Barrier().ok()) << "before another rank writes there";
      }
      sums[static_cast<size_t>(rank)].assign(values + kBegin, values + kBegin + kSize);
      // Other memory is summed as before.
      float one = 1;
      ASSERT_TRUE(collective.AllReduce(&one, 1).ok());
      EXPECT_EQ(one, 3.0f);
    });
    EXPECT_EQ(sums[0], sums[1]);
    EXPECT_EQ(sums[0], sums[2]);
    if (offset == 0) in_place = sums[0];
    EXPECT_EQ(sums[0], in_place);
  }
  // Both in the order of the ranks: these values have other sums in another order.
  const auto of = [&](int rank, int64_t i) {
    return static_cast<float>(rank + 2) / static_cast<float>(kBegin + i + 3);
  };
  bool order_shows = false;
  for (int64_t i = 0; i < kSize; ++i) {
    ASSERT_EQ(in_place[static_cast<size_t>(i)], (of(0, i) + of(1, i)) + of(2, i)) << i;
    order_shows = order_shows ||
                  (of(0, i) + of(1, i)) + of(2, i) != (of(2, i) + of(1, i)) + of(0, i);
  }
  EXPECT_TRUE(order_shows);
}

// Rank 1 has a buffer that is not whole pages in the second round.
TEST(SharedMemoryTest, ValuesOfAllRanksAreTheSameMemory) {
  constexpr int64_t kCount = 3'000;
  for (const int64_t offset : {0, 1}) {
    SharedGang(3, [&](int64_t rank, Collective& collective) {
      const Pages sums(kCount), first(kCount + 1), second(7);
      float* one = first.data() + (rank == 1 ? offset : 0);
      const std::vector<std::span<float>> buffers = {{one, kCount}, {second.data(), 7}};
      for (int64_t i = 0; i < kCount; ++i) one[i] = static_cast<float>(i);
      // Sums are in common first.
      EXPECT_FALSE(collective.ShareValues(buffers).value());
      ASSERT_TRUE(collective.Share(sums.data(), kCount).ok());
      ASSERT_EQ(collective.ShareValues(buffers).value(), offset == 0);
      EXPECT_EQ(one[kCount - 1], static_cast<float>(kCount - 1));
      ASSERT_TRUE(collective.Barrier().ok());
      one[rank] = -1;
      second.data()[rank] = 5;
      ASSERT_TRUE(collective.Barrier().ok());
      for (int64_t peer = 0; peer < 3; ++peer) {
        const bool seen = peer == rank || offset == 0;
        EXPECT_EQ(one[peer], seen ? -1.0f : static_cast<float>(peer)) << peer;
        EXPECT_EQ(second.data()[peer], seen ? 5.0f : 0.0f) << peer;
      }
    });
  }
}

TEST(SharedMemoryTest, APartIsSummedAndIsZeroElsewhere) {
  constexpr int64_t kCount = 9'000, kThird = 3'000;
  const std::vector<Piece> pieces = {{0, 10}, {2'990, 6'500}, {8'999, kCount}};
  const auto in_a_piece = [&](int64_t i) {
    return std::any_of(pieces.begin(), pieces.end(),
                       [&](const Piece& piece) { return i >= piece.begin && i < piece.end; });
  };
  const auto given = [](int64_t rank, int64_t i) {
    return static_cast<float>(rank + 1) / static_cast<float>(i + 3);
  };
  SharedGang(3, [&](int64_t rank, Collective& collective) {
    const Pages sums(kCount), weights(3);
    ASSERT_TRUE(collective.Share(sums.data(), kCount).ok());
    ASSERT_TRUE(collective.ShareValues({{weights.data(), 3}}).value());
    for (int64_t i = 0; i < kCount; ++i) sums.data()[i] = given(rank, i);
    ASSERT_TRUE(collective.Barrier().ok());
    const Piece part = {rank * kThird, (rank + 1) * kThird};
    collective.SumPart(pieces, part);
    ASSERT_TRUE(collective.Barrier().ok());
    for (int64_t i = 0; i < kCount; ++i) {
      const float sum = (given(0, i) + given(1, i)) + given(2, i);
      const bool mine = i >= part.begin && i < part.end;
      ASSERT_EQ(sums.data()[i], !in_a_piece(i) ? given(rank, i) : mine ? sum : 0.0f) << i;
    }
  });
}

// Sums of few numbers, whose memory is used in turns, and of many.
TEST(SharedMemoryTest, ManyRoundsStayInStep) {
  SharedGang(4, [&](int64_t rank, Collective& collective) {
    for (int round = 0; round < 300; ++round) {
      float values[5];
      for (int i = 0; i < 5; ++i) values[i] = static_cast<float>(rank * round + i);
      ASSERT_TRUE(collective.AllReduce(values, 5).ok());
      for (int i = 0; i < 5; ++i) ASSERT_EQ(values[i], static_cast<float>(6 * round + 4 * i));
      if (round % 7 != 0) continue;
      std::vector<float> many(20'000, static_cast<float>(rank * round));
      ASSERT_TRUE(collective.AllReduce(many.data(), std::ssize(many)).ok());
      ASSERT_EQ(many.back(), static_cast<float>(6 * round));
    }
  });
}

TEST(SharedMemoryTest, ALostPeerIsAborted) {
  const auto folder = TemporaryFolder::Create().value();
  const pid_t child = fork();
  if (child == 0) {
    const auto keys = task::FolderRendezvous(folder.path(), "job.1");
    auto collective = SharedMemoryCollective(*keys, 1, 2, 20'000);
    _exit(collective.ok() && *collective != nullptr ? 0 : 1);  // without closing anything
  }
  const auto keys = task::FolderRendezvous(folder.path(), "job.1");
  auto collective = SharedMemoryCollective(*keys, 0, 2, 60'000).value();
  ASSERT_NE(collective, nullptr);
  // The child stays a zombie meanwhile: its number says nothing about whether it lives.
  std::vector<float> values(100'000);
  const Status status = collective->AllReduce(values.data(), std::ssize(values));
  EXPECT_EQ(status.code(), StatusCode::kAborted);
  EXPECT_THAT(status.message(), HasSubstr("a rank of the gang was lost: rank 1 has ended"));
  int code = -1;
  ASSERT_EQ(waitpid(child, &code, 0), child);
  EXPECT_EQ(code, 0);
}

TEST(SharedMemoryTest, APeerThatNeverComesIsAborted) {
  const auto folder = TemporaryFolder::Create().value();
  const auto keys = task::FolderRendezvous(folder.path(), "job.1");
  const auto collective = SharedMemoryCollective(*keys, 0, 2, 300);
  EXPECT_EQ(collective.status().code(), StatusCode::kAborted);
  EXPECT_THAT(collective.status().message(), HasSubstr("the gang did not meet"));
}

// As of a gang whose ranks are on several hosts: the same file there is another one.
TEST(SharedMemoryTest, RanksThatCannotOpenItAgreeToDoWithout) {
  const auto folder = TemporaryFolder::Create().value();
  const auto keys = task::FolderRendezvous(folder.path(), "job.1");
  std::thread other([&] {
    const auto theirs = task::FolderRendezvous(folder.path(), "job.1");
    ASSERT_TRUE(theirs->Get("shm/place", 20'000).ok());
    ASSERT_TRUE(theirs->Put("shm/1", "none").ok());
  });
  const auto collective = SharedMemoryCollective(*keys, 0, 2, 20'000);
  other.join();
  ASSERT_TRUE(collective.ok()) << collective.status().message();
  EXPECT_EQ(*collective, nullptr);
}

// As on another host, where the same process id may be that of another gang's rank.
TEST(SharedMemoryTest, AnotherGangsMemoryIsNotTaken) {
  const auto folder = TemporaryFolder::Create().value();
  const auto keys = task::FolderRendezvous(folder.path(), "job.1");
  std::unique_ptr<Collective> peer;
  std::thread other([&] {
    const auto theirs = task::FolderRendezvous(folder.path(), "job.1");
    peer = SharedMemoryCollective(*theirs, 1, 2, 20'000).value();
  });
  const auto collective = SharedMemoryCollective(*keys, 0, 2, 20'000).value();
  other.join();
  ASSERT_NE(peer, nullptr);
  peer.reset();  // whose place would be free
  const std::string place = keys->Get("shm/place", 0).value();
  const auto join = [&](const std::string& scope, int64_t world, const std::string& there) {
    const auto far = task::FolderRendezvous(folder.path(), scope);
    EXPECT_TRUE(far->Put("shm/place", there).ok());
    EXPECT_TRUE(far->Put("shm/0", "open").ok());
    for (int64_t rank = 2; rank < world; ++rank)
      EXPECT_TRUE(far->Put("shm/" + std::to_string(rank), "open").ok());
    return SharedMemoryCollective(*far, 1, world, 20'000).value();
  };
  EXPECT_EQ(join("job.2", 3, place), nullptr) << "of two ranks";
  EXPECT_EQ(join("job.3", 2, place.substr(0, place.find(' ')) + " another-token"), nullptr);
}

}  // namespace
}  // namespace braid::trainer
