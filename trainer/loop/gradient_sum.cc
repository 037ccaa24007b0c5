#include "trainer/loop/gradient_sum.h"

#include <algorithm>

namespace braid::trainer {
namespace {

constexpr char kEmbedding[] = "embed.weight";

}  // namespace

GradientSum::GradientSum(Network& network, Collective& collective)
    : network_(network),
      collective_(collective),
      offset_(network.layout().at(kEmbedding).offset),
      vocab_(network.spec().vocab),
      width_(network.spec().width()),
      readers_(static_cast<size_t>(vocab_)) {}

Status GradientSum::Begin() {
  if (collective_.world() == 1) return OkStatus();
  return collective_.Share(network_.gradients(), network_.layout().size);
}

void GradientSum::Read(const std::vector<int32_t>& ids) {
  for (const int32_t id : ids) readers_[static_cast<size_t>(id)] = 1;
}

Status GradientSum::Sum() {
  if (collective_.world() == 1) return OkStatus();
  float* gradients = network_.gradients();
  const int64_t size = network_.layout().size, end = offset_ + vocab_ * width_;
  // On a GPU one large operation is faster than several with copies of rows between them.
  if (network_.device() != "cpu") return collective_.AllReduce(gradients, size);
  BRAID_RETURN_IF_ERROR(collective_.AllReduce(readers_.data(), vocab_));
  if (offset_ > 0) BRAID_RETURN_IF_ERROR(collective_.AllReduce(gradients, offset_));
  BRAID_RETURN_IF_ERROR(SumRows(gradients + offset_));
  std::fill(readers_.begin(), readers_.end(), 0.0f);
  return end < size ? collective_.AllReduce(gradients + end, size - end) : OkStatus();
}

Status GradientSum::SumPart(Piece part) {
  BRAID_RETURN_IF_ERROR(collective_.AllReduce(readers_.data(), vocab_));
  std::vector<Piece> pieces = {{0, offset_}};
  for (const int64_t row : RowsRead()) {
    const int64_t begin = offset_ + row * width_;
    if (pieces.back().end != begin) pieces.push_back({begin, begin});
    pieces.back().end = begin + width_;
  }
  pieces.push_back({offset_ + vocab_ * width_, network_.layout().size});
  collective_.SumPart(pieces, part);
  std::fill(readers_.begin(), readers_.end(), 0.0f);
  return OkStatus();
}

std::vector<int64_t> GradientSum::RowsRead() const {
  std::vector<int64_t> read;
  for (int64_t row = 0; row < vocab_; ++row) {
    if (readers_[static_cast<size_t>(row)] > 0) read.push_back(row);
  }
  return read;
}

Status GradientSum::SumRows(float* rows) {
  const std::vector<int64_t> read = RowsRead();
  // The copies cost more than what they save if nearly all rows are read.
  if (4 * std::ssize(read) > 3 * vocab_) return collective_.AllReduce(rows, vocab_ * width_);
  std::vector<float> packed(read.size() * static_cast<size_t>(width_));
  for (size_t i = 0; i < read.size(); ++i)
    std::copy_n(rows + read[i] * width_, width_, packed.begin() + static_cast<int64_t>(i) * width_);
  BRAID_RETURN_IF_ERROR(collective_.AllReduce(packed.data(), std::ssize(packed)));
  for (size_t i = 0; i < read.size(); ++i)
    std::copy_n(packed.begin() + static_cast<int64_t>(i) * width_, width_, rows + read[i] * width_);
  return OkStatus();
}

}  // namespace braid::trainer
