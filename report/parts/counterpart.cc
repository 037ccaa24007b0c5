#include "report/parts/counterpart.h"

#include "report/results/arms.h"

namespace braid::report {

std::string CounterpartOf(const Results& results, const ModelResult& model) {
  const auto& spec = model.evaluation.spec;
  if (model.composed() || model.paths() > 0) {
    if (model.paths() != 2) return "-";
    if (spec->connection.kind == "share") return "Share_Linear";
    if (spec->connection.kind != "routed" || spec->connection.router.kind != "gumbel") return "-";
    return spec->connection.router.input == "combined" ? "Gumbel_MoE_1"
           : spec->connection.router.input == "concat" ? "Gumbel_MoE_2"
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
