#include "trainer/network/sublayers.h"

#include <ATen/ATen.h>

#include "trainer/kernels/functions.h"

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

// q and v receive what the adapter adds. qkv [rows, 3w].
at::Tensor Adapt(const at::Tensor& qkv, const at::Tensor& x, const Adapter& adapter,
                 const std::string& place, ForwardContext& pass) {
  const int64_t w = x.size(1);
  const at::Tensor in = Drop(x, pass.training ? adapter.dropout : 0.0, place + "/adapter", 1, pass);
  return qkv + at::cat({LowRank(in, adapter.q_a, adapter.q_b, adapter.factor),
                        at::zeros({x.size(0), w}, x.options()),
                        LowRank(in, adapter.v_a, adapter.v_b, adapter.factor)},
                       1);
}

// The mix of values for every row, [paths * batch * sequence, w]. The kernel knows the plain case.
at::Tensor Attend(const Sublayers& s, const at::Tensor& qkv, ForwardContext& pass) {
  const int64_t w = qkv.size(1) / 3, size = w / s.heads, sequences = s.paths * pass.batch,
                T = pass.sequence;
  const Rope rope = pass.ropes.Get(size, pass.begin, T);
  const RopeLayout layout = pass.arch.rope_layout == model::RopeLayout::kInterleaved
                                ? RopeLayout::kInterleaved
                                : RopeLayout::kHalf;
  if (!s.q_norm.defined() && pass.keys == nullptr) {
    return RopeAttention(qkv, rope.cos, rope.sin, sequences, T, s.heads, layout);
  }
  const at::Tensor parts = qkv.view({sequences, T, 3, s.heads, size}).permute({2, 0, 3, 1, 4});
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
  const at::Tensor mixed = at::scaled_dot_product_attention(q, k, v, mask, 0.0,
                                                            /*is_causal=*/pass.begin == 0);
  return mixed.transpose(1, 2).reshape({sequences * T, w});
}

}  // namespace

Sublayers MakeSublayers(const LeafMaker& leaf, const std::string& prefix, int64_t ffn,
                        const model::Stack& stack, const model::Arch& arch) {
  const int64_t w = stack.d;
  Sublayers made;
  made.heads = stack.heads;
  made.attn_norm = leaf(prefix + ".attn_norm.weight", {w});
  made.qkv = leaf(prefix + ".attn.q.weight", {3 * w, w});
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

at::Tensor Product(const at::Tensor& x, const at::Tensor& weight) {
  if (weight.dim() == 2) return at::linear(x, weight);
  return at::bmm(x.view({weight.size(0), -1, x.size(1)}), weight.transpose(1, 2))
      .view({-1, weight.size(1)});
}

Sublayers Stacked(const std::vector<const Sublayers*>& equal) {
  const auto stack = [&](at::Tensor Sublayers::* tensor) {
    std::vector<at::Tensor> all;
    for (const Sublayers* one : equal) all.push_back(one->*tensor);
    return all.front().defined() ? at::stack(all) : at::Tensor();
  };
  Sublayers all;
  all.paths = static_cast<int64_t>(equal.size());
  all.heads = equal.front()->heads;
  for (at::Tensor Sublayers::* tensor :
       {&Sublayers::attn_norm, &Sublayers::qkv, &Sublayers::o, &Sublayers::ffn_norm,
        &Sublayers::gate_up, &Sublayers::beta, &Sublayers::down}) {
    all.*tensor = stack(tensor);
  }
  return all;
}

at::Tensor RunSublayers(const Sublayers& s, const at::Tensor& x, const at::Tensor& scale,
                        const std::string& place, ForwardContext& pass) {
  const auto scaled = [&](const at::Tensor& y) { return scale.defined() ? y * scale : y; };
  const double dropout = pass.training ? pass.dropout : 0.0;
  const at::Tensor normed = RmsNorm(x, s.attn_norm, pass.arch.norm_eps);
  at::Tensor qkv = Product(normed, s.qkv);
  if (s.adapter.q_a.defined()) qkv = Adapt(qkv, normed, s.adapter, place, pass);
  at::Tensor mixed = Attend(s, qkv, pass);
  if (s.o.defined()) mixed = Product(mixed, s.o);
  const at::Tensor u = x + scaled(Drop(mixed, dropout, place + "/attn", s.paths, pass));
  const at::Tensor fed = Product(
      SwiGlu(Product(RmsNorm(u, s.ffn_norm, pass.arch.norm_eps), s.gate_up), s.beta), s.down);
  return u + scaled(Drop(fed, dropout, place + "/ffn", s.paths, pass));
}

}  // namespace braid::trainer
