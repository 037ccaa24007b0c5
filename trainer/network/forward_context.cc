#include "trainer/network/forward_context.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "base/random.h"
#include "model/rope.h"
#include "trainer/kernels/parallel.h"

namespace braid::trainer {

Rope RopeTables::Get(int64_t head_size, int64_t begin, int64_t count) {
  const Rope& table = Table(head_size, begin + count);
  return {table.cos.narrow(0, begin, count), table.sin.narrow(0, begin, count)};
}

const Rope& RopeTables::Table(int64_t head_size, int64_t count) {
  Rope& table = tables_[head_size];
  if (!table.cos.defined() || table.cos.size(0) < count) {
    const int64_t half = head_size / 2;
    // Twice as long each time, for whoever reads one token after the other.
    const int64_t known = table.cos.defined() ? table.cos.size(0) : 0;
    const int64_t length = std::max(count, 2 * known);
    // Angles in fp64: position times frequency loses digits in fp32 long before a context ends.
    at::Tensor angles = at::empty({length, half}, at::kDouble);
    double* a = angles.mutable_data_ptr<double>();
    const std::vector<double> frequencies = model::RopeFrequencies(arch_, head_size);
    for (int64_t t = 0; t < length; ++t) {
      for (int64_t i = 0; i < half; ++i)
        a[t * half + i] = static_cast<double>(t) * frequencies[static_cast<size_t>(i)];
    }
    table.cos = angles.cos().to(at::kFloat).to(device_);
    table.sin = angles.sin().to(at::kFloat).to(device_);
  }
  return table;
}

std::pair<at::Tensor, at::Tensor> KeyCache::Extend(const at::Tensor& keys, const at::Tensor& values,
                                                   int64_t begin) {
  // The first pass meets the attentions in the order in which all later ones do, and makes their
  // entries.
  if (next_ == entries_.size()) {
    std::vector<int64_t> shape = keys.sizes().vec();
    shape[2] = capacity_;
    entries_.emplace_back(at::empty(shape, keys.options()), at::empty(shape, keys.options()));
  }
  auto& [all_keys, all_values] = entries_[next_++];
  const int64_t count = keys.size(2);
  all_keys.narrow(2, begin, count).copy_(keys);
  all_values.narrow(2, begin, count).copy_(values);
  return {all_keys.narrow(2, 0, begin + count), all_values.narrow(2, 0, begin + count)};
}

std::vector<int64_t> ForwardContext::Lengths() const {
  if (cache == nullptr) return std::vector<int64_t>(static_cast<size_t>(batch), sequence);
  std::vector<int64_t> lengths;
  for (const NewRows& one : cache->read()) lengths.push_back(one.count);
  return lengths;
}

at::Tensor ForwardContext::Uniform(const std::string& place, int64_t columns) const {
  const RandomStream stream(seed, "draw/" + std::to_string(draw) + "/" + place);
  at::Tensor numbers = at::empty({rows(), columns}, at::kFloat);
  float* out = numbers.mutable_data_ptr<float>();
  const auto fill = [&](uint64_t base, int64_t count) {
    ParallelFor(0, count, 4096, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i)
        out[i] = stream.UniformFloat(base + static_cast<uint64_t>(i));
    });
    out += count;
  };
  if (cache != nullptr) {
    // Each sequence has the numbers that it would have alone.
    for (const int64_t length : Lengths()) fill(0, length * columns);
  } else {
    // Numbers are counted over the rows of all ranks.
    fill(static_cast<uint64_t>(first_row * sequence * columns), numbers.numel());
  }
  return numbers;
}

}  // namespace braid::trainer
