#include <gmock/gmock.h>

#include <barrier>
#include <csignal>
#include <functional>
#include <thread>

#include "base/file.h"
#include "base/random.h"
#include "tests/trainer/collective/gathering.h"
#include "trainer/collective/collective.h"

namespace braid::trainer {
namespace {

using ::testing::HasSubstr;

// Runs `body` on every rank of a gang that meets in a folder.
void Gang(int64_t world,
          const std::function<void(int64_t rank, std::unique_ptr<Collective> collective)>& body) {
  const auto folder = TemporaryFolder::Create().value();
  std::vector<std::thread> ranks;
  std::barrier met(world);  // else one could leave while another is still being connected
  for (int64_t rank = 0; rank < world; ++rank) {
    ranks.emplace_back([&, rank] {
      const auto keys = task::FolderRendezvous(folder.path(), "job.1");
      auto collective = GlooCollective(*keys, rank, world, "", 20'000);
      met.arrive_and_wait();
      ASSERT_TRUE(collective.ok()) << collective.status().message();
      EXPECT_EQ((*collective)->rank(), rank);
      EXPECT_EQ((*collective)->world(), world);
      body(rank, std::move(collective).value());
    });
  }
  for (std::thread& rank : ranks) rank.join();
}

TEST(GlooTest, RanksKnowWhetherAllGiveTheSame) {
  // Sums alone would not tell them: each rank may stand in the middle.
  const std::vector<std::vector<std::string>> texts = {
      {"AVX2, 2", "AVX2, 2", "AVX2, 2"}, {"AVX2, 2", "generic, 2", "AVX2, 2"}, {"a", "b", "c"}};
  for (const std::vector<std::string>& given : texts) {
    Gang(3, [&](int64_t rank, std::unique_ptr<Collective> collective) {
      const auto same = SameOnAllRanks(*collective, given[static_cast<size_t>(rank)]);
      ASSERT_TRUE(same.ok()) << same.status().message();
      EXPECT_EQ(*same, given[0] == given[1]) << given[1];
      EXPECT_TRUE(collective->Barrier().ok());
    });
  }
}

TEST(GlooTest, SumsHaveTheSameBitsOnEveryRank) {
  constexpr int64_t kWorld = 3, kCount = 10'007;
  std::vector<std::vector<float>> sums(kWorld);
  Gang(kWorld, [&](int64_t rank, std::unique_ptr<Collective> collective) {
    const RandomStream random(static_cast<uint64_t>(rank), "values");
    std::vector<float> values(kCount);
    for (size_t i = 0; i < kCount; ++i) values[i] = random.Normal(i);
    EXPECT_TRUE(collective->AllReduce(values.data(), kCount).ok());
    double losses[2] = {static_cast<double>(rank) + 0.25, 1e-9};
    EXPECT_TRUE(collective->AllReduce(losses, 2).ok());
    EXPECT_DOUBLE_EQ(losses[0], 3.75);
    EXPECT_DOUBLE_EQ(losses[1], 3e-9);
    EXPECT_TRUE(collective->Barrier().ok());
    sums[static_cast<size_t>(rank)] = values;
  });
  EXPECT_EQ(sums[0], sums[1]);
  EXPECT_EQ(sums[0], sums[2]);
  for (size_t i = 0; i < kCount; i += 97) {
    double expected = 0;
    for (uint64_t rank = 0; rank < kWorld; ++rank)
      expected += static_cast<double>(RandomStream(rank, "values").Normal(i));
    EXPECT_NEAR(sums[0][i], expected, 1e-5);
  }
}

TEST(GlooTest, FloatsComeToTheFirstRankAndBf16IsAddedUp) {
  for (const int64_t count : {int64_t{2}, int64_t{10'007}}) {
    Gang(3, [&](int64_t, std::unique_ptr<Collective> collective) {
      ExpectGathers(*collective, count);
      ExpectSumsOfBf16(*collective, count);
      EXPECT_TRUE(collective->Barrier().ok());
    });
  }
}

// Those of a collective that has no ways of its own.
class Plain final : public Collective {
 public:
  explicit Plain(Collective& inner) : inner_(inner) {}
  using Collective::AllReduce;
  int64_t rank() const override { return inner_.rank(); }
  int64_t world() const override { return inner_.world(); }
  Status AllReduce(float* data, int64_t count) override { return inner_.AllReduce(data, count); }
  Status AllReduce(double* data, int64_t count) override { return inner_.AllReduce(data, count); }
  Status Barrier() override { return inner_.Barrier(); }

 private:
  Collective& inner_;
};

TEST(GlooTest, BothWorkThroughSumsOfDoublesToo) {
  for (const int64_t count : {int64_t{2}, (int64_t{1} << 16) + 7}) {
    Gang(3, [&](int64_t, std::unique_ptr<Collective> collective) {
      Plain plain(*collective);
      ExpectGathers(plain, count);
      ExpectSumsOfBf16(plain, count);
      EXPECT_TRUE(collective->Barrier().ok());
    });
  }
}

TEST(Bf16Test, RoundsToTheNearestAndKeepsWhatIsNoNumber) {
  EXPECT_EQ(ToFloat(ToBf16(1.0f)), 1.0f);
  EXPECT_EQ(ToFloat(ToBf16(1.0f + 0x1p-8f)), 1.0f) << "a tie goes to the even fraction";
  EXPECT_EQ(ToFloat(ToBf16(1.0f + 3 * 0x1p-8f)), 1.0f + 0x1p-6f);
  EXPECT_EQ(ToFloat(ToBf16(1.0f + 0x1.01p-8f)), 1.0f + 0x1p-7f);
  EXPECT_EQ(ToFloat(ToBf16(-0x1.fep+3f)), -0x1.fep+3f);
  EXPECT_TRUE(std::isnan(ToFloat(ToBf16(std::bit_cast<float>(0x7f800001u)))));
  EXPECT_TRUE(std::isinf(ToFloat(ToBf16(std::numeric_limits<float>::infinity()))));
}

TEST(GlooTest, ALostPeerIsAborted) {
  signal(SIGPIPE, SIG_IGN);  // as task programs do: a write to who is gone is an error and not the
                             // end
  Gang(2, [](int64_t rank, std::unique_ptr<Collective> collective) {
    if (rank == 1) return collective.reset();
    std::vector<float> values(100'000);
    const Status status = collective->AllReduce(values.data(), static_cast<int64_t>(values.size()));
    EXPECT_EQ(status.code(), StatusCode::kAborted);
    EXPECT_THAT(status.message(), HasSubstr("a rank of the gang was lost"));
  });
}

TEST(GlooTest, APeerThatNeverComesIsAborted) {
  const auto folder = TemporaryFolder::Create().value();
  const auto keys = task::FolderRendezvous(folder.path(), "job.1");
  const auto collective = GlooCollective(*keys, 0, 2, "", 300);
  EXPECT_EQ(collective.status().code(), StatusCode::kAborted);
  EXPECT_THAT(collective.status().message(), HasSubstr("the gang did not meet"));
}

// 192.0.2.1 is reserved for documentation: this machine does not have it.
TEST(GlooTest, AnAddressThatThisMachineLacksIsSaid) {
  const auto folder = TemporaryFolder::Create().value();
  const auto keys = task::FolderRendezvous(folder.path(), "job.1");
  const auto collective = MakeCollective(*keys, 0, 2, "cpu", "192.0.2.1", 20'000);
  EXPECT_EQ(collective.status().code(), StatusCode::kAborted);
  EXPECT_THAT(collective.status().message(), HasSubstr("this rank cannot listen at 192.0.2.1"));
}

TEST(LocalTest, AloneASumIsWhatItIs) {
  const auto folder = TemporaryFolder::Create().value();
  const auto keys = task::FolderRendezvous(folder.path(), "job.1");
  const auto alone = MakeCollective(*keys, 0, 1, "cpu", "", 0).value();
  float value = 3;
  EXPECT_TRUE(alone->AllReduce(&value, 1).ok());
  EXPECT_EQ(value, 3);
  ExpectGathers(*alone, 11);
  ExpectSumsOfBf16(*alone, 11);
}

}  // namespace
}  // namespace braid::trainer
