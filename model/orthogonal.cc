#include "model/orthogonal.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace braid::model {
namespace {

// The sum of a[i] b[i], in an order that does not depend on the compiler. Four sums at once, as
// each addition waits for the one before.
double Dot(const double* a, const double* b, int64_t count) {
  double sums[4] = {0, 0, 0, 0};
  int64_t i = 0;
  for (; i + 4 <= count; i += 4) {
    for (int64_t k = 0; k < 4; ++k) sums[k] += a[i + k] * b[i + k];
  }
  for (; i < count; ++i) sums[0] += a[i] * b[i];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

// The reflections of which a matrix of n rows and columns is the product. Reflection j leaves the
// first j places alone, and turns a random direction of the others into place j.
class Reflections {
 public:
  Reflections(const RandomStream& stream, int64_t n) : stream_(stream), n_(n) {
    normals_.resize(static_cast<size_t>(n));
    direction_.resize(static_cast<size_t>(n));
  }

  // Makes reflection j the present one.
  void Take(int64_t j) {
    const int64_t count = n_ - j;
    stream_.Normals(static_cast<uint64_t>(j * n_), count, normals_.data());
    std::copy_n(normals_.begin(), count, direction_.begin());
    const double norm = std::sqrt(Dot(direction_.data(), direction_.data(), count));
    // Away from zero, so that nothing cancels. The sign is made up for, as otherwise the result
    // would not be distributed uniformly.
    sign_ = direction_.front() < 0 ? 1 : -1;
    direction_.front() -= sign_ * norm;
    const double square = Dot(direction_.data(), direction_.data(), count);
    factor_ = square > 0 ? 2 / square : 0;
    begin_ = j;
  }

  // Reflects a row of n numbers.
  void Apply(double* row) const {
    const int64_t count = n_ - begin_;
    const double part = factor_ * Dot(direction_.data(), row + begin_, count);
    for (int64_t i = 0; i < count; ++i)
      row[begin_ + i] -= part * direction_[static_cast<size_t>(i)];
  }

  double sign() const { return sign_; }

 private:
  const RandomStream& stream_;
  const int64_t n_;
  std::vector<float> normals_;
  std::vector<double> direction_;
  double sign_ = 1, factor_ = 0;
  int64_t begin_ = 0;
};

}  // namespace

// With H_j for the reflections, and D for their signs, Q = H_0 H_1 ... D is uniformly distributed.
// Wide matrices are the first rows of its transpose, to which only the reflections up to their own
// number contribute; tall ones are its first columns.
void OrthogonalRange(const RandomStream& stream, int64_t rows, int64_t columns, int64_t begin,
                     int64_t count, float* out) {
  if (count == 0) return;
  const bool wide = rows <= columns;
  const int64_t n = std::max(rows, columns), first = begin / columns,
                last = (begin + count - 1) / columns;
  std::vector<double> made(static_cast<size_t>((last - first + 1) * n));
  const auto row = [&](int64_t i) { return made.data() + (i - first) * n; };
  for (int64_t i = first; i <= last; ++i) row(i)[i] = 1;
  Reflections reflections(stream, n);
  if (wide) {
    for (int64_t j = last; j >= 0; --j) {
      reflections.Take(j);
      if (j >= first) row(j)[j] = reflections.sign();
      for (int64_t i = std::max(first, j); i <= last; ++i) reflections.Apply(row(i));
    }
  } else {
    for (int64_t j = 0; j < columns; ++j) {
      reflections.Take(j);
      for (int64_t i = first; i <= last; ++i) {
        reflections.Apply(row(i));
        row(i)[j] *= reflections.sign();
      }
    }
  }
  for (int64_t at = begin; at < begin + count; ++at)
    *out++ = static_cast<float>(row(at / columns)[at % columns]);
}

}  // namespace braid::model
