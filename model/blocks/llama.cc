// The block of Llama: attention and a gated feed-forward, each behind a norm and with a residual
// (docs/papers/papaformer.md#s1.1).
#include "base/text.h"
#include "model/blocks/paths.h"

namespace braid::model {
namespace {

Status CheckLlama(const Stack& stack, const std::string& where) {
  if (stack.ffn <= 0 || stack.ffn > kMaxHidden)
    return InvalidArgument(where + Format(".ffn: must be in 1 .. %lld", (long long)kMaxHidden));
  if (!(stack.dual == Dual{}))
    return InvalidArgument(where + ".dual: a llama block has no such knobs");
  return OkStatus();
}

}  // namespace

constinit const BlockKind kLlamaBlock = {
    .name = "llama",
    .meaning = "attention and a gated feed-forward, of hidden width `ffn`",
    .is_llama_layers = true,
    .check = &CheckLlama,
    .add_tensors = [](const TensorList& to,
                      const BlockShape& shape) { AddSublayers(to, shape, shape.stack.ffn); },
    .flops = [](const Stack& stack, const Arch& arch,
                int64_t sequence) { return SublayerFlops(stack, arch, stack.ffn, sequence); },
};

}  // namespace braid::model
