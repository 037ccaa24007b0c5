#include "model/spec.h"

#include <algorithm>

#include "base/text.h"
#include "model/fields.h"
#include "schema/read.h"

namespace braid::model {
namespace {

Json ToJson(const std::optional<RopeScaling>& scaling) {
  return scaling ? schema::ToJson(*scaling) : Json();
}

// As many heads of keys as of queries is said in one way only, so that equal models are equal.
void WithoutNeedlessHeads(Stack* stack) {
  if (stack->kv_heads == stack->heads) stack->kv_heads = 0;
}

// The checks of what only composites have. Widths are compared last, when each stack is right by
// itself, so that the message is about the sum and not about a consequence.
Status ValidateComposite(const ModelSpec& spec) {
  if (spec.paths.size() < 2) return InvalidArgument("paths: a composite needs at least two");
  BRAID_RETURN_IF_ERROR(ValidateConnection(spec.connection, spec.paths.size(), "connection"));
  for (size_t p = 0; p < spec.paths.size(); ++p) {
    BRAID_RETURN_IF_ERROR(ValidateStack(spec.paths[p], "paths." + std::to_string(p)));
  }
  if (spec.large.blocks < 0 || spec.large.blocks > 2) {
    return InvalidArgument(
        "large.blocks: must be 2 (one before the parallel layers, one after), 1 (after them alone) "
        "or 0");
  }
  // Where there is none its width still is that of the stream.
  Stack large = spec.large;
  large.blocks = 2;
  BRAID_RETURN_IF_ERROR(ValidateStack(large, "large"));
  const int64_t sum = spec.slice_begin(spec.paths.size());
  if (const std::string why = WhyNoRank(spec.connection, sum); !why.empty())
    return InvalidArgument("connection.cross_rank: " + why);
  if (spec.large.d != sum) {
    return InvalidArgument(Format("large.d: is %lld, but the widths of the paths add up to %lld",
                                  (long long)spec.large.d, (long long)sum));
  }
  return OkStatus();
}

}  // namespace

Status Validate(const ModelSpec& spec) {
  // Two bounds keep products of sizes within int64_t: token ids are 32 bits, and a sequence has at
  // most 2^20 tokens. Conditions are written so that NaN fails them.
  if (spec.name.empty()) return InvalidArgument("name: must not be empty");
  if (spec.vocab < 2)
    return InvalidArgument(Format("vocab: must be at least 2, is %lld", (long long)spec.vocab));
  if (spec.vocab > int64_t{1} << 31)
    return InvalidArgument(
        Format("vocab: must be at most 2147483648, is %lld", (long long)spec.vocab));
  if (spec.pad_id < 0 || spec.pad_id >= spec.vocab)
    return InvalidArgument("pad_id: must be below vocab");
  if (spec.eos_id < 0 || spec.eos_id >= spec.vocab)
    return InvalidArgument("eos_id: must be below vocab");
  if (spec.sequence < 2 || spec.sequence > 1 << 20)
    return InvalidArgument("sequence: must be in 2 .. 1048576");
  if (!(spec.arch.norm_eps > 0)) return InvalidArgument("arch.norm_eps: must be above 0");
  if (!(spec.arch.rope_base > 1)) return InvalidArgument("arch.rope_base: must be above 1");
  if (spec.arch.rope_max_pos < 0) return InvalidArgument("arch.rope_max_pos: must not be negative");
  if (spec.arch.rope_max_pos > 0 && spec.sequence > spec.arch.rope_max_pos) {
    return InvalidArgument(Format("sequence: %lld is above arch.rope_max_pos %lld",
                                  (long long)spec.sequence, (long long)spec.arch.rope_max_pos));
  }
  return spec.kind == Kind::kDense ? ValidateStack(spec.dense, "dense") : ValidateComposite(spec);
}

Json ToJson(const ModelSpec& spec) {
  return schema::ToJson(spec);
}

Result<ModelSpec> FromJson(const Json& json, const std::string& path) {
  BRAID_ASSIGN_OR_RETURN(ModelSpec spec, schema::FromJson<ModelSpec>(json, path));
  WithoutNeedlessHeads(&spec.dense);
  WithoutNeedlessHeads(&spec.large);
  for (Stack& stack : spec.paths) WithoutNeedlessHeads(&stack);
  if (Status status = Validate(spec); !status.ok()) {
    return Status(status.code(), path.empty() ? status.message() : path + "." + status.message());
  }
  return spec;
}

int64_t ModelSpec::parallel_layers() const {
  int64_t layers = 0;
  for (const Stack& path : paths) layers = std::max(layers, path.blocks);
  return layers;
}

int64_t ModelSpec::common_width() const {
  int64_t width = 0;
  for (const Stack& path : paths) width = std::max(width, path.d);
  return width;
}

int64_t ModelSpec::slice_begin(size_t index) const {
  int64_t begin = 0;
  for (size_t p = 0; p < index; ++p) begin += paths[p].d;
  return begin;
}

ModelSpec PathAlone(const ModelSpec& composite, size_t index) {
  // Everything that is not about paths stays: a path has the vocabulary and the arch of its
  // composite.
  ModelSpec alone = composite;
  alone.kind = Kind::kDense;
  alone.dense = composite.paths.at(index);
  alone.name = alone.dense.name;
  alone.connection = {};
  alone.paths.clear();
  alone.large = {};
  return alone;
}

std::vector<ArchDifference> ArchDifferences(const Arch& a, const Arch& b) {
  using schema::NameOf;
  // router_noise, rope_max_pos and residual_init are left out: they do not change what given
  // weights compute for a text that both models can read.
  std::vector<ArchDifference> all = {
      {"attn_out_proj", a.attn_out_proj, b.attn_out_proj},
      {"ffn_gate", NameOf(a.ffn_gate), NameOf(b.ffn_gate)},
      {"rope_layout", NameOf(a.rope_layout), NameOf(b.rope_layout)},
      {"rope_base", a.rope_base, b.rope_base},
      {"rope_scaling", ToJson(a.rope_scaling), ToJson(b.rope_scaling)},
      {"norm_eps", a.norm_eps, b.norm_eps}};
  std::erase_if(all, [](const ArchDifference& one) { return one.a == one.b; });
  return all;
}

Arch PaperArch() {
  Arch arch;
  schema::ApplyPaper(ArchFields(), &arch);
  return arch;
}

std::string WhyNoMatch(const ModelSpec& spec, bool over_base) {
  if (spec.kind == Kind::kDense) return "model " + spec.name + " has no maps between paths";
  if (spec.connection.is_slice())
    return "does nothing: in a slice composite each path keeps its own stream; leave it out";
  if (spec.connection.norm)
    return "a connection with norm sets the size of the stream by itself; leave one of the two out";
  if (spec.connection.residual) {
    return "a connection with residual adds to a stream that has its size already; leave one of "
           "the two out";
  }
  if (over_base) return "over a base the maps are trained already; leave it out";
  return "";
}

}  // namespace braid::model
