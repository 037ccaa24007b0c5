#include "model/fields.h"

#include "model/dual_width.h"
#include "schema/builder.h"

namespace braid::model {
namespace {

using schema::Builder;
using schema::Schema;
using schema::Words;

// "`gumbel`: ...; `softmax`: ...": what each registered object does, for the meaning of the field
// that names one. So a new object is in the documents by itself.
template <class T>
std::string Meanings() {
  std::string text;
  for (const T* object : Registered(static_cast<const T*>(nullptr))) {
    text += (text.empty() ? "`" : "; `") + std::string(object->name) + "`: " + object->meaning;
  }
  return text;
}

// 4 d, as far as d is one.
void FillFfn(Stack* stack) {
  stack->ffn = stack->d > 0 && stack->d <= kMaxHidden ? 4 * stack->d : 0;
}

// Whether a choice is hard by default depends on the router, so this default is filled in once the
// kind is read.
void FillHard(Router* router) {
  router->hard = router->kind->hard_by_default;
}

}  // namespace

const Words& WordsOf(FfnGate) {
  static const Words words = {"silu", "beta_swish"};
  return words;
}
const Words& WordsOf(RopeLayout) {
  static const Words words = {"half", "interleaved"};
  return words;
}
const Words& WordsOf(RouterNoise) {
  static const Words words = {"train_only", "always"};
  return words;
}
const Words& WordsOf(ResidualInit) {
  static const Words words = {"plain", "depth_scaled"};
  return words;
}
const Words& WordsOf(RopeScalingKind) {
  static const Words words = {"llama3"};
  return words;
}
const Words& WordsOf(Kind) {
  static const Words words = {"dense", "composite"};
  return words;
}
const Words& WordsOf(ConnectionKind) {
  static const Words words = {"share", "routed", "slice"};
  return words;
}
const Words& WordsOf(RouterInput) {
  static const Words words = {"combined", "concat", "x"};
  return words;
}
const Words& WordsOf(ConnectInit) {
  static const Words words = {"normal", "identity", "orthogonal"};
  return words;
}
const Words& WordsOf(LogitScale) {
  static const Words words = {"mean", "sum"};
  return words;
}
const Words& WordsOf(DualGate) {
  static const Words words = {"two_gates", "convex", "softmax", "fixed"};
  return words;
}
const Words& WordsOf(StepMix) {
  static const Words words = {"act", "final", "uniform"};
  return words;
}
const Words& WordsOf(DualResidual) {
  static const Words words = {"scaled", "preserved"};
  return words;
}
const Words& WordsOf(FlopMatch) {
  static const Words words = {"projections", "total"};
  return words;
}

std::string BlockMeanings() {
  return Meanings<BlockKind>();
}
std::string RouterMeanings() {
  return Meanings<RouterKind>();
}

Words BlockWords(bool has_dual) {
  Words words;
  for (const BlockKind* block : Registered(static_cast<const BlockKind*>(nullptr))) {
    if (block->has_dual() == has_dual) words.emplace_back(block->name);
  }
  return words;
}

const Schema& SchemaOf(const RopeScaling*) {
  static const Schema fields = [] {
    Builder<RopeScaling> field("rope_scaling",
                               "Rotary positions stretched for longer contexts, as in Llama 3.1.");
    field("kind", &RopeScaling::kind,
          "Without `rope_scaling` nothing is stretched. `llama3`: pairs that turn slowly turn "
          "`factor` times more slowly, those that turn fast as before.");
    field("factor", &RopeScaling::factor, "By how much slow pairs are slowed down.").AtLeast(1);
    field("low_freq_factor", &RopeScaling::low_freq_factor,
          "A pair is slow if it turns less often than this within the original positions; below "
          "`high_freq_factor`.")
        .Above(0);
    field("high_freq_factor", &RopeScaling::high_freq_factor,
          "A pair is fast if it turns more often than this.")
        .Above(0);
    field("original_max_position_embeddings", &RopeScaling::original_max_position_embeddings,
          "The original positions: the longest text before they were stretched.")
        .AtLeast(1);
    field.Check([](const RopeScaling& scaling, const schema::Fail& fail) {
      if (!(scaling.low_freq_factor < scaling.high_freq_factor))
        fail({"low_freq_factor", "high_freq_factor"}, "must be below high_freq_factor");
    });
    return field.Done();
  }();
  return fields;
}

const Schema& SchemaOf(const Arch*) {
  static const Schema fields = [] {
    Builder<Arch> field("arch", "Which function given weights compute; of all models.");
    field("attn_out_proj", &Arch::attn_out_proj,
          "Attention has an output matrix. `false` is the published block.")
        .Id("A1")
        .Paper(false);
    field("ffn_gate", &Arch::ffn_gate, "Or `beta_swish`, with a learned beta for each hidden unit.")
        .Id("A2")
        .Paper(FfnGate::kBetaSwish);
    field("rope_layout", &Arch::rope_layout,
          "Which numbers rotate together, i and i + half; or `interleaved`, neighbours.")
        .Id("A3")
        .Paper(RopeLayout::kInterleaved);
    field("router_noise", &Arch::router_noise, "Gumbel noise in training alone; or `always`.")
        .Id("A4")
        .Paper(RouterNoise::kAlways);
    field("rope_max_pos", &Arch::rope_max_pos,
          "Longest position, at least `sequence`; longer input is an error; 0: no bound.")
        .AtLeast(0)
        .Id("A5")
        .Paper(512);
    field("norm_eps", &Arch::norm_eps, "Of RMS norms.").Above(0);
    field("rope_base", &Arch::rope_base, "Of rotary positions.").Above(1);
    field("rope_scaling", &Arch::rope_scaling);
    field("residual_init", &Arch::residual_init,
          "Or `depth_scaled`: what ends in the residual stream begins from N(0, 0.02 / sqrt(2 "
          "blocks)).");
    return field.Done();
  }();
  return fields;
}

const Schema& SchemaOf(const Router*) {
  static const Schema fields = [] {
    Builder<Router> field("router", "Who decides between the paths.");
    field("kind", &Router::kind, "").meaning = "How it decides. " + RouterMeanings() + ".";
    field("input", &Router::input, "What the router reads.");
    field("tau", &Router::tau, "Temperature.").Above(0);
    field(
        "hard", &Router::hard,
        "One choice with gradients straight through; `false`: a mixture. A `softmax` is a mixture "
        "unless told otherwise.")
        .Fill(FillHard);
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
    field("gate", &Dual::gate, "Of `dual_path`: how deep and wide are weighed.");
    field("mix", &Dual::mix,
          "Of deep paths: how steps are mixed: by a learned router; `final`: the last; `uniform`: "
          "their mean.");
    field("residual", &Dual::residual,
          "Of `dual_path`: gates scale the whole output; `preserved`: only what the paths add.");
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

const Schema& SchemaOf(const Connection*) {
  static const Schema fields = [] {
    using enum ConnectionKind;
    Builder<Connection> field("connection", "How the paths of a composite hear one another.");
    field("kind", &Connection::kind,
          "How paths hear one another: `share` (a linear map), `routed` (a choice for each token) "
          "or `slice` (each path keeps its own slice; starts as the mean of its parents).");
    field("router", &Connection::router, "Who decides between the paths.").OnlyIf("kind", kRouted);
    field(
        "init", &Connection::init,
        "How the maps between streams begin: `identity`: every path hears the sum of the "
        "embeddings, then the mean of the paths' outputs, and each slice of the end gets its own "
        "path's; `orthogonal`: random rotations, which keep the size of what they read; `normal`: "
        "N(0, 0.02), as published.")
        .OnlyIf("kind", kShare, kRouted)
        .OmitDefault();  // configurations older than the choice do not have it
    field("residual", &Connection::residual, "Add the layer's input.")
        .OnlyIf("kind", kShare, kRouted);
    field("norm", &Connection::norm, "RMS norm on what the connection gives.")
        .OnlyIf("kind", kShare, kRouted);
    field("cross", &Connection::cross, "Maps between slices that start at zero.")
        .OnlyIf("kind", kSlice);
    field("cross_rank", &Connection::cross_rank,
          "Of `cross`: their rank, below half of the width of all slices; 0: they are whole "
          "matrices.")
        .OnlyIf("kind", kSlice)
        .AtLeast(0)
        .OmitDefault();  // configurations older than the choice do not have it
    field("gate", &Connection::gate, "A gate for each path that starts at one.")
        .OnlyIf("kind", kSlice);
    field("scale", &Connection::scale, "Mean or sum of the parents' logits.")
        .OnlyIf("kind", kSlice);
    field("weights", &Connection::weights, "In the place of `scale`: a weight for each path.")
        .OnlyIf("kind", kSlice);
    field.Check([](const Connection& connection, const schema::Fail& fail) {
      if (connection.cross_rank > 0 && !connection.cross)
        fail({"cross_rank"}, "is of cross; give cross: true too");
    });
    return field.Done();
  }();
  return fields;
}

const Schema& SchemaOf(const Stack*) {
  static const Schema fields = [] {
    Builder<Stack> field("stack", "Equal blocks, one after another.");
    field("name", &Stack::name, "Its name.").Required();
    field("d", &Stack::d, "Width.").Required();
    field("heads", &Stack::heads, "Heads of attention.").Required();
    field("kv_heads", &Stack::kv_heads,
          "Heads of keys and values, each for heads / kv_heads queries; 0: as many as `heads`.")
        .OmitDefault();  // configurations older than the choice do not have it
    field("blocks", &Stack::blocks, "Number of blocks.").Required();
    field("block", &Stack::block, "").meaning = "The kind of block. " + BlockMeanings() + ".";
    field("identity", &Stack::identity, "They start as the identity.");
    field("ffn", &Stack::ffn, "Hidden width of the feed-forward part.")
        .OnlyIf("block", BlockWords(/*has_dual=*/false))
        .Fill(FillFfn);
    field("dual", &Stack::dual, "The knobs of the block.")
        .OnlyIf("block", BlockWords(/*has_dual=*/true))
        .Required();
    return field.Done();
  }();
  return fields;
}

const Schema& SchemaOf(const ModelSpec*) {
  static const Schema fields = [] {
    using enum Kind;
    Builder<ModelSpec> field("model", "A model.");
    field("kind", &ModelSpec::kind, "One stack, or paths side by side.").Required();
    field("name", &ModelSpec::name, "Its name.").Required();
    field("vocab", &ModelSpec::vocab, "Rows of embedding and head.").Required();
    field("pad_id", &ModelSpec::pad_id, "The id that fills sequences up.").Required();
    field("eos_id", &ModelSpec::eos_id, "The id that ends a document.");
    field("sequence", &ModelSpec::sequence, "Tokens of a training sequence.");
    field("tokenizer", &ModelSpec::tokenizer, "SHA-256 of its tokenizer.json.");
    field("arch", &ModelSpec::arch, "Which function given weights compute.");
    field("dense", &ModelSpec::dense, "Its blocks.").OnlyIf("kind", kDense).Required();
    field("connection", &ModelSpec::connection, "How the paths hear one another.")
        .OnlyIf("kind", kComposite)
        .Required();
    field("large", &ModelSpec::large,
          "The blocks of full width D: two, one after the parallel layers, or none.")
        .OnlyIf("kind", kComposite)
        .Required();
    field("paths", &ModelSpec::paths, "The paths, in the order of their slices.")
        .OnlyIf("kind", kComposite)
        .Required();
    return field.Done();
  }();
  return fields;
}

const Schema& ArchFields() {
  return SchemaOf(static_cast<const Arch*>(nullptr));
}
const Schema& ConnectionFields() {
  return SchemaOf(static_cast<const Connection*>(nullptr));
}
const Schema& DualFields() {
  return SchemaOf(static_cast<const Dual*>(nullptr));
}

}  // namespace braid::model
