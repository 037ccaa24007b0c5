// What is summed over the ranks, and what is left out.
#include "trainer/loop/gradient_sum.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/file.h"
#include "tests/trainer/network/specs.h"
#include "trainer/collective/shared_memory.h"

namespace braid::trainer {
namespace {

// Two ranks that have read some tokens each; the gradient of element i is i + 1 on the first and
// 2 (i + 1) on the second, and so it is in rows of the embedding that nobody has read.
struct Gang {
  std::vector<float> gradients[2];
  int64_t embedding = 0, width = 0;

  void Run(const std::vector<int32_t>& first, const std::vector<int32_t>& second) {
    const auto folder = TemporaryFolder::Create().value();
    const auto rank = [&](int64_t number, const std::vector<int32_t>& ids) {
      const auto keys = task::FolderRendezvous(folder.path(), "job.1");
      const auto collective = SharedMemoryCollective(*keys, number, 2, 20'000).value();
      const auto network = Network::Create(Dense(), "cpu").value();
      const Layout& layout = network->layout();
      GradientSum sum(*network, *collective);
      ASSERT_TRUE(sum.Begin().ok());
      for (int step = 0; step < 2; ++step) {
        sum.Read(step == 0 ? std::vector<int32_t>{1, 2} : ids);
        for (int64_t i = 0; i < layout.size; ++i)
          network->gradients()[i] = static_cast<float>((number + 1) * (i + 1));
        ASSERT_TRUE(sum.Sum().ok());
        ASSERT_TRUE(collective->Barrier().ok());
      }
      gradients[number].assign(network->gradients(), network->gradients() + layout.size);
      if (number == 0) embedding = layout.at("embed.weight").offset, width = Dense().width();
    };
    std::thread other([&] { rank(1, second); });
    rank(0, first);
    other.join();
  }

  // Whether all elements are sums but for those of the rows that were not read.
  void Expect(const std::vector<bool>& read) const {
    for (int number = 0; number < 2; ++number) {
      const std::vector<float>& all = gradients[number];
      for (int64_t i = 0; i < std::ssize(all); ++i) {
        const int64_t row = i >= embedding ? (i - embedding) / width : kVocab;
        const bool summed = row >= kVocab || read[static_cast<size_t>(row)];
        EXPECT_EQ(all[static_cast<size_t>(i)],
                  static_cast<float>((summed ? 3 : number + 1) * (i + 1)))
            << "rank " << number << ", element " << i << ", row " << row;
      }
    }
  }
};

TEST(GradientSumTest, RowsThatNobodyHasReadStay) {
  Gang gang;
  gang.Run({3, 7, 7, 0}, {7, 40});
  std::vector<bool> read(kVocab);
  for (const size_t row : {0, 3, 7, 40}) read[row] = true;
  gang.Expect(read);
}

TEST(GradientSumTest, ManyRowsAreSummedAsAWhole) {
  Gang gang;
  std::vector<int32_t> most;
  for (int32_t id = 0; id < kVocab - 5; ++id) most.push_back(id);
  gang.Run(most, {2});
  gang.Expect(std::vector<bool>(kVocab, true));
}

}  // namespace
}  // namespace braid::trainer
