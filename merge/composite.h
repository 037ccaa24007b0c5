// Whether parents fit together, and the composite that follows from them
// (docs/papers/papaformer.md#s6, #s10).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "merge/parent.h"
#include "model/spec.h"

namespace braid::merge {

// Parents are dense models with names of their own that agree in what one model can have only one
// of: tokenizer, vocab, pad_id, eos_id and the arch fields that decide what copied weights compute
// (attn_out_proj, ffn_gate, rope_layout, rope_base, rope_scaling, norm_eps). Width, depth, heads
// and block may differ. A `base` is a composite that agrees in the same fields, and with one no
// parent is needed. kFailedPrecondition (INCOMPATIBLE_PARENTS) names parent, field and both values.
Status CheckParents(const std::vector<Parent>& parents, const std::optional<Parent>& base);

// Checks a requested composite against its sources: `composite` has a path for every parent, in
// their order, or with a base by name, and every other path is one of the base; shapes are equal in
// every field.
Status CheckComposite(const std::vector<Parent>& parents, const std::optional<Parent>& base,
                      const model::ModelSpec& composite);

// Checks a path that was trained earlier against its description in a recipe, without the other
// paths: its shape, the arch fields of CheckParents, and its tensors. INCOMPATIBLE_PARENTS names
// the path, the field or tensor, and both values.
Status CheckPath(const Parent& path, const model::Stack& asked, const model::Arch& arch);

// As CheckPath for a model of any kind: compares the whole spec except for name and sequence, and
// checks the tensors.
Status CheckModel(const Parent& parent, const model::ModelSpec& asked);

// The choices for a composite that its parents do not determine.
struct CompositeOptions {
  std::string name = "composite";
  model::Connection connection;   // with a base: of the same kind
  std::vector<std::string> drop;  // paths of the base that the composite does without
};

// The composite's spec. Its paths are the parents in their order. With a base they are those of the
// base without `drop`, where a parent replaces the path of its name, and then the other parents.
// Large blocks are llama blocks of all the paths' heads, or as many below that as divide D into
// even sizes; of `slice` they start as the identity. Those of a base stay where D stays.
Result<model::ModelSpec> CompositeOf(const std::vector<Parent>& parents,
                                     const std::optional<Parent>& base,
                                     const CompositeOptions& options);

}  // namespace braid::merge
