#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "trainer/kernels/functions.h"
#include "trainer/kernels/passes.h"

namespace braid::trainer {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

class RopeAttentionFunction : public torch::autograd::Function<RopeAttentionFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& qkv, const at::Tensor& cos,
                            const at::Tensor& sin, int64_t batch, int64_t sequence, int64_t queries,
                            int64_t keys, bool interleaved) {
    const auto [y, sums] = AttentionForward(
        qkv, {batch, sequence, {queries, keys}, LayoutOf(interleaved), cos, sin, {}, {}});
    context->save_for_backward({qkv, y, sums, cos, sin});
    context->saved_data["keys"] = keys;
    context->saved_data["interleaved"] = interleaved;
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &sums = saved[2], &cos = saved[3], &sin = saved[4];
    const AttentionShape shape{sums.size(1),
                               sums.size(3),
                               {sums.size(2), context->saved_data["keys"].toInt()},
                               LayoutOf(context->saved_data["interleaved"].toBool()),
                               cos,
                               sin,
                               {},
                               {}};
    variable_list all(8);
    all[0] = AttentionBackward(saved[0], {saved[1], sums}, shape, gradients[0].contiguous()).dqkv;
    return all;
  }

 private:
  static RopeLayout LayoutOf(bool interleaved) {
    return interleaved ? RopeLayout::kInterleaved : RopeLayout::kHalf;
  }
};

}  // namespace

at::Tensor Rotate(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin,
                  RopeLayout layout) {
  if (layout == RopeLayout::kHalf) {
    const std::vector<at::Tensor> halves = x.chunk(2, -1);
    return at::cat({halves[0] * cos - halves[1] * sin, halves[1] * cos + halves[0] * sin}, -1);
  }
  const at::Tensor pairs = x.unflatten(-1, {-1, 2});
  const at::Tensor a = pairs.select(-1, 0), b = pairs.select(-1, 1);
  return at::stack({a * cos - b * sin, b * cos + a * sin}, -1).flatten(-2);
}

at::Tensor RopeAttention(const at::Tensor& qkv, const at::Tensor& cos, const at::Tensor& sin,
                         int64_t batch, int64_t sequence, const HeadCounts& heads,
                         RopeLayout layout) {
  if (qkv.is_cpu()) {
    return RopeAttentionFunction::apply(qkv.contiguous(), cos, sin, batch, sequence, heads.queries,
                                        heads.keys, layout == RopeLayout::kInterleaved);
  }
  const std::vector<at::Tensor> parts = HeadsOf(qkv, batch, heads);
  const at::Tensor mixed = at::scaled_dot_product_attention(
      Rotate(parts[0], cos, sin, layout),
      RepeatForQueries(Rotate(parts[1], cos, sin, layout), heads),
      RepeatForQueries(parts[2], heads), {}, 0.0, true);
  return mixed.transpose(1, 2).reshape({batch * sequence, -1});
}

std::vector<at::Tensor> HeadsOf(const at::Tensor& qkv, int64_t batch, const HeadCounts& heads) {
  const at::Tensor all = qkv.view({batch, -1, heads.queries + 2 * heads.keys,
                                   heads.SizeOf(qkv.size(1))})
                             .transpose(1, 2);
  return all.split_with_sizes({heads.queries, heads.keys, heads.keys}, 1);
}

at::Tensor RepeatForQueries(const at::Tensor& x, const HeadCounts& heads) {
  return heads.group() == 1 ? x : x.repeat_interleave(heads.group(), 1, x.size(1) * heads.group());
}

}  // namespace braid::trainer
