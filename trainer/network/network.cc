#include "trainer/network/network.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <malloc.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/variable.h>
#include <torch/version.h>

#include <cmath>
#include <cstring>

#include "trainer/kernels/cuda/plugin.h"
#include "trainer/kernels/functions.h"

namespace braid::trainer {
namespace {

// The tensors of one block as the products want them: leaves that are views of the flat buffers, or those of all paths of
// a parallel layer stacked, [paths, ...].
struct Block {
  int64_t paths = 1;
  int64_t heads = 0;
  at::Tensor attn_norm, qkv, o, ffn_norm, gate_up, down;
};

struct Rope {
  at::Tensor cos, sin;
};

// The weights of a layer are small beside its activations: copying them together costs less than a product for each path.
Block Stacked(const std::vector<Block>& paths) {
  const auto stack = [&](at::Tensor Block::*tensor) {
    std::vector<at::Tensor> all;
    for (const Block& path : paths) all.push_back(path.*tensor);
    return all.front().defined() ? at::stack(all) : at::Tensor();
  };
  return {static_cast<int64_t>(paths.size()), paths.front().heads, stack(&Block::attn_norm), stack(&Block::qkv),
          stack(&Block::o), stack(&Block::ffn_norm), stack(&Block::gate_up), stack(&Block::down)};
}

// x [rows, in] by weight [out, in]; or x [paths * rows, in] by [paths, out, in], path by path.
at::Tensor Product(const at::Tensor& x, const at::Tensor& weight) {
  if (weight.dim() == 2) return at::linear(x, weight);
  return at::bmm(x.view({weight.size(0), -1, x.size(1)}), weight.transpose(1, 2)).view({-1, weight.size(1)});
}

}  // namespace

struct Network::Impl {
  at::Tensor p, g;
  at::Tensor embed, norm, head, head_gradient, shrink;
  std::vector<Block> blocks;                 // dense: all; composite: the two large ones
  std::vector<std::vector<Block>> parallel;  // [layer][path]
  std::vector<at::Tensor> share;
  std::map<int64_t, Rope> ropes;  // by head size * 2^20 + sequence
  at::Device device = at::kCPU;

  // A leaf of shape [rows, columns] (or [rows]) at the place of `name`, its gradient likewise.
  at::Tensor Leaf(const Layout& layout, const std::string& name, std::vector<int64_t> shape) const {
    const int64_t offset = layout.at(name).offset;
    int64_t count = 1;
    for (int64_t extent : shape) count *= extent;
    at::Tensor leaf = p.narrow(0, offset, count).view(shape).detach();
    leaf.requires_grad_(true);
    leaf.mutable_grad() = g.narrow(0, offset, count).view(shape);
    return leaf;
  }

  Block MakeBlock(const Layout& layout, const std::string& prefix, const model::Stack& stack, const model::Arch& arch) const {
    const int64_t w = stack.d;
    Block block;
    block.heads = stack.heads;
    block.attn_norm = Leaf(layout, prefix + ".attn_norm.weight", {w});
    block.qkv = Leaf(layout, prefix + ".attn.q.weight", {3 * w, w});
    if (arch.attn_out_proj) block.o = Leaf(layout, prefix + ".attn.o.weight", {w, w});
    block.ffn_norm = Leaf(layout, prefix + ".ffn_norm.weight", {w});
    block.gate_up = Leaf(layout, prefix + ".ffn.gate.weight", {2 * stack.ffn, w});
    block.down = Leaf(layout, prefix + ".ffn.down.weight", {w, stack.ffn});
    return block;
  }

  const Rope& RopeOf(int64_t size, int64_t sequence, double base) {
    Rope& rope = ropes[size << 20 | sequence];
    if (rope.cos.defined()) return rope;
    const int64_t half = size / 2;
    at::Tensor angles = at::empty({sequence, half}, at::kDouble);
    double* a = angles.mutable_data_ptr<double>();
    for (int64_t t = 0; t < sequence; ++t) {
      for (int64_t i = 0; i < half; ++i) {
        a[t * half + i] = static_cast<double>(t) * std::pow(base, -2.0 * static_cast<double>(i) / static_cast<double>(size));
      }
    }
    rope.cos = angles.cos().to(at::kFloat).to(device);
    rope.sin = angles.sin().to(at::kFloat).to(device);
    return rope;
  }

  // y = a + FF(norm(a)), a = x + Attn(norm(x)).  (PaPaformer 1.1)
  // x [batch * sequence, w] -> [paths * batch * sequence, w]: all paths read the same x.
  at::Tensor RunBlock(const Block& block, const at::Tensor& x, int64_t batch, int64_t sequence, const model::Arch& arch) {
    const Rope& rope = RopeOf(x.size(1) / block.heads, sequence, arch.rope_base);
    const at::Tensor in = block.paths > 1 ? x.repeat({block.paths, 1}) : x;
    at::Tensor mixed = RopeAttention(Product(RmsNorm(in, block.attn_norm, arch.norm_eps), block.qkv), rope.cos, rope.sin,
                                     block.paths * batch, sequence, block.heads);
    if (block.o.defined()) mixed = Product(mixed, block.o);
    const at::Tensor a = in + mixed;
    return a + Product(SwiGlu(Product(RmsNorm(a, block.ffn_norm, arch.norm_eps), block.gate_up)), block.down);
  }

