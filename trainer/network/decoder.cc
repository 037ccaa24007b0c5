// Reading with the keys of all attentions kept.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "base/status.h"
#include "trainer/kernels/row_maps.h"
#include "trainer/network/network.h"
#include "trainer/network/network_impl.h"
#include "trainer/network/row_cache.h"
#include "trainer/network/to_host.h"

namespace braid::trainer {
namespace {

// Rows of one pass, but for a single sequence that has more: what is between the blocks should not
// take more memory than the keys.
constexpr int64_t kRowsOfAPass = 512;

// On the CPU: a pass reads the new tokens of many sequences, so that each weight is read once for
// all of them.
class RowDecoder final : public Decoder {
 public:
  RowDecoder(Network::Impl& network, int64_t capacity, int64_t sequences)
      : network_(network),
        capacity_(capacity),
        read_(static_cast<size_t>(sequences)),
        cache_(sequences, capacity) {}

  std::span<const float> ReadAll(const std::vector<std::vector<int32_t>>& ids) override {
    BRAID_CHECK(ids.size() == read_.size());
    const at::NoGradGuard no_grad;
    // Noise of a sequence is what it would be if that were read alone: all passes of one call have
    // the same draw.
    const uint64_t draw = network_.evaluation_draw;
    std::vector<at::Tensor> logits;
    for (size_t next = 0; next < ids.size();) {
      network_.evaluation_draw = draw;
      if (at::Tensor some = ReadSome(ids, &next); some.defined()) logits.push_back(std::move(some));
    }
    BRAID_CHECK(!logits.empty());
    logits_ = logits.size() == 1 ? logits.front() : at::cat(logits);
    return {logits_.const_data_ptr<float>(), static_cast<size_t>(logits_.numel())};
  }

 private:
  // Reads the sequences from `*next` on that one pass takes, and moves it behind them. Their
  // logits, undefined if none of them has ids.
  at::Tensor ReadSome(const std::vector<std::vector<int32_t>>& ids, size_t* next) {
    std::vector<NewRows> rows;
    std::vector<int32_t> all, last;
    for (; *next < ids.size(); ++*next) {
      const std::vector<int32_t>& one = ids[*next];
      const auto count = static_cast<int64_t>(one.size()), before = std::ssize(all);
      if (count == 0) continue;
      if (before > 0 && before + count > kRowsOfAPass) break;
      rows.push_back({static_cast<int64_t>(*next), read_[*next], before, count});
      read_[*next] += count;
      BRAID_CHECK(read_[*next] <= capacity_);
      all.insert(all.end(), one.begin(), one.end());
      last.push_back(static_cast<int32_t>(all.size()) - 1);
    }
    if (all.empty()) return {};
    const auto count = std::ssize(all);
    ForwardContext pass = network_.EvaluationPass(1, count);
    pass.cache = &cache_;
    cache_.BeginPass(std::move(rows));
    at::Tensor hidden = network_.Hidden(network_.ToDevice(all.data(), count), pass);
    if (last.size() < all.size())
      hidden = hidden.index_select(0, network_.ToDevice(last.data(), std::ssize(last)));
    return MapRows(hidden, network_.head);
  }

  Network::Impl& network_;
  const int64_t capacity_;
  std::vector<int64_t> read_;  // tokens of each sequence
  RowCache cache_;
  at::Tensor logits_;
};

// On other devices: one sequence after the other.
class DeviceDecoder final : public Decoder {
 public:
  DeviceDecoder(Network::Impl& network, int64_t capacity, int64_t sequences)
      : network_(network), sequences_(static_cast<size_t>(sequences), {KeyCache(capacity)}) {}

  std::span<const float> ReadAll(const std::vector<std::vector<int32_t>>& ids) override {
    BRAID_CHECK(ids.size() == sequences_.size());
    const at::NoGradGuard no_grad;
    const uint64_t draw = network_.evaluation_draw;
    logits_.clear();
    for (size_t i = 0; i < ids.size(); ++i) {
      if (ids[i].empty()) continue;
      network_.evaluation_draw = draw;
      const std::vector<float> of_one = ReadOne(ids[i], &sequences_[i]);
      logits_.insert(logits_.end(), of_one.begin(), of_one.end());
    }
    BRAID_CHECK(!logits_.empty());
    return logits_;
  }

 private:
  struct Sequence {
    KeyCache keys;
    int64_t read = 0;
  };

  std::vector<float> ReadOne(const std::vector<int32_t>& ids, Sequence* sequence) {
    const auto count = static_cast<int64_t>(ids.size());
    ForwardContext pass = network_.EvaluationPass(1, count);
    pass.begin = sequence->read;
    pass.keys = &sequence->keys;
    sequence->keys.BeginPass();
    sequence->read += count;
    const at::Tensor hidden = network_.Hidden(network_.ToDevice(ids.data(), count), pass);
    return ToHost(at::linear(hidden.narrow(0, count - 1, 1), network_.head));
  }

  Network::Impl& network_;
  std::vector<Sequence> sequences_;
  std::vector<float> logits_;
};

}  // namespace

std::vector<float> Decoder::Read(const std::vector<int32_t>& ids) {
  const std::span<const float> logits = ReadAll({ids});
  return {logits.begin(), logits.end()};
}

std::unique_ptr<Decoder> Network::NewDecoder(int64_t capacity, int64_t sequences) {
  if (impl_->device.is_cpu()) return std::make_unique<RowDecoder>(*impl_, capacity, sequences);
  return std::make_unique<DeviceDecoder>(*impl_, capacity, sequences);
}

}  // namespace braid::trainer
