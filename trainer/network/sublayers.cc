#include "trainer/network/sublayers.h"

#include <ATen/ATen.h>

#include "base/status.h"
#include "trainer/kernels/functions.h"
#include "trainer/kernels/prefix_attention.h"
#include "trainer/kernels/row_maps.h"

namespace braid::trainer {
namespace {

// x [sequences, heads, T, size], gain [size]: each head normed by itself.
at::Tensor NormHeads(const at::Tensor& x, const at::Tensor& gain, double eps) {
  return RmsNorm(x.reshape({-1, x.size(3)}), gain, eps).view(x.sizes());
}

at::Tensor Drop(const at::Tensor& x, double rate, const std::string& place, int64_t paths,
                ForwardContext& pass) {
  if (rate == 0) return x;
  const int64_t w = x.size(1);
  std::vector<at::Tensor> kept;
  for (int64_t p = 0; p < paths; ++p) {
    kept.push_back(pass.Uniform(place + "/" + std::to_string(p), w).ge(rate).to(at::kFloat));
  }
  return x * (at::cat(kept) / (1 - rate)).to(x.device());
}

at::Tensor LowRank(const at::Tensor& x, const at::Tensor& a, const at::Tensor& b, double factor) {
  return at::linear(at::linear(x, a), b) * factor;
}

// q and v receive what the adapter adds. qkv [rows, w + 2 v].
at::Tensor Adapt(const at::Tensor& qkv, const at::Tensor& x, const Adapter& adapter,
                 const std::string& place, ForwardContext& pass) {
  const at::Tensor in = Drop(x, pass.training ? adapter.dropout : 0.0, place + "/adapter", 1, pass);
  return qkv + at::cat({LowRank(in, adapter.q_a, adapter.q_b, adapter.factor),
                        at::zeros({x.size(0), adapter.v_b.size(0)}, x.options()),
                        LowRank(in, adapter.v_a, adapter.v_b, adapter.factor)},
                       1);
}

RopeLayout LayoutOf(const model::Arch& arch) {
  return arch.rope_layout == model::RopeLayout::kInterleaved ? RopeLayout::kInterleaved
                                                             : RopeLayout::kHalf;
}

// The mix of values for every row, [paths * batch * sequence, w]. The kernel knows the plain case.
at::Tensor Attend(const Sublayers& s, const at::Tensor& qkv, ForwardContext& pass) {
  const int64_t size = s.heads.SizeOf(qkv.size(1)), sequences = s.paths * pass.batch,
                T = pass.sequence;
  const Rope rope = pass.ropes.Get(size, pass.begin, T);
  const RopeLayout layout = LayoutOf(pass.arch);
  if (!s.q_norm.defined() && pass.keys == nullptr) {
    return RopeAttention(qkv, rope.cos, rope.sin, sequences, T, s.heads, layout);
  }
  const std::vector<at::Tensor> parts = HeadsOf(qkv, sequences, s.heads);
  at::Tensor q = Rotate(parts[0], rope.cos, rope.sin, layout);
  at::Tensor k = Rotate(parts[1], rope.cos, rope.sin, layout);
  at::Tensor v = parts[2];
  if (s.q_norm.defined()) {
    q = NormHeads(q, s.q_norm, pass.arch.norm_eps);
    k = NormHeads(k, s.k_norm, pass.arch.norm_eps);
  }
  std::optional<at::Tensor> mask;
  if (pass.keys != nullptr) {
    std::tie(k, v) = pass.keys->Extend(k, v, pass.begin);
    // Row t of this pass sees what was read before and itself.
    if (pass.begin > 0 && T > 1)
      mask = at::ones({T, pass.begin + T}, q.options().dtype(at::kBool)).tril(pass.begin);
  }
  const at::Tensor mixed = at::scaled_dot_product_attention(q, RepeatForQueries(k, s.heads),
                                                            RepeatForQueries(v, s.heads), mask, 0.0,
                                                            /*is_causal=*/pass.begin == 0);
  return mixed.transpose(1, 2).reshape({sequences * T, s.heads.queries * size});
}

// One leaf [leaves, ...] in the place of leaves of equal shape, and its gradient in that of theirs.
at::Tensor StackedLeaf(const std::vector<at::Tensor>& leaves) {
  const at::Tensor& first = leaves.front();
  const int64_t count = std::ssize(leaves),
                distance = count > 1 ? leaves[1].storage_offset() - first.storage_offset() : 0;
  for (int64_t i = 0; i < count; ++i) {
    const at::Tensor& leaf = leaves[static_cast<size_t>(i)];
    BRAID_CHECK(leaf.storage_offset() == first.storage_offset() + i * distance);
  }
  std::vector<int64_t> sizes = first.sizes().vec(), strides = first.strides().vec();
  sizes.insert(sizes.begin(), count);
  strides.insert(strides.begin(), distance);
  const auto stacked = [&](const at::Tensor& one) {
    return one.detach().as_strided(sizes, strides, one.storage_offset());
  };
  at::Tensor leaf = stacked(first);
  leaf.requires_grad_(true);
  leaf.mutable_grad() = stacked(first.grad());
  return leaf;
}

at::Tensor Scaled(const at::Tensor& y, const at::Tensor& scale) {
  return scale.defined() ? y * scale : y;
}

// RunAttention for rows of pass.cache.
at::Tensor ReadAttention(const Sublayers& s, const at::Tensor& x, const at::Tensor& scale,
                         const std::string& place, ForwardContext& pass) {
  const double eps = pass.arch.norm_eps;
  at::Tensor qkv;
  if (s.adapter.q_a.defined()) {
    const at::Tensor normed = RmsNorm(x, s.attn_norm, eps);
    qkv = Adapt(MapRows(normed, s.qkv), normed, s.adapter, place, pass);
  } else {
    qkv = MapRows(x, s.qkv, {.gain = s.attn_norm, .eps = eps});
  }
  const int64_t size = x.size(1) / s.heads.queries;
  const Rope& rope = pass.ropes.Table(size, pass.cache->positions());
  const at::Tensor mixed = CachedAttention(
      qkv, pass.cache->read(), {LayoutOf(pass.arch), rope.cos, rope.sin, s.q_norm, s.k_norm, eps},
      &pass.cache->Next(s.paths, s.heads, size));
  if (!s.o.defined()) return x + Scaled(mixed, scale);
  return MapRows(mixed, s.o, {.add = x, .scale = scale});
}

// RunAttention for rows of pass.runs.
at::Tensor ReadRuns(const Sublayers& s, const at::Tensor& x, const at::Tensor& scale,
                    const std::string& place, ForwardContext& pass) {
  const double eps = pass.arch.norm_eps;
  const Rope& rope = pass.ropes.Table(x.size(1) / s.heads.queries, pass.longest);
  const CachedAttentionForm form{LayoutOf(pass.arch), rope.cos, rope.sin, s.q_norm, s.k_norm, eps};
  if (!s.adapter.q_a.defined()) {
    return PrefixAttentionHalf(x, {s.attn_norm, s.qkv, s.o}, scale, *pass.runs, s.paths, s.heads,
                               form);
  }
  const at::Tensor normed = RmsNorm(x, s.attn_norm, eps);
  const at::Tensor qkv = Adapt(Linear(normed, s.qkv, pass.precision), normed, s.adapter, place,
                               pass);
  at::Tensor mixed = PrefixAttention(qkv, *pass.runs, s.paths, s.heads, form);
  if (s.o.defined()) mixed = Linear(mixed, s.o, pass.precision);
  return x + Scaled(mixed, scale);
}

at::Tensor RunAttention(const Sublayers& s, const at::Tensor& x, const at::Tensor& scale,
                        const std::string& place, ForwardContext& pass) {
  if (pass.cache != nullptr) return ReadAttention(s, x, scale, place, pass);
  if (pass.runs != nullptr) return ReadRuns(s, x, scale, place, pass);
  const double dropout = pass.training ? pass.dropout : 0.0;
  const bool plain = dropout == 0 && !s.adapter.q_a.defined() && pass.keys == nullptr;
  if (plain && OwnProductsPay(x, s.paths, pass.precision)) {
    const Rope rope = pass.ropes.Get(x.size(1) / s.heads.queries, pass.begin, pass.sequence);
    return AttentionHalf(x, {s.attn_norm, s.qkv, s.o, s.q_norm, s.k_norm}, scale, rope.cos,
                         rope.sin, pass.arch.norm_eps, pass.sequence, s.heads, LayoutOf(pass.arch),
                         pass.precision);
  }
  const at::Tensor normed = RmsNorm(x, s.attn_norm, pass.arch.norm_eps);
  at::Tensor qkv = Linear(normed, s.qkv, pass.precision);
  if (s.adapter.q_a.defined()) qkv = Adapt(qkv, normed, s.adapter, place, pass);
  at::Tensor mixed = Attend(s, qkv, pass);
  if (s.o.defined()) mixed = Linear(mixed, s.o, pass.precision);
  return x + Scaled(Drop(mixed, dropout, place + "/attn", s.paths, pass), scale);
}

at::Tensor RunFeedForward(const Sublayers& s, const at::Tensor& x, const at::Tensor& scale,
                          const std::string& place, ForwardContext& pass) {
  const FeedForwardWeights weights{s.ffn_norm, s.gate_up, s.beta, s.down};
  if (pass.cache != nullptr) {
    return MapRows(GateRows(x, weights, pass.arch.norm_eps), s.down, {.add = x, .scale = scale});
  }
  const double dropout = pass.training ? pass.dropout : 0.0;
  if (dropout == 0 && OwnProductsPay(x, s.paths, pass.precision)) {
    return FeedForwardHalf(x, weights, scale, pass.arch.norm_eps, pass.precision);
  }
  const at::Tensor hidden = Linear(RmsNorm(x, s.ffn_norm, pass.arch.norm_eps), s.gate_up,
                                   pass.precision);
  const at::Tensor fed = Linear(SwiGlu(hidden, s.beta), s.down, pass.precision);
  return x + Scaled(Drop(fed, dropout, place + "/ffn", s.paths, pass), scale);
}

}  // namespace

Sublayers MakeSublayers(const LeafMaker& leaf, const std::string& prefix, int64_t ffn,
                        const model::Stack& stack, const model::Arch& arch) {
  const int64_t w = stack.d;
  Sublayers made;
  made.heads = {stack.heads, stack.key_heads()};
  made.attn_norm = leaf(prefix + ".attn_norm.weight", {w});
  made.qkv = leaf(prefix + ".attn.q.weight", {w + 2 * stack.value_width(), w});
  if (arch.attn_out_proj) made.o = leaf(prefix + ".attn.o.weight", {w, w});
  if (stack.dual.qk_norm) {
    made.q_norm = leaf(prefix + ".attn.q_norm.weight", {stack.head_size()});
    made.k_norm = leaf(prefix + ".attn.k_norm.weight", {stack.head_size()});
  }
  made.ffn_norm = leaf(prefix + ".ffn_norm.weight", {w});
  made.gate_up = leaf(prefix + ".ffn.gate.weight", {2 * ffn, w});
  made.down = leaf(prefix + ".ffn.down.weight", {w, ffn});
  if (arch.ffn_gate == model::FfnGate::kBetaSwish) made.beta = leaf(prefix + ".ffn.beta", {ffn});
  return made;
}

Sublayers Stacked(const std::vector<const Sublayers*>& equal) {
  Sublayers all;
  all.paths = static_cast<int64_t>(equal.size());
  all.heads = equal.front()->heads;
  for (at::Tensor Sublayers::* tensor :
       {&Sublayers::attn_norm, &Sublayers::qkv, &Sublayers::o, &Sublayers::ffn_norm,
        &Sublayers::gate_up, &Sublayers::beta, &Sublayers::down}) {
    std::vector<at::Tensor> leaves;
    for (const Sublayers* one : equal) leaves.push_back(one->*tensor);
    if (leaves.front().defined()) all.*tensor = StackedLeaf(leaves);
  }
  return all;
}

at::Tensor Mapped(const at::Tensor& x, const at::Tensor& weight, const ForwardContext& pass) {
  return pass.cache != nullptr ? MapRows(x, weight) : Linear(x, weight, pass.precision);
}

at::Tensor RunSublayers(const Sublayers& s, const at::Tensor& x, const at::Tensor& scale,
                        const std::string& place, ForwardContext& pass) {
  return RunFeedForward(s, RunAttention(s, x, scale, place, pass), scale, place, pass);
}

}  // namespace braid::trainer
