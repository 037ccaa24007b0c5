#include "model/fields.h"

namespace braid::model {
namespace {

using schema::Builder;
using schema::Schema;

}  // namespace

const Schema& SchemaOf(const Arch*) {
  static const Schema fields = [] {
    Builder<Arch> field("arch", "Which function given weights compute; of all models.");
    field("attn_out_proj", &Arch::attn_out_proj,
          "Attention has an output matrix. `false` is the published block.")
        .Id("A1")
        .Paper(false);
    field("ffn_gate", &Arch::ffn_gate, "Or `beta_swish`, with a learned beta for each hidden unit.")
        .OneOf({"silu", "beta_swish"})
        .Id("A2")
        .Paper("beta_swish");
    field("rope_layout", &Arch::rope_layout,
          "Which numbers rotate together, i and i + half; or `interleaved`, neighbours.")
        .OneOf({"half", "interleaved"})
        .Id("A3")
        .Paper("interleaved");
    field("router_noise", &Arch::router_noise, "Gumbel noise in training alone; or `always`.")
        .OneOf({"train_only", "always"})
        .Id("A4")
        .Paper("always");
    field("rope_max_pos", &Arch::rope_max_pos,
          "Longest position, at least `sequence`; longer input is an error; 0: no bound.")
        .AtLeast(0)
        .Id("A5")
        .Paper(512);
    field("norm_eps", &Arch::norm_eps, "Of RMS norms.").Above(0);
    field("rope_base", &Arch::rope_base, "Of rotary positions.").Above(1);
    field("residual_init", &Arch::residual_init,
          "Or `depth_scaled`: what ends in the residual stream begins from N(0, 0.02 / sqrt(2 "
          "blocks)).")
        .OneOf({"plain", "depth_scaled"});
    return field.Done();
  }();
  return fields;
}

const Schema& SchemaOf(const Router*) {
  static const Schema fields = [] {
    Builder<Router> field("router", "Who decides between the paths.");
    field("kind", &Router::kind,
          "A choice with Gumbel noise, a mixture, one choice times its probability, or equal "
          "weights.")
        .OneOf({"gumbel", "softmax", "top1", "none"});
    field("input", &Router::input, "What the router reads.").OneOf({"combined", "concat", "x"});
    field("tau", &Router::tau, "Temperature.").Above(0);
    field(
        "hard", &Router::hard,
        "One choice with gradients straight through; `false`: a mixture. A `softmax` is a mixture "
        "unless told otherwise.");
    return field.Done();
  }();
  return fields;
}

const Schema& SchemaOf(const Dual*) {
  static const Schema fields = [] {
    Builder<Dual> field("dual", "Knobs of the blocks of the dual-path paper.");
    field("loops", &Dual::loops, "Of deep paths: K, the steps of the deep path.")
        .AtLeast(1)
        .AtMost(kMaxLoops);
    field("ffn_deep", &Dual::ffn_deep, "Of deep paths: the hidden width as it is.")
        .AtLeast(0)
        .AtMost(kMaxHidden);
    field("ffn_wide", &Dual::ffn_wide, "Of wide paths: the hidden width as it is.")
        .AtLeast(0)
        .AtMost(kMaxHidden);
    field("gate", &Dual::gate, "Of `dual_path`: how deep and wide are weighed.")
        .OneOf({"two_gates", "convex", "softmax", "fixed"});
    field("mix", &Dual::mix,
          "Of deep paths: how steps are mixed: by a learned router; `final`: the last; `uniform`: "
          "their mean.")
        .OneOf({"act", "final", "uniform"});
    field("residual", &Dual::residual,
          "Of `dual_path`: gates scale the whole output; `preserved`: only what the paths add.")
        .OneOf({"scaled", "preserved"});
    field("skip_last_router", &Dual::skip_last_router,
          "Of deep paths: the last step takes what is left without being asked.");
    field("scale_init", &Dual::scale_init,
          "Start of the scalars whose softplus scales each sublayer.");
    field("scale_decay", &Dual::scale_decay, "Weight decay on them.");
    field("qk_norm", &Dual::qk_norm,
          "RMS norm on queries and keys; `true` in the published models.");
    field("cross", &Dual::cross, "Of `dual_path`: maps between the paths that start at zero.");
    return field.Done();
  }();
  return fields;
}

const Schema& ArchFields() {
  return SchemaOf(static_cast<const Arch*>(nullptr));
}
const Schema& RouterFields() {
  return SchemaOf(static_cast<const Router*>(nullptr));
}
const Schema& DualFields() {
  return SchemaOf(static_cast<const Dual*>(nullptr));
}

}  // namespace braid::model
