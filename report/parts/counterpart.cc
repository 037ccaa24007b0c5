#include "report/parts/counterpart.h"

#include "report/results/arms.h"

namespace braid::report {

std::string CounterpartOf(const Results& results, const ModelResult& model) {
  const auto& spec = model.evaluation.spec;
  if (model.composed() || model.paths() > 0) {
    if (model.paths() != 2) return "-";
    const model::Connection& connection = spec->connection;
    if (connection.kind == model::ConnectionKind::kShare) return "Share_Linear";
    if (!connection.is_routed() || connection.router.kind != &model::kGumbelRouter) return "-";
    return connection.router.input == model::RouterInput::kCombined ? "Gumbel_MoE_1"
           : connection.router.input == model::RouterInput::kConcat ? "Gumbel_MoE_2"
                                                                    : "-";
  }
  // Paths and dense models are told by a composite of two paths: by their place in it and, as the
  // paper's sizes are not those of this run, by their width beside its own.
  for (const ModelResult& composite : results.models) {
    if (composite.role != Role::kComposite && composite.role != Role::kCompositeScratch) continue;
    const auto paths = results.PathsOf(composite);
    if (paths.size() != 2) continue;
    if (model.role == Role::kPath && composite.composed() && paths[0] == model.name)
      return "Path_1";
    if (model.role == Role::kPath && composite.composed() && paths[1] == model.name)
      return "Path_2";
    const auto& whole = composite.evaluation.spec;
    if (model.role != Role::kDense || !whole.has_value() || !spec.has_value() ||
        HasDualBlocks(model))
      continue;
    if (spec->width() == whole->width()) return "LLaMA_256";
    if (spec->width() * 4 == whole->width() * 3) return "LLaMA_192";
  }
  return "-";
}

}  // namespace braid::report
