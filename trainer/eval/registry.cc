// The list of all evaluations. A new one is a folder beside this file, and a line in each of the
// two lists below.
#include "trainer/eval/evaluation.h"

namespace braid::trainer {

EvaluationKind LossKind();
EvaluationKind GenerateKind();
EvaluationKind DualPathKind();
EvaluationKind RoutingKind();
EvaluationKind BlimpKind();
EvaluationKind GlueKind();
EvaluationKind NextTokenKind();

const std::vector<EvaluationKind>& EvaluationKinds() {
  static const std::vector<EvaluationKind> kKinds = {
      LossKind(),  GenerateKind(), DualPathKind(),  RoutingKind(),
      BlimpKind(), GlueKind(),     NextTokenKind(),
  };
  return kKinds;
}

const EvaluationCommand* FindEvaluationCommand(std::string_view name) {
  for (const EvaluationKind& kind : EvaluationKinds()) {
    if (name == kind.command.name) return &kind.command;
  }
  return nullptr;
}

bool IsNoisy(const model::ModelSpec& spec) {
  return spec.chooses() && spec.connection.router.kind->draws_noise &&
         spec.arch.router_noise == model::RouterNoise::kAlways;
}

}  // namespace braid::trainer
