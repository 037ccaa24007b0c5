#include "trainer/network/composite.h"

#include <ATen/ATen.h>

#include "model/tensors.h"
#include "trainer/kernels/functions.h"
#include "trainer/network/router.h"

namespace braid::trainer {
namespace {

// Rows of choices as bytes on the host.
std::vector<uint8_t> Bytes(const at::Tensor& choices) {
  const at::Tensor host = choices.to(at::kByte).cpu().contiguous();
  return {host.const_data_ptr<uint8_t>(), host.const_data_ptr<uint8_t>() + host.numel()};
}

// The sublayers of all paths' blocks if they may run as one: they are there, of one shape, and
// nothing but sublayers. Otherwise empty.
std::vector<const Sublayers*> OneShape(const std::vector<std::unique_ptr<Block>>& blocks) {
  std::vector<const Sublayers*> all;
  for (const auto& block : blocks) {
    const Sublayers* sublayers = block != nullptr ? block->AsSublayers() : nullptr;
    if (sublayers == nullptr) return {};
    if (!model::SameShape(blocks.front()->stack(), block->stack())) return {};
    all.push_back(sublayers);
  }
  return all;
}

// Of the blocks of parallel layers alone: large blocks, which run before and after, have none.
double DropoutOf(const ForwardContext& pass) {
  return pass.auxiliary != nullptr ? pass.auxiliary->dropout : 0;
}

bool HasAdapters(const std::vector<std::unique_ptr<Block>>& blocks) {
  return blocks.front()->AsSublayers()->adapter.q_a.defined();
}

}  // namespace

// Leaves are made for the tensors that model::Tensors lists for this connection, and no others: a
// name that the layout does not have throws.
Composite::Composite(const model::ModelSpec& spec, const LeafMaker& leaf)
    : spec_(spec), equal_widths_(model::EqualWidths(spec)) {
  const int64_t D = spec.large.d, c = spec.common_width();
  const bool slice = spec.connection.is_slice();
  if (spec.has_large_before()) first_ = MakeBlock(leaf, {spec.large, "large.0"}, spec.arch);
  if (spec.has_large_after()) last_ = MakeBlock(leaf, {spec.large, "large.1"}, spec.arch);
  if (!slice && equal_widths_) shrink_.push_back(leaf("shrink.weight", {c, D}));
  if (!slice && !equal_widths_) {
    for (size_t p = 0; p < spec.paths.size(); ++p) {
      shrink_.push_back(leaf("shrink." + std::to_string(p) + ".weight", {spec.paths[p].d, D}));
    }
  }
  for (int64_t l = 0; l < spec.parallel_layers(); ++l) MakeLayer(leaf, l);
  if (spec.connection.is_routed()) grow_ = leaf("grow.weight", {D, c});
  if (slice && spec.connection.gate) {
    const auto paths = static_cast<int64_t>(spec.paths.size());
    gate_ = leaf("gate.weight", {paths, D});
    gate_bias_ = leaf("gate.bias", {paths});
  }
}

void Composite::MakeLayer(const LeafMaker& leaf, int64_t l) {
  const int64_t D = spec_.large.d, c = spec_.common_width(),
                choices = static_cast<int64_t>(spec_.paths.size()) + 1;
  const model::Connection& connection = spec_.connection;
  Layer layer;
  layer.place = "parallel." + std::to_string(l);
  for (size_t p = 0; p < spec_.paths.size(); ++p) {
    const model::Stack& path = spec_.paths[p];
    const std::string number = std::to_string(p);
    const bool differs = !connection.is_slice() && path.d != c;
    layer.in.push_back(differs && l > 0
                           ? leaf(layer.place + ".path_in." + number + ".weight", {path.d, c})
                           : at::Tensor());
    layer.out.push_back(differs && connection.is_routed()
                            ? leaf(layer.place + ".path_out." + number + ".weight", {c, path.d})
                            : at::Tensor());
    layer.blocks.push_back(
        l < path.blocks ? MakeBlock(leaf, {path, layer.place + ".path." + number, l}, spec_.arch)
                        : nullptr);
  }
  // Equal paths run as one batched product, which keeps the processor busier than N small ones.
  if (const auto equal = OneShape(layer.blocks); !equal.empty()) layer.stacked = Stacked(equal);
  const int64_t out = model::LayerOutputWidth(spec_, l);
  if (connection.kind == model::ConnectionKind::kShare)
    layer.share = leaf(layer.place + ".share.weight", {out, D});
  if (const int64_t rank = connection.cross_rank; connection.is_slice() && rank > 0) {
    layer.cross_read = leaf(layer.place + ".cross.read.weight", {rank, D});
    layer.cross_write = leaf(layer.place + ".cross.write.weight", {D, rank});
  } else if (connection.is_slice() && connection.cross) {
    layer.cross = leaf(layer.place + ".cross.weight", {D, D});
  }
  if (connection.is_routed()) {
    layer.combine = leaf(layer.place + ".combine.weight", {c, D});
    layer.combine_bias = leaf(layer.place + ".combine.bias", {c});
    if (connection.chooses()) {
      layer.router = leaf(layer.place + ".router.weight",
                          {choices, model::RouterInputWidth(spec_, l)});
      layer.router_bias = leaf(layer.place + ".router.bias", {choices});
    }
  }
  if (connection.norm) layer.norm = leaf(layer.place + ".norm.weight", {out});
  layers_.push_back(std::move(layer));
}

at::Tensor Composite::RunLarge(const std::unique_ptr<Block>& block, const at::Tensor& x,
                               ForwardContext& pass) {
  return block != nullptr ? block->Run(x, pass) : x;
}

std::vector<Block*> Composite::Blocks() {
  std::vector<Block*> all;
  if (first_ != nullptr) all.push_back(first_.get());
  for (Layer& layer : layers_) {
    for (const auto& block : layer.blocks) {
      if (block != nullptr) all.push_back(block.get());
    }
  }
  if (last_ != nullptr) all.push_back(last_.get());
  return all;
}

at::Tensor Composite::RunStacked(const Layer& layer, const at::Tensor& rows,
                                 ForwardContext& pass) const {
  pass.dropout = DropoutOf(pass);
  at::Tensor all = RunSublayers(*layer.stacked, rows, {}, layer.place, pass);
  pass.dropout = 0;
  return all;
}

std::vector<at::Tensor> Composite::RunPaths(const Layer& layer,
                                            const std::vector<at::Tensor>& inputs,
                                            ForwardContext& pass) const {
  if (layer.stacked.has_value() && !HasAdapters(layer.blocks))
    return RunStacked(layer, at::cat(inputs), pass).chunk(static_cast<int64_t>(inputs.size()));
  pass.dropout = DropoutOf(pass);
  std::vector<at::Tensor> outputs;
  for (size_t p = 0; p < inputs.size(); ++p) {
    outputs.push_back(layer.blocks[p] == nullptr ? inputs[p]
                                                 : layer.blocks[p]->Run(inputs[p], pass));
  }
  pass.dropout = 0;
  return outputs;
}

std::vector<at::Tensor> Composite::Slices(const at::Tensor& x) const {
  std::vector<at::Tensor> slices;
  for (size_t p = 0; p < spec_.paths.size(); ++p) {
    slices.push_back(x.narrow(1, spec_.slice_begin(p), spec_.paths[p].d).contiguous());
  }
  return slices;
}

at::Tensor Composite::RunStackedSlices(const Layer& layer, const at::Tensor& x,
                                       ForwardContext& pass) const {
  const int64_t N = layer.stacked->paths, d = x.size(1) / N;
  // One copy each way, and none of the zeros that gradients of slices would be added to.
  const at::Tensor rows = x.reshape({-1, N, d}).transpose(0, 1).reshape({-1, d});
  const at::Tensor all = RunStacked(layer, rows, pass);
  return all.view({N, -1, d}).transpose(0, 1).reshape({-1, N * d});
}

at::Tensor Composite::RunSlices(at::Tensor x, const at::Tensor& norm, ForwardContext& pass) const {
  for (const Layer& layer : layers_) {
    x = layer.stacked.has_value() && !HasAdapters(layer.blocks)
            ? RunStackedSlices(layer, x, pass)
            : at::cat(RunPaths(layer, Slices(x), pass), 1);
    if (layer.cross.defined()) x = x + Mapped(x, layer.cross, pass);
    if (layer.cross_read.defined())
      x = x + Mapped(Mapped(x, layer.cross_read, pass), layer.cross_write, pass);
  }
  x = RunLarge(last_, x, pass);
  const auto N = static_cast<int64_t>(spec_.paths.size());
  at::Tensor gates;
  if (gate_.defined())
    gates = static_cast<double>(N) * at::softmax(at::linear(x, gate_, gate_bias_), 1);
  const model::Connection& connection = spec_.connection;
  std::vector<at::Tensor> slices = Slices(x);
  for (int64_t p = 0; p < N; ++p) {
    const auto path = static_cast<size_t>(p);
    // Each slice is normed alone, as its path was when it was trained alone.
    const at::Tensor gain = norm.narrow(0, spec_.slice_begin(path), spec_.paths[path].d);
    const double weight = !connection.weights.empty() ? connection.weights[path]
                          : connection.scale == model::LogitScale::kSum
                              ? 1.0
                              : 1.0 / static_cast<double>(N);
    slices[path] = weight * RmsNorm(slices[path], gain, spec_.arch.norm_eps);
    if (gates.defined()) slices[path] = slices[path] * gates.narrow(1, p, 1);
  }
  return at::cat(slices, 1);
}

// What each path reads of the stream between layers.
std::vector<at::Tensor> Composite::Inputs(const Layer& layer, int64_t l, const at::Tensor& x,
                                          const ForwardContext& pass) const {
  std::vector<at::Tensor> inputs;
  for (size_t p = 0; p < spec_.paths.size(); ++p) {
    if (l == 0 && !equal_widths_) {
      inputs.push_back(Mapped(x, shrink_[p], pass));
    } else {
      inputs.push_back(layer.in[p].defined() ? Mapped(x, layer.in[p], pass) : x);
    }
  }
  return inputs;
}

at::Tensor Composite::Share(const Layer& layer, const std::vector<at::Tensor>& outputs,
                            ForwardContext& pass) const {
  const at::Tensor out = Mapped(at::cat(outputs, 1), layer.share, pass);
  if (pass.routing == nullptr) return out;
  // Nothing chooses in `share`. The path whose output is nearest to the mixed one stands for a
  // choice (docs/papers/papaformer.md#s8.4).
  LayerRouting routing;
  if (equal_widths_ && out.size(1) == outputs.front().size(1)) {
    std::vector<at::Tensor> cosines;
    for (const at::Tensor& y : outputs) cosines.push_back(at::cosine_similarity(y, out, 1));
    routing.choices = Bytes(at::argmax(at::stack(cosines, 1), 1));
  }
  pass.routing->push_back(std::move(routing));
  return out;
}

at::Tensor Composite::Choose(const Layer& layer, const std::vector<at::Tensor>& outputs,
                             const at::Tensor& x, ForwardContext& pass) const {
  const at::Tensor all = at::cat(outputs, 1);
  const at::Tensor combined = Mapped(all, layer.combine, pass) + layer.combine_bias;
  const model::Router& router = spec_.connection.router;
  const auto candidate = [&](size_t p) {
    return layer.out[p].defined() ? Mapped(outputs[p], layer.out[p], pass) : outputs[p];
  };
  const RouterForward& forward = ForwardOf(*router.kind);
  // A router that does not choose: the mean of all candidates and the combination.
  if (forward.route == nullptr) {
    at::Tensor sum = combined;
    for (size_t p = 0; p < outputs.size(); ++p) sum = sum + candidate(p);
    return sum / static_cast<double>(outputs.size() + 1);
  }
  const at::Tensor& read = router.input == model::RouterInput::kCombined ? combined
                           : router.input == model::RouterInput::kConcat ? all
                                                                         : x;
  const at::Tensor logits = at::linear(read, layer.router, layer.router_bias);
  const Routed routed = forward.route(router, logits, layer.place, pass);
  if (pass.auxiliary != nullptr) {
    const at::Tensor loss = AuxiliaryLoss(
        *pass.auxiliary, logits, forward.gives_distribution ? routed.weights : at::Tensor());
    pass.auxiliary_loss = pass.auxiliary_loss.defined() ? pass.auxiliary_loss + loss : loss;
  }
  if (pass.routing != nullptr) pass.routing->push_back({Bytes(routed.choices), {}});
  const auto N = static_cast<int64_t>(outputs.size());
  std::vector<at::Tensor> candidates{combined}, weights{routed.weights.narrow(1, N, 1)};
  for (int64_t p = 0; p < N; ++p) {
    candidates.push_back(candidate(static_cast<size_t>(p)));
    weights.push_back(routed.weights.narrow(1, p, 1));
  }
  return WeightedSum(candidates, weights);
}

at::Tensor Composite::RunLayer(const Layer& layer, int64_t l, const at::Tensor& x,
                               ForwardContext& pass) const {
  const std::vector<at::Tensor> outputs = RunPaths(layer, Inputs(layer, l, x, pass), pass);
  at::Tensor out = layer.share.defined() ? Share(layer, outputs, pass)
                                         : Choose(layer, outputs, x, pass);
  if (layer.norm.defined()) out = RmsNorm(out, layer.norm, spec_.arch.norm_eps);
  return spec_.connection.residual && out.size(1) == x.size(1) ? out + x : out;
}

at::Tensor Composite::Run(const at::Tensor& embedded, const at::Tensor& norm,
                          ForwardContext& pass) const {
  at::Tensor x = RunLarge(first_, embedded, pass);
  if (spec_.connection.is_slice()) return RunSlices(x, norm, pass);
  if (equal_widths_) x = Mapped(x, shrink_.front(), pass);
  for (size_t l = 0; l < layers_.size(); ++l)
    x = RunLayer(layers_[l], static_cast<int64_t>(l), x, pass);
  if (grow_.defined()) x = Mapped(x, grow_, pass);
  return RmsNorm(RunLarge(last_, x, pass), norm, spec_.arch.norm_eps);
}

}  // namespace braid::trainer