  // The final-normed hidden states [batch * sequence, w].
  at::Tensor Hidden(const model::ModelSpec& spec, const at::Tensor& ids, int64_t batch, int64_t sequence) {
    at::Tensor x = at::embedding(embed, ids, spec.pad_id);
    if (parallel.empty()) {
      for (const Block& block : blocks) x = RunBlock(block, x, batch, sequence, spec.arch);
      return RmsNorm(x, norm, spec.arch.norm_eps);
    }
    // PaPaformer section 2: large block, shrink, parallel layers each followed by its share, large block.
    x = at::linear(RunBlock(blocks[0], x, batch, sequence, spec.arch), shrink);
    for (size_t layer = 0; layer < parallel.size(); ++layer) {
      const Block all = Stacked(parallel[layer]);
      const int64_t paths = all.paths, d = x.size(1);
      const at::Tensor outputs = RunBlock(all, x, batch, sequence, spec.arch);  // [paths * rows, d]
      x = at::linear(outputs.view({paths, -1, d}).transpose(0, 1).reshape({-1, paths * d}), share[layer]);
    }
    return RmsNorm(RunBlock(blocks[1], x, batch, sequence, spec.arch), norm, spec.arch.norm_eps);
  }

  at::Tensor ToDevice(const int32_t* values, int64_t count) const {
    at::Tensor host = at::empty({count}, at::kLong);
    int64_t* out = host.mutable_data_ptr<int64_t>();
    for (int64_t i = 0; i < count; ++i) out[i] = values[i];
    return host.to(device);
  }
};

Network::Network(model::ModelSpec spec, Layout layout)
    : spec_(std::move(spec)), layout_(std::move(layout)), impl_(std::make_unique<Impl>()) {}
Network::~Network() = default;

Result<std::unique_ptr<Network>> Network::Create(const model::ModelSpec& spec, const std::string& device) {
  BRAID_RETURN_IF_ERROR(model::Validate(spec));
  if (spec.arch.ffn_gate != "silu") return Unimplemented("arch.ffn_gate: " + spec.arch.ffn_gate + " is not in this version");
  if (spec.arch.rope_layout != "half") {
    return Unimplemented("arch.rope_layout: " + spec.arch.rope_layout + " is not in this version");
  }
  auto network = std::unique_ptr<Network>(new Network(spec, MakeLayout(spec)));
  Impl& impl = *network->impl_;
  const Layout& layout = network->layout_;
  if (device == "cuda") {
    BRAID_RETURN_IF_ERROR(LoadCudaPlugin());
    impl.device = at::Device(at::kCUDA, 0);
  }
  impl.p = at::zeros({layout.size}, at::TensorOptions(at::kFloat).device(impl.device));
  impl.g = at::zeros_like(impl.p);
  const int64_t w = spec.width();
  impl.embed = impl.Leaf(layout, "embed.weight", {spec.vocab, w});
  impl.norm = impl.Leaf(layout, "norm.weight", {w});
  impl.head = impl.Leaf(layout, "head.weight", {spec.vocab, w});
  impl.head_gradient = impl.head.grad();
  if (spec.kind == model::Kind::kDense) {
    for (int64_t i = 0; i < spec.dense.blocks; ++i) {
      impl.blocks.push_back(impl.MakeBlock(layout, "blocks." + std::to_string(i), spec.dense, spec.arch));
    }
    return network;
  }
  for (int i = 0; i < 2; ++i) {
    impl.blocks.push_back(impl.MakeBlock(layout, "large." + std::to_string(i), spec.large, spec.arch));
  }
  const int64_t d = spec.paths.front().d;
  impl.shrink = impl.Leaf(layout, "shrink.weight", {d, w});
  for (int64_t l = 0; l < spec.parallel_layers(); ++l) {
    const std::string layer = "parallel." + std::to_string(l);
    impl.parallel.emplace_back();
    for (size_t p = 0; p < spec.paths.size(); ++p) {
      impl.parallel.back().push_back(
          impl.MakeBlock(layout, layer + ".path." + std::to_string(p), spec.paths[p], spec.arch));
    }
    impl.share.push_back(impl.Leaf(layout, layer + ".share.weight", {l + 1 == spec.parallel_layers() ? w : d, w}));
  }
  return network;
}

std::string Network::device() const { return impl_->device.str(); }
float* Network::parameters() { return impl_->p.mutable_data_ptr<float>(); }
float* Network::gradients() { return impl_->g.mutable_data_ptr<float>(); }
void Network::ZeroGradients() { impl_->g.zero_(); }

void Network::Initialize(uint64_t seed) {
  const at::NoGradGuard no_grad;
  at::Tensor host = at::zeros({layout_.size}, at::kFloat);
  float* out = host.mutable_data_ptr<float>();
  at::parallel_for(0, static_cast<int64_t>(layout_.slots.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const Layout::Slot& slot = layout_.slots[static_cast<size_t>(i)];
      model::Initialize(slot.tensor, seed, out + slot.offset);
    }
  });
  impl_->p.copy_(host);
}

