// Products of bf16 at the ends of tiles and blocks, and the state of AMX that threads and processes
// share. What needs AMX is skipped elsewhere.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string_view>
#include <thread>
#include <tuple>
#include <vector>

#include "base/random.h"
#include "tests/trainer/kernels/tested_kernels.h"
#include "trainer/kernels/simd/tile_permission.h"

namespace braid::trainer {
namespace {

// Floats that end where memory ends: reading or writing beyond them ends the process.
class Bounded {
 public:
  Bounded(int64_t count, uint64_t seed) : count_(count) {
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE)),
                 bytes = static_cast<size_t>(count) * sizeof(float);
    size_ = (bytes + page - 1) / page * page + page;
    memory_ = static_cast<char*>(
        mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (memory_ == MAP_FAILED || mprotect(memory_ + size_ - page, page, PROT_NONE) != 0) abort();
    first_ = reinterpret_cast<float*>(memory_ + size_ - page - bytes);
    const RandomStream draws(seed, "numbers");
    for (int64_t i = 0; i < count; ++i) first_[i] = draws.Normal(static_cast<uint64_t>(i));
  }
  ~Bounded() { munmap(memory_, size_); }
  Bounded(const Bounded&) = delete;
  Bounded& operator=(const Bounded&) = delete;

  float* get() const { return first_; }
  float& operator[](int64_t i) const { return first_[i]; }
  std::vector<float> Values() const { return {first_, first_ + count_}; }

