#include "spec/optimizer_state.h"

namespace braid::spec {

bool IsHiddenMatrix(const model::TensorSpec& tensor) {
  const std::string& name = tensor.name;
  const bool of_block = name.starts_with("blocks.") || name.starts_with("large.") ||
                        (name.starts_with("parallel.") && name.find(".path.") != std::string::npos);
  const bool decides = name.ends_with(".router.weight") ||
                       (name.ends_with(".gate.weight") && !name.ends_with(".ffn.gate.weight"));
  return of_block && !decides && tensor.role == model::Role::kMatrix && tensor.shape.size() == 2;
}

int64_t StateValues(OptimizerKind optimizer, const model::TensorSpec& tensor) {
  switch (optimizer) {
    case OptimizerKind::kMuon:
      return IsHiddenMatrix(tensor) ? 1 : 2;
    case OptimizerKind::kAdamW:
      break;
  }
  return 2;
}

int64_t StateValues(OptimizerKind optimizer, const model::ModelSpec& spec, bool whole) {
  int64_t values = 0;
  for (const model::TensorSpec& tensor : model::Tensors(spec)) {
    const bool of_vocabulary = tensor.role == model::Role::kEmbedding ||
                               tensor.role == model::Role::kHead;
    if (whole || !of_vocabulary) values += StateValues(optimizer, tensor) * tensor.elements();
  }
  return values;
}

}  // namespace braid::spec