Status Network::Load(const storage::SafetensorsFile& file) {
  const at::NoGradGuard no_grad;
  at::Tensor host = at::zeros({layout_.size}, at::kFloat);
  for (const Layout::Slot& slot : layout_.slots) {
    BRAID_ASSIGN_OR_RETURN(const float* data, file.Floats(slot.tensor.name, slot.tensor.shape));
    std::memcpy(host.mutable_data_ptr<float>() + slot.offset, data, sizeof(float) * static_cast<size_t>(slot.tensor.elements()));
  }
  for (const storage::TensorEntry& entry : file.tensors()) {
    if (!layout_.by_name.contains(entry.name)) {
      return InvalidArgument(file.path() + ": tensor " + entry.name + " is none of model " + spec_.name);
    }
  }
  impl_->p.copy_(host);
  return OkStatus();
}

LossSum Network::Backward(const int32_t* ids, const int32_t* labels, int64_t batch, int64_t sequence, double scale) {
  const int64_t count = batch * sequence;
  const at::Tensor hidden = impl_->Hidden(spec_, impl_->ToDevice(ids, count), batch, sequence);
  at::Tensor hidden_gradient;
  LossSum sum;
  for (int64_t i = 0; i < count; ++i) sum.targets += labels[i] >= 0;
  sum.loss = HeadLoss(hidden.detach(), impl_->head.detach(), impl_->ToDevice(labels, count), scale, &hidden_gradient,
                      &impl_->head_gradient);
  torch::autograd::backward({hidden}, {hidden_gradient});
  return sum;
}

LossSum Network::Loss(const int32_t* ids, const int32_t* labels, int64_t batch, int64_t sequence) {
  const at::NoGradGuard no_grad;
  const int64_t count = batch * sequence;
  LossSum sum;
  for (int64_t i = 0; i < count; ++i) sum.targets += labels[i] >= 0;
  const at::Tensor hidden = impl_->Hidden(spec_, impl_->ToDevice(ids, count), batch, sequence);
  sum.loss = HeadLoss(hidden, impl_->head, impl_->ToDevice(labels, count), 1.0, nullptr, nullptr);
  return sum;
}

std::vector<float> Network::Logits(const std::vector<int32_t>& ids, bool last_only) {
  const at::NoGradGuard no_grad;
  const auto sequence = static_cast<int64_t>(ids.size());
  at::Tensor hidden = impl_->Hidden(spec_, impl_->ToDevice(ids.data(), sequence), 1, sequence);
  if (last_only) hidden = hidden.narrow(0, sequence - 1, 1);
  const at::Tensor logits = at::linear(hidden, impl_->head).cpu().contiguous();
  return {logits.const_data_ptr<float>(), logits.const_data_ptr<float>() + logits.numel()};
}

std::vector<std::vector<float>> Network::PathStates(size_t path, const std::vector<int32_t>& ids) {
  const at::NoGradGuard no_grad;
  const auto sequence = static_cast<int64_t>(ids.size());
  const bool dense = spec_.kind == model::Kind::kDense;
  const int64_t d = dense ? spec_.dense.d : spec_.paths.at(path).d;
  const at::Tensor slice = impl_->embed.narrow(1, dense ? 0 : static_cast<int64_t>(path) * d, d).contiguous();
  at::Tensor x = at::embedding(slice, impl_->ToDevice(ids.data(), sequence), spec_.pad_id);
  std::vector<std::vector<float>> states;
  const auto keep = [&] {
    const at::Tensor host = x.cpu().contiguous();
    states.emplace_back(host.const_data_ptr<float>(), host.const_data_ptr<float>() + host.numel());
  };
  keep();
  const size_t layers = dense ? impl_->blocks.size() : impl_->parallel.size();
  for (size_t layer = 0; layer < layers; ++layer) {
    x = impl_->RunBlock(dense ? impl_->blocks[layer] : impl_->parallel[layer][path], x, 1, sequence, spec_.arch);
    keep();
  }
  return states;
}

void ConfigureRuntime(int64_t threads) {
  // Large buffers are used again every step: handing them back to the kernel costs a page fault a page each time.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  at::set_num_threads(static_cast<int>(threads));
  [[maybe_unused]] static const bool once = (at::set_num_interop_threads(1), true);  // torch takes it once a process
  at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/false);
  // Else torch fills every new tensor with NaN first: a pass over memory that nobody reads.
  at::globalContext().setDeterministicFillUninitializedMemory(false);
  at::globalContext().setFloat32MatmulPrecision("highest");
}

std::string InstructionSet() { return at::get_cpu_capability() + " torch-" TORCH_VERSION; }

}  // namespace braid::trainer
