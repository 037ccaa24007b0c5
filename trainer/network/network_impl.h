// The inside of a Network, for the files of this folder that share it: flat buffers, leaves,
// blocks. Torch inside.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "trainer/kernels/taught_head_loss.h"
#include "trainer/network/block.h"
#include "trainer/network/composite.h"
#include "trainer/network/forward_context.h"
#include "trainer/network/network.h"

namespace braid::trainer {

// The flat buffers, the leaves that are views of them, and the forward passes of a network.
struct Network::Impl {
  Impl(const model::ModelSpec& model, const Layout& where, at::Device on);

  // A leaf of `shape` at the place of `name`, its gradient likewise.
  at::Tensor Leaf(const std::string& name, const std::vector<int64_t>& shape) const;
  // ids or labels as int64 on the device.
  at::Tensor ToDevice(const int32_t* values, int64_t count) const;

  // A pass without noise, dropout, intervention and read-outs.
  ForwardContext NewPass(int64_t batch, int64_t sequence);
  // A pass that evaluates: the intervention is in force, and with `router_noise: always` it has a
  // draw of its own.
  ForwardContext EvaluationPass(int64_t batch, int64_t sequence);
  // The final-normed hidden states [batch * sequence, w].
  at::Tensor Hidden(const at::Tensor& ids, ForwardContext& pass);
  // What this network, as a teacher, makes of ids [sequences * sequence].
  TeacherRows Teach(const at::Tensor& ids, int64_t sequence, Precision precision);
  // The losses with teachers of hidden states of a training pass, and the gradient of the hidden
  // states; that of the head is added to its own.
  LossSum TaughtLosses(const at::Tensor& hidden, const at::Tensor& ids, const at::Tensor& labels,
                       int64_t sequence, const Teaching& teaching, double scale,
                       Precision precision, at::Tensor* gradient);
  // Every block, in the order in which they run.
  std::vector<Block*> Blocks();

  const model::ModelSpec& spec;  // of the network, which outlives this
  const Layout& layout;
  at::Device device;
  at::Tensor p, g;  // [layout.size]
  at::Tensor embed, norm, head, head_gradient;
  std::vector<std::unique_ptr<Block>> blocks;  // dense
  std::unique_ptr<Composite> composite;        // or this
  RopeTables ropes;
  Auxiliary auxiliary;
  std::optional<Intervention> intervention;
  uint64_t evaluation_seed = 42;
  uint64_t evaluation_draw = 0;
};

}  // namespace braid::trainer
