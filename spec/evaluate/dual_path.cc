#include "spec/evaluate/dual_path.h"

#include <algorithm>

#include "base/text.h"
#include "schema/builder.h"

namespace braid::spec {
namespace {

using schema::Builder;
using schema::Fail;
using schema::Schema;

constexpr int64_t kMaxLoops = 64;
constexpr int64_t kPublishedLoops = 10;  // the table of the paper goes from 1 to 10
constexpr const char* kSetGates =
    "is of gates that are set: deep, wide, uniform, open or two numbers";

void CheckClasses(const NamedIntervention& one, const Fail& fail) {
  const auto some = [&](bool (*is)(TokenClass)) {
    return std::any_of(one.classes.begin(), one.classes.end(), is);
  };
  if (some(IsUntagged) && some(IsPartOfSpeech)) {
    fail({"class"},
         "WORD and OTHER are of text without tags, parts of speech of text with them; no text has "
         "both");
  }
}

// Fields that would do nothing.
void CheckTogether(const NamedIntervention& one, const Fail& fail) {
  if (one.step_feature && !one.loops) fail({"step_feature"}, "is of forced steps; give loops too");
  if (one.shuffle && !one.shuffles_gates()) fail({"shuffle"}, "is of gates: shuffled");
  if (!one.classes.empty() && !one.sets_gates()) fail({"class"}, kSetGates);
  if (one.keep_sum && !one.sets_gates()) fail({"keep_sum"}, kSetGates);
  if (one.keep_sum && one.gate_values == std::array<double, 2>{0, 0})
    fail({"keep_sum"}, "gates of 0 have no sum that could be scaled");
  if (one.control && one.classes.empty()) fail({"control"}, "is of a class; give class too");
  if (one.seed && !one.shuffles_gates() && !one.control)
    fail({"seed"}, "is of gates: shuffled or of control");
  if (!one.loops && !one.early_exit && !one.changes_gates())
    fail({"name"}, "changes nothing; give loops, gates or early_exit");
}

void CheckTags(const DualPathSettings& dual, const Fail& fail) {
  if (!dual.tagged.empty()) return;
  for (size_t i = 0; i < dual.interventions.size(); ++i) {
    for (const TokenClass one : dual.interventions[i].classes) {
      if (!IsPartOfSpeech(one)) continue;
      fail({Format("interventions.%zu.class", i)},
           schema::NameOf(one) +
               " is a part of speech, which only tagged text has; give dual.tagged");
    }
  }
}

void AddGates(Builder<NamedIntervention>& field) {
  field("gates", &NamedIntervention::gates,
        "Gates of the two paths: `deep` is 1 and 0, `wide` 0 and 1, `uniform` a half each, `open` "
        "1 each, `shuffled` those of other tokens of the sequence; or two numbers, g_d and g_w.");
  field.Or("gates", &NamedIntervention::gate_values).AtLeast(0).AtMost(1).Size(2);
  field("shuffle", &NamedIntervention::shuffle,
        "Of `gates: shuffled`: each gate for itself, or both together.")
      .DefaultText("`independent`");
  field("class", &NamedIntervention::classes,
        "Gates are set on tokens of these classes alone. The parts of speech behind `OTHER` are of "
        "`tagged` text.")
      .NotEmpty("must name at least one class")
      .OneOrMore()
      .OmitDefault()
      .DefaultText("every token");
}

NamedIntervention OfGates(const std::string& name, GateRule gates) {
  NamedIntervention made;
  made.name = name;
  made.gates = gates;
  return made;
}

// A class and its control, as published and with the residual's scale kept: the two effects apart.
void AddClassOverride(const std::string& name, GateRule gates,
                      const std::vector<TokenClass>& classes, std::vector<NamedIntervention>* all) {
  for (const bool keep_sum : {false, true}) {
    for (const bool control : {false, true}) {
      NamedIntervention made = OfGates(
          name + (control ? ", control" : "") + (keep_sum ? ", sum kept" : ""), gates);
      made.classes = classes;
      made.control = control;
      made.keep_sum = keep_sum;
      all->push_back(std::move(made));
    }
  }
}

}  // namespace

const schema::Words& WordsOf(StepFeature) {
  static const schema::Words words = {"rescaled", "trained"};
  return words;
}
const schema::Words& WordsOf(GateRule) {
  static const schema::Words words = {"learned", "deep", "wide", "uniform", "open", "shuffled"};
  return words;
}
const schema::Words& WordsOf(GateShuffle) {
  static const schema::Words words = {"independent", "joint"};
  return words;
}

bool NamedIntervention::sets_gates() const {
  return gate_values.has_value() ||
         (gates && gates != GateRule::kLearned && gates != GateRule::kShuffled);
}

std::pair<double, double> NamedIntervention::set_gates() const {
  if (gate_values) return {(*gate_values)[0], (*gate_values)[1]};
  switch (gates.value_or(GateRule::kLearned)) {
    case GateRule::kDeep:
      return {1, 0};
    case GateRule::kWide:
      return {0, 1};
    case GateRule::kUniform:
      return {0.5, 0.5};
    case GateRule::kOpen:
      return {1, 1};
    case GateRule::kLearned:
    case GateRule::kShuffled:
      break;
  }
  return {0, 0};
}

const Schema& NamedIntervention::Fields() {
  static const Schema fields = [] {
    Builder<NamedIntervention> field("interventions", "A change of a model while it is measured.");
    field("name", &NamedIntervention::name, "What it is called in results.").Required();
    field("loops", &NamedIntervention::loops, "So many steps of each loop instead of the model's.")
        .AtLeast(1)
        .AtMost(kMaxLoops);
    field("step_feature", &NamedIntervention::step_feature,
          "Of `loops`: what tells a step its place is scaled to the new number of steps, or is as "
          "it was in training.")
        .DefaultText("`rescaled`");
    AddGates(field);
    field("early_exit", &NamedIntervention::early_exit,
          "A token stops at the first step that a mass of at most this reaches.")
        .Above(0)
        .AtMost(1);
    field("layers", &NamedIntervention::layers,
          "It acts on these blocks, or parallel layers, alone; the large blocks of a composite are "
          "none of them.")
        .AtLeast(0)
        .NotEmpty("must hold at least one layer")
        .OmitDefault()
        .DefaultText("all");
    field("seed", &NamedIntervention::seed, "Of shuffled gates and of `control`.")
        .DefaultText("42");
    field("control", &NamedIntervention::control,
          "Of `class`: gates are set on as many other tokens of the sequence instead.")
        .OmitDefault();
    field("keep_sum", &NamedIntervention::keep_sum,
          "Of gates that are set: they are scaled to the learned sum, so that the residual stream "
          "keeps its scale.")
        .OmitDefault();
    field.Check(CheckClasses);
    field.Check(CheckTogether);
    return field.Done();
  }();
  return fields;
}

const Schema& DualPathSettings::Fields() {
  static const Schema fields = [] {
    Builder<DualPathSettings> field(
        "dual", "Read-outs of models that loop, and their loss when something is forced.");
    field("sequences", &DualPathSettings::sequences,
          "How many sequences of the text set aside of each corpus, and of each tagged text, are "
          "read.")
        .AtLeast(1);
    field("tagged", &DualPathSettings::tagged,
          "Files of text that a part-of-speech tagger has been at.")
        .NotEmpty("must name at least one file")
        .OmitDefault();
    field("interventions", &DualPathSettings::interventions, "Changes, each measured by itself.");
    field.Check(CheckTags);
    return field.Done();
  }();
  return fields;
}

const Schema& RecipeDualPath::Fields() {
  static const Schema fields = [] {
    Builder<RecipeDualPath> field(
        "dual", "Read-outs of models that loop, and their loss when something is forced.");
    field.Include<DualPathSettings>();
    field.Existing("interventions").meaning =
        "Changes, each measured by itself; `published`: those of the dual-path paper.";
    field.OrWord("interventions", "published", &RecipeDualPath::published);
    return field.Done();
  }();
  return fields;
}

std::vector<NamedIntervention> PublishedInterventions(int64_t loops, bool tagged) {
  std::vector<NamedIntervention> all;
  for (int64_t k = 1; k <= kPublishedLoops; ++k) {
    if (k == loops) continue;
    all.emplace_back().name = "K = " + std::to_string(k);
    all.back().loops = k;
  }
  for (const auto& [name, gates] : {std::pair{"deep only", GateRule::kDeep},
                                    {"wide only", GateRule::kWide},
                                    {"uniform", GateRule::kUniform},
                                    {"fully open", GateRule::kOpen},
                                    {"shuffled", GateRule::kShuffled}}) {
    all.push_back(OfGates(name, gates));
  }
  AddClassOverride("NUM, SYM wide", GateRule::kWide, {TokenClass::kNum, TokenClass::kSym}, &all);
  if (tagged) {
    AddClassOverride("ADJ, ADV, PART, PRON, VERB deep", GateRule::kDeep,
                     {TokenClass::kAdj, TokenClass::kAdv, TokenClass::kPart, TokenClass::kPron,
                      TokenClass::kVerb},
                     &all);
  }
  return all;
}

}  // namespace braid::spec
