#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include "trainer/kernels/functions.h"

namespace braid::trainer {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Shape {
  int64_t batch, sequence, heads, size;
  RopeLayout layout;
};

// out = the head vector `in`, rotated by the angles of its position; by the negative angles if
// `back`, which is the inverse and, for gradients, the transpose.
inline void Turn(const float* in, const float* cos, const float* sin, int64_t size, bool back,
                 RopeLayout layout, float* out) {
  const float sign = back ? -1.0f : 1.0f;
  const int64_t half = size / 2;
  if (layout == RopeLayout::kHalf) {
    for (int64_t i = 0; i < half; ++i) {
      const float a = in[i], b = in[i + half], s = sign * sin[i];
      out[i] = a * cos[i] - b * s;
      out[i + half] = b * cos[i] + a * s;
    }
    return;
  }
  for (int64_t i = 0; i < half; ++i) {
    const float a = in[2 * i], b = in[2 * i + 1], s = sign * sin[i];
    out[2 * i] = a * cos[i] - b * s;
    out[2 * i + 1] = b * cos[i] + a * s;
  }
}

// Copies between the packed form [B*T, 3w] and separate tensors [B, H, T, size], rotating q and k
// on the way: forwards when unpacking, backwards when packing gradients.
template <bool kUnpack>
void Exchange(float* packed, float* const parts[3], const float* cos, const float* sin,
              const Shape& s) {
  const int64_t w = s.heads * s.size;
  at::parallel_for(0, s.batch * s.sequence, 32, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t b = row / s.sequence, t = row % s.sequence;
      for (int64_t part = 0; part < 3; ++part) {
        for (int64_t h = 0; h < s.heads; ++h) {
          float* one = packed + row * 3 * w + part * w + h * s.size;
          float* other = parts[part] + ((b * s.heads + h) * s.sequence + t) * s.size;
          float* out = kUnpack ? other : one;
          const float* in = kUnpack ? one : other;
          if (part == 2) {
            std::copy(in, in + s.size, out);
          } else {
            Turn(in, cos + t * s.size / 2, sin + t * s.size / 2, s.size, !kUnpack, s.layout, out);
          }
        }
      }
    }
  });
}

class RopeAttentionFunction : public torch::autograd::Function<RopeAttentionFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& qkv, const at::Tensor& cos,
                            const at::Tensor& sin, int64_t batch, int64_t sequence, int64_t heads,
                            bool interleaved) {
    const Shape shape{batch, sequence, heads, qkv.size(1) / 3 / heads,
                      interleaved ? RopeLayout::kInterleaved : RopeLayout::kHalf};
    at::Tensor parts = at::empty({3, batch, heads, sequence, shape.size}, qkv.options());
    float* pointers[3];
    for (int i = 0; i < 3; ++i) pointers[i] = parts[i].mutable_data_ptr<float>();
    // Exchange has one signature for both directions; in this one it only reads the packed form.
    Exchange<true>(const_cast<float*>(qkv.const_data_ptr<float>()), pointers,
                   cos.const_data_ptr<float>(), sin.const_data_ptr<float>(), shape);
    // ATen's kernel is called directly, because the backward pass below needs its log-sum-exp.
    const auto [out, logsumexp] = at::_scaled_dot_product_flash_attention_for_cpu(
        parts[0], parts[1], parts[2], 0.0, /*is_causal=*/true);
    context->save_for_backward({parts, out, logsumexp, cos, sin});
    context->saved_data["interleaved"] = interleaved;
    return out.transpose(1, 2).reshape({batch * sequence, heads * shape.size});
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor& parts = saved[0];
    const bool interleaved = context->saved_data["interleaved"].toBool();
    const Shape shape{parts.size(1), parts.size(3), parts.size(2), parts.size(4),
                      interleaved ? RopeLayout::kInterleaved : RopeLayout::kHalf};
    const at::Tensor dout = gradients[0]
                                .reshape({shape.batch, shape.sequence, shape.heads, shape.size})
                                .transpose(1, 2);
    auto [dq, dk, dv] = at::_scaled_dot_product_flash_attention_for_cpu_backward(
        dout, parts[0], parts[1], parts[2], saved[1], saved[2], 0.0, /*is_causal=*/true);
    dq = dq.contiguous();
    dk = dk.contiguous();
    dv = dv.contiguous();
    float* pointers[3] = {dq.mutable_data_ptr<float>(), dk.mutable_data_ptr<float>(),
                          dv.mutable_data_ptr<float>()};
    at::Tensor dqkv = at::empty({shape.batch * shape.sequence, 3 * shape.heads * shape.size},
                                parts.options());
    Exchange<false>(dqkv.mutable_data_ptr<float>(), pointers, saved[3].const_data_ptr<float>(),
                    saved[4].const_data_ptr<float>(), shape);
    return {dqkv,         at::Tensor(), at::Tensor(), at::Tensor(),
            at::Tensor(), at::Tensor(), at::Tensor()};
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
                         int64_t batch, int64_t sequence, int64_t heads, RopeLayout layout) {
  if (qkv.is_cpu()) {
    return RopeAttentionFunction::apply(qkv.contiguous(), cos, sin, batch, sequence, heads,
                                        layout == RopeLayout::kInterleaved);
  }
  const int64_t w = qkv.size(1) / 3;
  const at::Tensor parts =
      qkv.view({batch, sequence, 3, heads, w / heads}).permute({2, 0, 3, 1, 4});
  const at::Tensor mixed = at::scaled_dot_product_attention(Rotate(parts[0], cos, sin, layout),
                                                            Rotate(parts[1], cos, sin, layout),
                                                            parts[2], {}, 0.0, true);
  return mixed.transpose(1, 2).reshape({batch * sequence, w});
}

}  // namespace braid::trainer
