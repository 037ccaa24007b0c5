// The scaling of a composite's maps (network.h, MatchRms).
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>

#include "trainer/network/composite.h"
#include "trainer/network/network_impl.h"

namespace braid::trainer {
namespace {

double Rms(const at::Tensor& x) {
  return std::sqrt(x.to(at::kDouble).square().mean().item<double>());
}

// Of all paths together, in front of layer `l`.
double Together(const OwnSizes& own, size_t l) {
  double squares = 0;
  for (const std::vector<double>& path : own) squares += path[l] * path[l];
  return std::sqrt(squares / static_cast<double>(own.size()));
}

}  // namespace

void MapScaling::ScaleTo(double target, const at::Tensor& y, const at::Tensor& map) {
  const double is = Rms(y);
  factors_.push_back(is > 0 ? target / is : 1);  // what gives nothing stays
  map.mul_(factors_.back());
}

std::vector<at::Tensor> Composite::PerSlice(const at::Tensor& map) const {
  std::vector<at::Tensor> rows;
  for (size_t p = 0; p < spec_.paths.size(); ++p)
    rows.push_back(map.narrow(0, spec_.slice_begin(p), spec_.paths[p].d));
  return rows;
}

std::vector<at::Tensor> Composite::ScaledMaps() const {
  std::vector<at::Tensor> maps = shrink_;
  const auto add = [&](const std::vector<at::Tensor>& more) {
    for (const at::Tensor& map : more) {
      if (map.defined()) maps.push_back(map);
    }
  };
  for (const Layer& layer : layers_) {
    add(layer.in);
    add(layer.out);
    add({layer.combine});
    if (!layer.share.defined()) continue;
    add(&layer == &layers_.back() ? PerSlice(layer.share) : std::vector{layer.share});
  }
  if (grow_.defined()) add(PerSlice(grow_));
  return maps;
}

OwnSizes Composite::OwnRms(const at::Tensor& x, ForwardContext& pass) const {
  std::vector<at::Tensor> streams = Slices(x);
  OwnSizes own;
  for (size_t p = 0; p < streams.size(); ++p) {
    own.push_back({Rms(streams[p])});
    for (const Layer& layer : layers_) {
      if (layer.blocks[p] != nullptr) streams[p] = layer.blocks[p]->Run(streams[p], pass);
      own.back().push_back(Rms(streams[p]));
    }
  }
  return own;
}

void Composite::MatchSlices(const at::Tensor& map, const at::Tensor& y, const OwnSizes& own,
                            MapScaling* scaling) const {
  const std::vector<at::Tensor> slices = Slices(y), rows = PerSlice(map);
  for (size_t p = 0; p < own.size(); ++p) scaling->ScaleTo(own[p].back(), slices[p], rows[p]);
}

void Composite::MatchLayer(size_t l, const at::Tensor& x, const OwnSizes& own, MapScaling* scaling,
                           ForwardContext& pass) const {
  const Layer& layer = layers_[l];
  const double after = Together(own, l + 1);
  for (size_t p = 0; p < own.size(); ++p) {
    if (layer.in[p].defined())
      scaling->ScaleTo(own[p][l], Mapped(x, layer.in[p], pass), layer.in[p]);
  }
  const std::vector<at::Tensor> outputs = RunPaths(
      layer, Inputs(layer, static_cast<int64_t>(l), x, pass), pass);
  for (size_t p = 0; p < own.size(); ++p) {
    if (layer.out[p].defined())
      scaling->ScaleTo(after, Mapped(outputs[p], layer.out[p], pass), layer.out[p]);
  }
  const at::Tensor all = at::cat(outputs, 1);
  if (layer.combine.defined())
    scaling->ScaleTo(after, Mapped(all, layer.combine, pass), layer.combine);
  if (!layer.share.defined()) return;
  const at::Tensor y = Mapped(all, layer.share, pass);
  // The last one gives the slices of the large stream.
  if (l + 1 == layers_.size())
    MatchSlices(layer.share, y, own, scaling);
  else
    scaling->ScaleTo(after, y, layer.share);
}

std::vector<double> Composite::MatchRms(const at::Tensor& embedded, ForwardContext& pass) const {
  const OwnSizes own = OwnRms(embedded, pass);
  MapScaling scaling;
  at::Tensor x = RunLarge(first_, embedded, pass);
  for (size_t s = 0; s < shrink_.size(); ++s) {
    const double target = equal_widths_ ? Together(own, 0) : own[s][0];
    scaling.ScaleTo(target, Mapped(x, shrink_[s], pass), shrink_[s]);
  }
  if (equal_widths_) x = Mapped(x, shrink_.front(), pass);
  // Layer by layer, as each reads what the one before gives behind its own scaling.
  for (size_t l = 0; l < layers_.size(); ++l) {
    MatchLayer(l, x, own, &scaling, pass);
    x = RunLayer(layers_[l], static_cast<int64_t>(l), x, pass);
  }
  if (grow_.defined()) MatchSlices(grow_, Mapped(x, grow_, pass), own, &scaling);
  return scaling.factors();
}

std::vector<double> Network::MatchRms(const int32_t* ids, int64_t batch, int64_t sequence) {
  const at::NoGradGuard no_grad;
  ForwardContext pass = impl_->NewPass(batch, sequence);
  const at::Tensor tokens = impl_->ToDevice(ids, batch * sequence);
  return impl_->composite->MatchRms(Embedding(impl_->embed, tokens, spec_.pad_id), pass);
}

void Network::ScaleMaps(const std::vector<double>& factors) {
  const at::NoGradGuard no_grad;
  const std::vector<at::Tensor> maps = impl_->composite->ScaledMaps();
  for (size_t i = 0; i < maps.size(); ++i) maps[i].mul_(factors.at(i));
}

}  // namespace braid::trainer
