// What is summed over the ranks, and what is left out.
#include "trainer/loop/gradient_sum.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/file.h"
#include "tests/trainer/network/specs.h"
#include "trainer/collective/shared_memory.h"

namespace braid::trainer {
namespace {

// The gradient of element i on a rank, of rows of the embedding that nobody has read, too: sums of
// three differ with their order.
float Given(int64_t rank, int64_t i) {
  return static_cast<float>(rank + 1) / static_cast<float>(i + 3);
}

// Three ranks that have read some tokens each.
struct Gang {
  static constexpr int64_t kWorld = 3;
  std::vector<float> gradients[kWorld];
  int64_t embedding = 0, width = 0, size = 0;

  // `parts`: each rank sums a third.
  void Run(const std::vector<std::vector<int32_t>>& read, bool parts = false) {
    const auto folder = TemporaryFolder::Create().value();
    const auto rank = [&](int64_t number, const std::vector<int32_t>& ids) {
      const auto keys = task::FolderRendezvous(folder.path(), "job.1");
      const auto collective = SharedMemoryCollective(*keys, number, kWorld, 20'000).value();
      const auto network = Network::Create(Dense(), "cpu").value();
      const Layout& layout = network->layout();
      GradientSum sum(*network, *collective);
      ASSERT_TRUE(sum.Begin().ok());
      if (parts) {
        ASSERT_TRUE(
            collective->ShareValues({{network->parameters(), static_cast<size_t>(layout.size)}})
                .value());
      }
      for (int step = 0; step < 2; ++step) {
        sum.Read(step == 0 ? std::vector<int32_t>{1, 2} : ids);
        for (int64_t i = 0; i < layout.size; ++i) network->gradients()[i] = Given(number, i);
        ASSERT_TRUE((parts ? sum.SumPart(PartOf(number, layout.size)) : sum.Sum()).ok());
        ASSERT_TRUE(collective->Barrier().ok());
      }
      gradients[number].assign(network->gradients(), network->gradients() + layout.size);
      if (number == 0) size = layout.size;
      if (number == 0) embedding = layout.at("embed.weight").offset, width = Dense().width();
    };
    std::vector<std::thread> others;
    for (int64_t number = 1; number < kWorld; ++number)
      others.emplace_back([&, number] { rank(number, read[static_cast<size_t>(number)]); });
    rank(0, read[0]);
    for (std::thread& other : others) other.join();
  }

  static Piece PartOf(int64_t rank, int64_t size) {
    return {rank * size / kWorld, (rank + 1) * size / kWorld};
  }

  // Whether the elements of a rank's part are sums, and its others are zero, but for those of the
  // rows that were not read.
  void ExpectParts(const std::vector<bool>& read) const {
    for (int64_t number = 0; number < kWorld; ++number) {
      const std::vector<float>& all = gradients[number];
      const Piece part = PartOf(number, size);
      for (int64_t i = 0; i < size; ++i) {
        const int64_t row = i >= embedding ? (i - embedding) / width : kVocab;
        const bool summed = row >= kVocab || read[static_cast<size_t>(row)];
        const bool mine = i >= part.begin && i < part.end;
        const float sum = (Given(0, i) + Given(1, i)) + Given(2, i);
        ASSERT_EQ(all[static_cast<size_t>(i)], !summed ? Given(number, i)
                                               : mine  ? sum
                                                       : 0.0f)
            << "rank " << number << ", element " << i << ", row " << row;
      }
    }
  }

  // Whether all elements are sums in the order of the ranks, but for those of the rows that were
  // not read.
  void Expect(const std::vector<bool>& read) const {
    for (int64_t number = 0; number < kWorld; ++number) {
      const std::vector<float>& all = gradients[number];
      for (int64_t i = 0; i < std::ssize(all); ++i) {
        const int64_t row = i >= embedding ? (i - embedding) / width : kVocab;
        const bool summed = row >= kVocab || read[static_cast<size_t>(row)];
        ASSERT_EQ(all[static_cast<size_t>(i)],
                  summed ? (Given(0, i) + Given(1, i)) + Given(2, i) : Given(number, i))
            << "rank " << number << ", element " << i << ", row " << row;
      }
    }
  }
};

TEST(GradientSumTest, RowsThatNobodyHasReadStay) {
  Gang gang;
  gang.Run({{3, 7, 7, 0}, {7, 40}, {}});
  std::vector<bool> read(kVocab);
  for (const size_t row : {0, 3, 7, 40}) read[row] = true;
  gang.Expect(read);
}

TEST(GradientSumTest, EachRankSumsItsPart) {
  // The first row and the last, which lie beside other tensors; and none.
  for (const bool some : {true, false}) {
    Gang gang;
    const auto last = static_cast<int32_t>(kVocab - 1);
    if (some) gang.Run({{0, 7, 8}, {last, 40}, {}}, /*parts=*/true);
    if (!some) gang.Run({{}, {}, {}}, /*parts=*/true);
    std::vector<bool> read(kVocab);
    if (some) read[0] = read[7] = read[8] = read[40] = read[kVocab - 1] = true;
    gang.ExpectParts(read);
  }
}

TEST(GradientSumTest, ManyRowsAreSummedAsAWhole) {
  Gang gang;
  std::vector<int32_t> most;
  for (int32_t id = 0; id < kVocab - 5; ++id) most.push_back(id);
  gang.Run({most, {2}, {3}});
  gang.Expect(std::vector<bool>(kVocab, true));
}

}  // namespace
}  // namespace braid::trainer
