#include "report/results/arms.h"

#include "model/flops.h"
#include "report/input/dual.h"

namespace braid::report {
namespace {

std::vector<model::Stack> StacksOf(const ModelResult& model) {
  if (!model.evaluation.spec.has_value()) return {};
  const model::ModelSpec& spec = *model.evaluation.spec;
  if (spec.kind == model::Kind::kDense) return {spec.dense};
  std::vector<model::Stack> stacks = spec.paths;
  stacks.push_back(spec.large);
  return stacks;
}

}  // namespace

std::vector<Arm> ArmsOf(const Results& results) {
  std::vector<Arm> arms;
  for (const ModelResult& model : results.models) {
    const auto& spec = model.evaluation.spec;
    if (!spec.has_value() || spec->kind != model::Kind::kDense) continue;
    const model::Flops whole = model::ForwardFlops(*spec),
                       block = model::BlockFlops(spec->dense, spec->arch, spec->sequence);
    arms.push_back({&model, spec->dense, whole.projections, whole.causal(), block.projections,
                    block.causal()});
  }
  return arms;
}

bool HasBlock(const ModelResult& model, const std::string& block) {
  for (const model::Stack& stack : StacksOf(model)) {
    if (stack.block->name == block) return true;
  }
  return false;
}

bool HasDualBlocks(const ModelResult& model) {
  for (const model::Stack& stack : StacksOf(model)) {
    if (stack.block->has_dual()) return true;
  }
  return false;
}

std::vector<const ModelResult*> MeasuredDualModels(const Results& results, bool loops_too) {
  return results.ModelsWhere([loops_too](const ModelResult& model) {
    return model.role != Role::kCompositeStart && model.Find<Dual>() != nullptr &&
           (HasBlock(model, "dual_path") || (loops_too && HasBlock(model, "loop")));
  });
}

int64_t TrainedLoops(const ModelResult& model) {
  int64_t loops = 0;
  for (const model::Stack& stack : StacksOf(model)) {
    if (!stack.has_deep()) continue;
    if (loops != 0 && loops != stack.dual.loops) return 0;
    loops = stack.dual.loops;
  }
  return loops;
}

}  // namespace braid::report
