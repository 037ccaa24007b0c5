#include "model/tensors.h"

#include <algorithm>

#include "base/random.h"

namespace braid::model {
namespace {

constexpr float kInitialDeviation = 0.02f;

void AddMatrix(std::vector<TensorSpec>& all, const std::string& name, int64_t out, int64_t in) {
  all.push_back({name, {out, in}, Init::kNormal, Role::kMatrix});
}

void AddGain(std::vector<TensorSpec>& all, const std::string& name, int64_t width) {
  all.push_back({name, {width}, Init::kOnes, Role::kGain});
}

void AddBlock(std::vector<TensorSpec>& all, const std::string& prefix, const Stack& stack, const Arch& arch) {
  const int64_t w = stack.d;
  AddGain(all, prefix + ".attn_norm.weight", w);
  for (const char* projection : {"q", "k", "v"}) AddMatrix(all, prefix + ".attn." + projection + ".weight", w, w);
  if (arch.attn_out_proj) AddMatrix(all, prefix + ".attn.o.weight", w, w);
  AddGain(all, prefix + ".ffn_norm.weight", w);
  AddMatrix(all, prefix + ".ffn.gate.weight", stack.ffn, w);
  AddMatrix(all, prefix + ".ffn.up.weight", stack.ffn, w);
  AddMatrix(all, prefix + ".ffn.down.weight", w, stack.ffn);
  if (arch.ffn_gate == "beta_swish") all.push_back({prefix + ".ffn.beta", {stack.ffn}, Init::kOnes, Role::kBeta});
}

void AddParallel(std::vector<TensorSpec>& all, const ModelSpec& spec) {
  const int64_t D = spec.large.d;
  const int64_t d = spec.paths.front().d;
  AddBlock(all, "large.0", spec.large, spec.arch);
  AddMatrix(all, "shrink.weight", d, D);
  for (int64_t l = 0; l < spec.parallel_layers(); ++l) {
    const std::string layer = "parallel." + std::to_string(l);
    for (size_t p = 0; p < spec.paths.size(); ++p) {
      AddBlock(all, layer + ".path." + std::to_string(p), spec.paths[p], spec.arch);
    }
    AddMatrix(all, layer + ".share.weight", l + 1 == spec.parallel_layers() ? D : d, D);
  }
  AddBlock(all, "large.1", spec.large, spec.arch);
}

// Forward cost of one block per token: its matrices, and scores and mix over all T positions.
double BlockFlops(const Stack& stack, const Arch& arch, int64_t sequence) {
  const double w = static_cast<double>(stack.d);
  const double matrices = (arch.attn_out_proj ? 4 : 3) * w * w + 3 * w * static_cast<double>(stack.ffn);
  return 2 * matrices + 4 * w * static_cast<double>(sequence);
}

}  // namespace

int64_t TensorSpec::elements() const {
  int64_t count = 1;
  for (int64_t extent : shape) count *= extent;
  return count;
}

std::vector<TensorSpec> Tensors(const ModelSpec& spec) {
  std::vector<TensorSpec> all;
  const int64_t w = spec.width();
  all.push_back({"embed.weight", {spec.vocab, w}, Init::kNormal, Role::kEmbedding, spec.pad_id});
  if (spec.kind == Kind::kDense) {
    for (int64_t i = 0; i < spec.dense.blocks; ++i) AddBlock(all, "blocks." + std::to_string(i), spec.dense, spec.arch);
  } else {
    AddParallel(all, spec);
  }
  AddGain(all, "norm.weight", w);
  all.push_back({"head.weight", {spec.vocab, w}, Init::kNormal, Role::kHead});
  return all;
}

void Initialize(const TensorSpec& tensor, uint64_t seed, float* out) {
  InitializeRange(tensor, seed, 0, tensor.elements(), out);
}

void InitializeRange(const TensorSpec& tensor, uint64_t seed, int64_t begin, int64_t count, float* out) {
  if (tensor.init != Init::kNormal) {
    std::fill(out, out + count, tensor.init == Init::kOnes ? 1.0f : 0.0f);
    return;
  }
  const RandomStream stream(seed, tensor.name);
  const int64_t width = tensor.shape.size() > 1 ? tensor.shape[1] : 1;
  for (int64_t i = 0; i < count; ++i) {
    const bool pad = tensor.pad_row >= 0 && (begin + i) / width == tensor.pad_row;
    out[i] = pad ? 0.0f : kInitialDeviation * stream.Normal(static_cast<uint64_t>(begin + i));
  }
}

int64_t ParameterCount(const ModelSpec& spec) {
  int64_t count = 0;
  for (const TensorSpec& tensor : Tensors(spec)) count += tensor.elements();
  return count;
}

int64_t BodyParameterCount(const ModelSpec& spec) { return ParameterCount(spec) - 2 * spec.vocab * spec.width(); }

double ForwardFlopsPerToken(const ModelSpec& spec) {
  double flops = 2.0 * static_cast<double>(spec.vocab) * static_cast<double>(spec.width());
  if (spec.kind == Kind::kDense) {
    return flops + static_cast<double>(spec.dense.blocks) * BlockFlops(spec.dense, spec.arch, spec.sequence);
  }
  flops += 2 * BlockFlops(spec.large, spec.arch, spec.sequence);
  for (const TensorSpec& tensor : Tensors(spec)) {
    const bool connection = tensor.name == "shrink.weight" || tensor.name.ends_with(".share.weight");
    if (connection) flops += 2.0 * static_cast<double>(tensor.elements());
  }
  for (const Stack& path : spec.paths) {
    flops += static_cast<double>(path.blocks) * BlockFlops(path, spec.arch, spec.sequence);
  }
  return flops;
}

}  // namespace braid::model