 private:
  const int64_t count_;
  size_t size_;
  char* memory_;
  float* first_;
};

// Rounded to bf16, to the nearest, ties to even. REQUIRES: x is a normal number.
float RoundedToBf16(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000;
  std::memcpy(&x, &bits, sizeof(x));
  return x;
}

// Sizes of a product, chosen for what they leave of 16 and 32 rows and columns, of 16 pairs, of 256
// of them and of 1024 columns.
struct Sizes {
  int64_t rows, k, columns;
};
constexpr Sizes kSizes[] = {{1, 1, 1},    {16, 32, 32},  {17, 31, 33}, {32, 33, 31},
                            {48, 64, 16}, {33, 65, 64},  {31, 2, 48},  {129, 34, 15},
                            {5, 515, 70}, {40, 1030, 5}, {3, 30, 1060}};

class TileEndsTest : public ::testing::TestWithParam<const SimdKernels*> {
 protected:
  // b [k, columns], packed.
  std::vector<float> Pack(const Bounded& b, const Sizes& s) const {
    const int64_t panel = GetParam()->panel, panels = (s.columns + panel - 1) / panel;
    std::vector<float> packed(static_cast<size_t>((s.k + 1) / 2 * panel * panels));
    GetParam()->bf16.pack(b.get(), s.columns, s.k, s.columns, nullptr, packed.data());
    return packed;
  }
  // The same where memory ends behind it.
  void PackTo(const Bounded& b, const Sizes& s, const Bounded& to) const {
    const std::vector<float> packed = Pack(b, s);
    std::memcpy(to.get(), packed.data(), packed.size() * sizeof(float));
  }
  int64_t PackedSize(const Sizes& s) const {
    const int64_t panel = GetParam()->panel;
    return (s.k + 1) / 2 * ((s.columns + panel - 1) / panel * panel);
  }
};
INSTANTIATE_TEST_SUITE_P(Isa, TileEndsTest, ::testing::ValuesIn(TestedBf16Kernels()),
                         [](const auto& isa) { return std::string(isa.param->name); });

// A sum in double precision, and that of the absolute values of its terms.
struct Exact {
  double sum, size;
};
template <typename Term>
Exact SumOf(double begin, int64_t count, Term term) {
  Exact exact{begin, std::abs(begin)};
  for (int64_t i = 0; i < count; ++i) {
    exact.sum += term(i);
    exact.size += std::abs(term(i));
  }
  return exact;
}

// What is added up in fp32 has a rounding for each of its `terms` products.
void ExpectSum(float sum, const Exact& exact, int64_t terms) {
  ASSERT_LE(std::abs(sum - exact.sum),
            exact.size * static_cast<double>(terms + 2) * std::pow(2.0, -24));
}

double ProductOfRounded(float a, float b) {
  return static_cast<double>(RoundedToBf16(a)) * RoundedToBf16(b);
}

TEST_P(TileEndsTest, ProductsEndWhereTheirOperandsDo) {
  for (const Sizes& s : kSizes) {
    SCOPED_TRACE(testing::Message() << s.rows << " x " << s.k << " x " << s.columns);
    const Bounded a(s.rows * s.k, 1), b(s.k * s.columns, 2), add(s.rows * s.columns, 3),
        c(s.rows * s.columns, 4), packed(PackedSize(s), 5);
    PackTo(b, s, packed);
    for (const float* more : std::initializer_list<const float*>{nullptr, add.get()}) {
      GetParam()->bf16.product({.a = a.get(),
                                .lda = s.k,
                                .rows = s.rows,
                                .k = s.k,
                                .columns = s.columns,
                                .b = packed.get(),
                                .b_rows = s.k,
                                .add = more,
                                .ld_add = s.columns,
                                .c = c.get(),
                                .ldc = s.columns});
      for (int64_t i = 0; i < s.rows * s.columns; ++i) {
        const int64_t row = i / s.columns, column = i % s.columns;
        const auto term = [&](int64_t j) {
          return ProductOfRounded(a[row * s.k + j], b[j * s.columns + column]);
        };
        ExpectSum(c[i], SumOf(more != nullptr ? more[i] : 0, s.k, term), s.k);
      }
    }
  }
}

TEST_P(TileEndsTest, OuterProductsEndWhereTheirOperandsDo) {
  for (const Sizes& s : kSizes) {
    SCOPED_TRACE(testing::Message() << s.rows << " x " << s.k << " x " << s.columns);
    const Bounded a(s.k * s.rows, 1), b(s.k * s.columns, 2), c(s.rows * s.columns, 4),
        packed(PackedSize(s), 5);
    PackTo(b, s, packed);
    const std::vector<float> before = c.Values();
    GetParam()->bf16.outer({.a = a.get(),
                            .lda = s.rows,
                            .rows = s.k,
                            .a_columns = s.rows,
                            .b_columns = s.columns,
                            .b = packed.get(),
                            .c = c.get(),
                            .ldc = s.columns});
    for (int64_t i = 0; i < s.rows * s.columns; ++i) {
      const int64_t row = i / s.columns, column = i % s.columns;
      const auto term = [&](int64_t j) {
        return ProductOfRounded(a[j * s.rows + row], b[j * s.columns + column]);
      };
      ExpectSum(c[i], SumOf(before[static_cast<size_t>(i)], s.k, term), s.k);
    }
  }
}

// Where what is missing of a tile is filled up, zeros must not meet a number that is none.
TEST_P(TileEndsTest, WhatIsNoNumberStaysInItsRowAndItsColumn) {
  const float broken[] = {std::numeric_limits<float>::quiet_NaN(),
                          std::numeric_limits<float>::infinity()};
  for (const Sizes& s : kSizes) {
    for (const float none : broken) {
      const Bounded a(s.rows * s.k, 1), b(s.k * s.columns, 2), c(s.rows * s.columns, 4),
          packed(PackedSize(s), 5);
      a[s.rows * s.k - 1] = none;     // of the last row and the last k
      b[s.k * s.columns - 1] = none;  // of the last column
      PackTo(b, s, packed);
      GetParam()->bf16.product({.a = a.get(),
                                .lda = s.k,
                                .rows = s.rows,
                                .k = s.k,
                                .columns = s.columns,
                                .b = packed.get(),
                                .b_rows = s.k,
                                .add = nullptr,
                                .ld_add = 0,
                                .c = c.get(),
                                .ldc = s.columns});
      for (int64_t i = 0; i < s.rows * s.columns; ++i) {
        ASSERT_EQ(std::isfinite(c[i]), i / s.columns < s.rows - 1 && i % s.columns < s.columns - 1)
            << i << " of " << s.rows << " x " << s.k << " x " << s.columns;
      }
    }
  }
}

// A tile of the head with all that belongs to it, of two panels of rows.
struct BoundedHead {
  BoundedHead(const SimdKernels& kernels, int64_t entry_count, int64_t columns_of_x)
      : products(kernels.bf16), panel(kernels.panel), entries(entry_count), width(columns_of_x) {
    const int64_t places = (width + 1) / 2;
    for (int64_t i = 0; i < entries; ++i)
      products.round(head.get() + i * width, width, rounded.get() + i * places);
    products.pack_transposed(x.get(), width, width, rows, packed.get());
  }
  float Logit(int64_t row, int64_t entry) const {
    return logits[(row / panel * entries + entry) * panel + row % panel];
  }
  double Exponential(int64_t row, int64_t entry) const {
    return RoundedToBf16(std::exp(Logit(row, entry) - maxima[row]));
  }

