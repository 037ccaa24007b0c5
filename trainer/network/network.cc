#include "trainer/network/network.h"

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/core/grad_mode.h>
#include <malloc.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/variable.h>
#include <torch/version.h>

#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string_view>

#include "base/text.h"
#include "trainer/kernels/cuda_plugin.h"
#include "trainer/kernels/functions.h"
#include "trainer/kernels/parallel.h"
#include "trainer/kernels/simd/dispatch.h"
#include "trainer/network/network_impl.h"
#include "trainer/network/to_host.h"
#include "trainer/network/zero_pages.h"

namespace braid::trainer {
namespace {

int64_t CountTargets(const int32_t* labels, int64_t count) {
  int64_t targets = 0;
  for (int64_t i = 0; i < count; ++i) targets += labels[i] >= 0;
  return targets;
}

// The losses of all rows [batch * sequence], on the host: those of the last position of each
// sequence, added up.
double LastLosses(const at::Tensor& losses, int64_t batch, int64_t sequence) {
  return losses.view({batch, sequence}).select(1, sequence - 1).sum(at::kDouble).item<double>();
}

Precision PrecisionOf(spec::Precision precision) {
  return precision == spec::Precision::kBf16 ? Precision::kBf16 : Precision::kFp32;
}

}  // namespace

Network::Impl::Impl(const model::ModelSpec& model, const Layout& where, at::Device on)
    : spec(model), layout(where), device(on), ropes(spec.arch, on) {
  const auto zeros = [&] {
    return device.is_cpu() ? ZeroPages(layout.size)
                           : at::zeros({layout.size}, at::TensorOptions(at::kFloat).device(device));
  };
  p = zeros();
  g = zeros();
  const int64_t w = spec.width();
  embed = Leaf("embed.weight", {spec.vocab, w});
  norm = Leaf("norm.weight", {w});
  head = Leaf("head.weight", {spec.vocab, w});
  head_gradient = head.grad();
  const LeafMaker leaf = [this](const std::string& name, const std::vector<int64_t>& shape) {
    return Leaf(name, shape);
  };
  if (spec.kind == model::Kind::kComposite) {
    composite = std::make_unique<Composite>(spec, leaf);
    return;
  }
  for (int64_t i = 0; i < spec.dense.blocks; ++i) {
    blocks.push_back(MakeBlock(leaf, {spec.dense, "blocks." + std::to_string(i), i}, spec.arch));
  }
}

at::Tensor Network::Impl::Leaf(const std::string& name, const std::vector<int64_t>& shape) const {
  const int64_t offset = layout.at(name).offset;
  int64_t count = 1;
  for (int64_t extent : shape) count *= extent;
  // Parameter and gradient are views: autograd adds straight to the flat buffer, which optimizers
  // and reductions take as one array.
  at::Tensor leaf = p.narrow(0, offset, count).view(shape).detach();
  leaf.requires_grad_(true);
  leaf.mutable_grad() = g.narrow(0, offset, count).view(shape);
  return leaf;
}

at::Tensor Network::Impl::ToDevice(const int32_t* values, int64_t count) const {
  // ATen's embeddings and losses want int64; files and loaders have int32, half the bytes.
  at::Tensor host = at::empty({count}, at::kLong);
  int64_t* out = host.mutable_data_ptr<int64_t>();
  for (int64_t i = 0; i < count; ++i) out[i] = values[i];
  return host.to(device);
}

ForwardContext Network::Impl::NewPass(int64_t batch, int64_t sequence) {
  return {.arch = spec.arch, .ropes = ropes, .batch = batch, .sequence = sequence};
}

ForwardContext Network::Impl::EvaluationPass(int64_t batch, int64_t sequence) {
  ForwardContext pass = NewPass(batch, sequence);
  pass.router_noise = spec.arch.router_noise == model::RouterNoise::kAlways;
  pass.seed = evaluation_seed;
  pass.draw = evaluation_draw++;
  if (intervention.has_value()) {
    const size_t positions = intervention->positions.size();
    if (positions > 0 && positions != static_cast<size_t>(pass.rows())) {
      throw std::invalid_argument(
          Format("intervention.positions: has %zu entries for a pass of %lld rows (%lld sequences "
                 "of %lld); give one for "
                 "each row",
                 positions, (long long)pass.rows(), (long long)batch, (long long)sequence));
    }
    pass.intervention = &*intervention;
  }
  return pass;
}

std::vector<Block*> Network::Impl::Blocks() {
  if (composite != nullptr) return composite->Blocks();
  std::vector<Block*> all;
  for (const auto& block : blocks) all.push_back(block.get());
  return all;
}

at::Tensor Network::Impl::Hidden(const at::Tensor& ids, ForwardContext& pass) {
  at::Tensor x = Embedding(embed, ids, spec.pad_id);
  if (composite != nullptr) return composite->Run(x, norm, pass);
  for (const auto& block : blocks) x = block->Run(x, pass);
  return RmsNorm(x, norm, spec.arch.norm_eps);
}

Network::Network(model::ModelSpec spec, Layout layout)
    : spec_(std::move(spec)), layout_(std::move(layout)) {}
Network::~Network() = default;

Result<std::unique_ptr<Network>> Network::Create(const model::ModelSpec& spec,
                                                 const std::string& device) {
  BRAID_RETURN_IF_ERROR(model::Validate(spec));
  at::Device on = at::kCPU;
  if (device == "cuda") {
    BRAID_RETURN_IF_ERROR(LoadCudaPlugin());
    on = at::Device(at::kCUDA, 0);
  }
  auto network = std::unique_ptr<Network>(new Network(spec, MakeLayout(spec)));
  network->impl_ = std::make_unique<Impl>(network->spec_, network->layout_, on);
  return network;
}

std::string Network::device() const {
  return impl_->device.str();
}
float* Network::parameters() {
  return impl_->p.mutable_data_ptr<float>();
}
float* Network::gradients() {
  return impl_->g.mutable_data_ptr<float>();
}
void Network::ZeroGradients() {
  impl_->g.zero_();
}

void Network::Initialize(uint64_t seed) {
  const at::NoGradGuard no_grad;
  at::Tensor host = at::zeros({layout_.size}, at::kFloat);
  float* out = host.mutable_data_ptr<float>();
  ParallelFor(0, static_cast<int64_t>(layout_.slots.size()), 1, [&](int64_t begin, int64_t end) {
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
    std::memcpy(host.mutable_data_ptr<float>() + slot.offset, data,
                sizeof(float) * static_cast<size_t>(slot.tensor.elements()));
  }
  for (const storage::TensorEntry& entry : file.tensors()) {
    if (!layout_.by_name.contains(entry.name)) {
      return InvalidArgument(file.path() + ": tensor " + entry.name + " is none of model " +
                             spec_.name);
    }
  }
  impl_->p.copy_(host);
  return OkStatus();
}

void Network::SetAuxiliary(const Auxiliary& auxiliary) {
  impl_->auxiliary = auxiliary;
}

void Network::SetEvaluationSeed(uint64_t seed) {
  impl_->evaluation_seed = seed;
  impl_->evaluation_draw = 0;
}

void Network::SetIntervention(const std::optional<Intervention>& intervention) {
  impl_->intervention = intervention;
}

LossSum Network::Backward(const int32_t* ids, const int32_t* labels, int64_t batch,
                          int64_t sequence, const BackwardOptions& options) {
  const int64_t count = batch * sequence;
  ForwardContext pass = impl_->NewPass(batch, sequence);
  pass.training = true;
  pass.router_noise = true;
  pass.seed = options.seed;
  pass.draw = options.draw;
  pass.first_row = options.first_row;
  pass.precision = PrecisionOf(options.precision);
  pass.auxiliary = &impl_->auxiliary;
  const at::Tensor tokens = impl_->ToDevice(ids, count), wanted = impl_->ToDevice(labels, count);
  const at::Tensor hidden = impl_->Hidden(tokens, pass);
  at::Tensor hidden_gradient, losses;
  LossSum sum;
  if (options.teaching != nullptr) {
    sum = impl_->TaughtLosses(hidden, tokens, wanted, sequence, *options.teaching, options.scale,
                              pass.precision, &hidden_gradient);
  } else {
    sum.loss = HeadLoss(hidden.detach(), impl_->head.detach(), wanted, options.scale,
                        pass.precision, &hidden_gradient, &impl_->head_gradient, &losses);
    sum.last = LastLosses(losses, batch, sequence);
  }
  sum.targets = CountTargets(labels, count);
  // The losses have gone back through the head already, part by part, so that the logits of all
  // rows never exist at once. Autograd begins at the hidden states.
  std::vector<at::Tensor> roots{hidden}, gradients{hidden_gradient};
  if (pass.auxiliary_loss.defined()) {
    sum.auxiliary = pass.auxiliary_loss.item<double>();
    roots.push_back(pass.auxiliary_loss);
    gradients.push_back(at::full_like(pass.auxiliary_loss, options.aux_scale));
  }
  torch::autograd::backward(roots, gradients);
  return sum;
}

LossSum Network::Loss(const int32_t* ids, const int32_t* labels, int64_t batch, int64_t sequence,
                      std::vector<double>* of_sequences) {
  const at::NoGradGuard no_grad;
  const int64_t count = batch * sequence;
  ForwardContext pass = impl_->EvaluationPass(batch, sequence);
  LossSum sum;
  sum.targets = CountTargets(labels, count);
  const at::Tensor hidden = impl_->Hidden(impl_->ToDevice(ids, count), pass);
  at::Tensor losses;
  sum.loss = HeadLoss(hidden, impl_->head, impl_->ToDevice(labels, count), 1.0, pass.precision,
                      nullptr, nullptr, &losses);
  sum.last = LastLosses(losses, batch, sequence);
  if (of_sequences != nullptr) {
    const at::Tensor sums = losses.view({batch, sequence}).sum(1, /*keepdim=*/false, at::kDouble);
    of_sequences->assign(sums.const_data_ptr<double>(), sums.const_data_ptr<double>() + batch);
  }
  return sum;
}

std::vector<float> Network::TokenLogProbabilities(const int32_t* ids, const int32_t* labels,
                                                  int64_t batch, int64_t sequence) {
  const at::NoGradGuard no_grad;
  const int64_t count = batch * sequence;
  ForwardContext pass = impl_->EvaluationPass(batch, sequence);
  const at::Tensor hidden = impl_->Hidden(impl_->ToDevice(ids, count), pass);
  at::Tensor losses;
  HeadLoss(hidden, impl_->head, impl_->ToDevice(labels, count), 1.0, pass.precision, nullptr,
           nullptr, &losses);
  return ToHost(-losses);
}

std::vector<TokenPrediction> Network::Predictions(const int32_t* ids, const int32_t* labels,
                                                  int64_t batch, int64_t sequence) {
  constexpr int64_t kRows = 256;  // whose logits are held at once
  const at::NoGradGuard no_grad;
  const int64_t count = batch * sequence;
  std::vector<TokenPrediction> predictions(static_cast<size_t>(count));
  std::vector<int32_t> rows, targets;
  for (int32_t i = 0; i < count; ++i) {
    if (labels[i] >= 0) rows.push_back(i), targets.push_back(labels[i]);
  }
  ForwardContext pass = impl_->EvaluationPass(batch, sequence);
  const at::Tensor hidden = impl_->Hidden(impl_->ToDevice(ids, count), pass);
  for (int64_t begin = 0; begin < std::ssize(rows); begin += kRows) {
    const int64_t size = std::min(kRows, std::ssize(rows) - begin);
    const at::Tensor logits = at::linear(
        hidden.index_select(0, impl_->ToDevice(rows.data() + begin, size)), impl_->head);
    // Rank is the number of strictly likelier tokens, so ties count for the target.
    const at::Tensor target = logits.gather(
        1, impl_->ToDevice(targets.data() + begin, size).unsqueeze(1));
    const std::vector<float> scores = ToHost(target.squeeze(1) - at::logsumexp(logits, {1}));
    const std::vector<float> ranks = ToHost(logits.gt(target).sum(1));
    for (int64_t i = 0; i < size; ++i) {
      predictions[static_cast<size_t>(rows[static_cast<size_t>(begin + i)])] = {
          scores[static_cast<size_t>(i)], static_cast<int64_t>(ranks[static_cast<size_t>(i)])};
    }
  }
  return predictions;
}

std::vector<float> Network::Logits(const std::vector<int32_t>& ids, bool last_only) {
  const at::NoGradGuard no_grad;
  const auto sequence = static_cast<int64_t>(ids.size());
  ForwardContext pass = impl_->EvaluationPass(1, sequence);
  at::Tensor hidden = impl_->Hidden(impl_->ToDevice(ids.data(), sequence), pass);
  if (last_only) hidden = hidden.narrow(0, sequence - 1, 1);
  return ToHost(at::linear(hidden, impl_->head));
}

std::vector<BlockReadout> Network::Readouts(const int32_t* ids, int64_t batch, int64_t sequence) {
  const at::NoGradGuard no_grad;
  ForwardContext pass = impl_->EvaluationPass(batch, sequence);
  std::vector<BlockReadout> readouts;
  pass.readouts = &readouts;
  (void)impl_->Hidden(impl_->ToDevice(ids, batch * sequence), pass);
  return readouts;
}

std::vector<LayerRouting> Network::Routing(const int32_t* ids, int64_t batch, int64_t sequence) {
  const at::NoGradGuard no_grad;
  const at::Tensor tokens = impl_->ToDevice(ids, batch * sequence);
  ForwardContext pass = impl_->EvaluationPass(batch, sequence);
  std::vector<LayerRouting> routing, clean;
  pass.routing = &routing;
  (void)impl_->Hidden(tokens, pass);
  if (!spec_.connection.is_routed()) return routing;
  const bool noisy = pass.router_noise && spec_.connection.router.kind->draws_noise;
  if (noisy) {
    // From the second layer on, the logits of the noisy pass are those of a stream that noise has
    // been in.
    ForwardContext quiet = pass;
    quiet.router_noise = false;
    quiet.routing = &clean;
    (void)impl_->Hidden(tokens, quiet);
  }
  for (size_t l = 0; l < routing.size(); ++l)
    routing[l].clean_choices = noisy ? clean[l].choices : routing[l].choices;
  return routing;
}

std::vector<std::vector<float>> Network::PathStates(size_t path, const std::vector<int32_t>& ids) {
  const at::NoGradGuard no_grad;
  const auto sequence = static_cast<int64_t>(ids.size());
  const bool dense = spec_.kind == model::Kind::kDense;
  const model::Stack& stack = dense ? spec_.dense : spec_.paths.at(path);
  const at::Tensor slice =
      impl_->embed.narrow(1, dense ? 0 : spec_.slice_begin(path), stack.d).contiguous();
  at::Tensor x = at::embedding(slice, impl_->ToDevice(ids.data(), sequence), spec_.pad_id);
  std::vector<std::vector<float>> states;
  states.push_back(ToHost(x));
  for (int64_t layer = 0; layer < stack.blocks; ++layer) {
    ForwardContext pass = impl_->NewPass(1, sequence);
    const Block& block = dense ? *impl_->blocks[static_cast<size_t>(layer)]
                               : impl_->composite->PathBlock(path, layer);
    x = block.Run(x, pass);
    states.push_back(ToHost(x));
  }
  return states;
}

void ConfigureRuntime(int64_t threads) {
  // Large buffers are used again every step: handing them back to the kernel costs a page fault a
  // page each time.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  at::set_num_threads(static_cast<int>(threads));
  [[maybe_unused]] static const bool once = (at::set_num_interop_threads(1), true);  // torch takes
                                                                                     // it once a
                                                                                     // process
  at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/false);
  // Else torch fills every new tensor with NaN first: a pass over memory that is never read.
  at::globalContext().setDeterministicFillUninitializedMemory(false);
  // On a GPU, torch might use TF32 otherwise: products of ten bits where the papers' numbers have
  // 23.
  at::globalContext().setFloat32MatmulPrecision("highest");
}

std::string InstructionSet(spec::Precision precision) {
  const bool bf16 = precision == spec::Precision::kBf16;
  return at::get_cpu_capability() + " torch-" TORCH_VERSION " kernels-" +
         (bf16 ? std::string(Simd().name) + " bf16" : Simd().fp32_name);
}

std::string CommonInstructionSet(spec::Precision precision) {
  const SimdKernels& kernels = Simd();
  const bool own = precision == spec::Precision::kBf16 &&
                   std::string_view(kernels.bf16_name) != kernels.fp32_name;
  return InstructionSet() + (own ? std::string(" and ") + kernels.bf16_name : "");
}

bool MultipliesBf16() {
  return Simd().multiplies_bf16;
}

}  // namespace braid::trainer