  const Products& products;
  const int64_t panel, entries, width;
  const int64_t panels = 2, rows = panels * panel;
  const Bounded x{rows * width, 1}, head{entries * width, 2};
  // With the numbers beyond its end that may be read.
  const Bounded rounded{entries * ((width + 1) / 2) + 8, 3};
  const Bounded packed{rows * ((width + 1) / 2), 4};
  const Bounded logits{rows * entries, 5}, kept{rows * entries / 2, 6};
  const Bounded maxima{rows, 7}, sums{rows, 8}, factors{rows, 9};
  const HeadTile tile{rounded.get(), entries, width, panels, logits.get(), kept.get()};
};
constexpr std::tuple<int64_t, int64_t> kHeads[] = {{1, 1}, {16, 32}, {33, 31}, {47, 64}, {70, 35}};

TEST_P(TileEndsTest, LogitsEndWhereTheirOperandsDo) {
  for (const auto& [entries, width] : kHeads) {
    const BoundedHead h(*GetParam(), entries, width);
    h.products.head_logits(h.tile, h.packed.get(), h.maxima.get());
    for (int64_t row = 0; row < h.rows; ++row) {
      float largest = -std::numeric_limits<float>::infinity();
      for (int64_t entry = 0; entry < entries; ++entry) {
        const auto term = [&](int64_t j) {
          return ProductOfRounded(h.x[row * h.width + j], h.head[entry * h.width + j]);
        };
        ExpectSum(h.Logit(row, entry), SumOf(0, width, term), width);
        largest = std::max(largest, h.Logit(row, entry));
      }
      ASSERT_EQ(h.maxima[row], largest) << entries << " x " << width;
    }
  }
}

TEST_P(TileEndsTest, GradientsOfTheHeadEndWhereTheirOperandsDo) {
  for (const auto& [entries, width] : kHeads) {
    SCOPED_TRACE(testing::Message() << entries << " x " << width);
    const BoundedHead h(*GetParam(), entries, width);
    const Bounded columns((width + 31) * (entries + 32), 10), dx(h.rows * width, 11),
        gradient(entries * width, 12), by_rows(PackedSize({0, h.rows, width}), 13);
    h.products.head_logits(h.tile, h.packed.get(), h.maxima.get());
    h.products.head_exp(h.tile, h.maxima.get(), h.sums.get());
    // Another last bit of an exponential may round it to the other side: by 2^-7.
    const double relative = std::pow(2.0, -7) +
                            static_cast<double>(entries + h.rows) * std::pow(2.0, -24);
    const auto expect = [&](const float* own, const std::vector<float>& before, int64_t place,
                            int64_t count, const auto& term) {
      const Exact exact = SumOf(before[static_cast<size_t>(place)], count, term);
      ASSERT_LE(std::abs(own[place] - exact.sum), exact.size * relative);
    };

    const std::vector<float> dx_before = dx.Values(), before = gradient.Values();
    h.products.head_columns(h.tile, columns.get());
    h.products.head_input_gradient(h.tile, columns.get(), h.factors.get(), dx.get());
    PackTo(h.x, {0, h.rows, width}, by_rows);
    h.products.head_weight_gradient(h.tile, by_rows.get(), gradient.get());
    for (int64_t j = 0; j < h.width; ++j) {
      const auto head = [&](int64_t entry) { return RoundedToBf16(h.head[entry * h.width + j]); };
      const auto x = [&](int64_t row) { return RoundedToBf16(h.x[row * h.width + j]); };
      for (int64_t row = 0; row < h.rows; ++row) {
        expect(dx.get(), dx_before, (row / h.panel * width + j) * h.panel + row % h.panel, entries,
               [&](int64_t i) { return h.factors[row] * h.Exponential(row, i) * head(i); });
      }
      for (int64_t entry = 0; entry < h.entries; ++entry) {
        expect(gradient.get(), before, entry * width + j, h.rows,
               [&](int64_t i) { return h.Exponential(i, entry) * x(i); });
      }
    }
  }
}

const SimdKernels* Amx() {
  const SimdKernels* last = UsableSimdKernels().back();
  return std::string_view(last->name) == "amx" ? last : nullptr;
}

// 40 x 70 x 40 of random numbers by tiles.
std::vector<float> ProductOfTiles() {
  constexpr Sizes kSize{40, 70, 40};
  const Bounded a(kSize.rows * kSize.k, 1), b(kSize.k * kSize.columns, 2);
  std::vector<float> packed(35 * 64), c(40 * 40);
  Amx()->bf16.pack(b.get(), kSize.columns, kSize.k, kSize.columns, nullptr, packed.data());
  Amx()->bf16.product({.a = a.get(),
                       .lda = kSize.k,
                       .rows = kSize.rows,
                       .k = kSize.k,
                       .columns = kSize.columns,
                       .b = packed.data(),
                       .b_rows = kSize.k,
                       .add = nullptr,
                       .ld_add = 0,
                       .c = c.data(),
                       .ldc = kSize.columns});
  return c;
}

// The sum as Intel's manual has it: of 16 pairs, the products of first numbers and those of second
// ones are added up for themselves, then to each other and to what was there. Bits that a
// checkpoint's environment names "amx" are these.
TEST(AmxTest, SumsHaveTheBitsOfTheManual) {
  if (Amx() == nullptr) GTEST_SKIP() << "of processors with AMX";
  const Bounded a(40 * 70, 1), b(70 * 40, 2);
  const std::vector<float> own = ProductOfTiles();
  for (int64_t i = 0; i < 40 * 40; ++i) {
    float sum = 0;
    for (int64_t step = 0; step < 70; step += 32) {
      float halves[2] = {0, 0};
      for (int64_t j = step; j < std::min<int64_t>(70, step + 32); ++j) {
        halves[j % 2] = std::fma(RoundedToBf16(a[i / 40 * 70 + j]),
                                 RoundedToBf16(b[j * 40 + i % 40]), halves[j % 2]);
      }
      sum += halves[0] + halves[1];
    }
    ASSERT_EQ(own[static_cast<size_t>(i)], sum) << i;
  }
}

TEST(AmxTest, AThreadThatIsDoneHasNoTilesToSave) {
  if (Amx() == nullptr) GTEST_SKIP() << "of processors with AMX";
  (void)ProductOfTiles();
#if defined(__x86_64__)
  uint32_t low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(1));  // the state that is in use
  EXPECT_EQ(low >> 17 & 3, 0) << "bits 17 and 18: how tiles are set up, and what they hold";
#endif
}

TEST(AmxTest, NewThreadsAndForkedProcessesHaveTheSameTiles) {
  if (Amx() == nullptr) GTEST_SKIP() << "of processors with AMX";
  const std::vector<float> expected = ProductOfTiles();
  std::vector<float> of_thread;
  std::thread([&] { of_thread = ProductOfTiles(); }).join();
  EXPECT_EQ(of_thread, expected);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) _exit(ProductOfTiles() == expected ? 0 : 1);
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace braid::trainer
