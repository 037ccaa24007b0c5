#include "recipe/parse/stack_section.h"

#include <algorithm>

#include "base/text.h"
#include "model/dual_width.h"
#include "model/fields.h"
#include "recipe/parse/yaml_source.h"
#include "spec/model.h"

namespace braid::recipe {
namespace {

constexpr int64_t kSolverMultiple = 64;  // what the published solver takes them to be rounded to

// Knobs that a block does not have must not be given: they would do nothing.
void RefuseForeignKnobs(YamlMap& dual, const model::BlockKind& block) {
  const auto refuse = [&](const std::string& key, const std::string& owners) {
    (void)dual.Node(key);
    if (!dual.Has(key)) return;
    dual.Fail(key, "is of " + owners + " blocks; a " + block.name + " block has no such knob");
  };
  for (const schema::Field& field : model::DualFields().fields) {
    if (block.HasSetting(field.name)) continue;
    // By its own name, and by that which it has under `ffn_rule: paper`.
    const std::string owners = model::BlocksWithSetting(field.name);
    refuse(field.name, owners);
    if (spec::RecipeDual::Fields().Find("d_" + field.name) != nullptr)
      refuse("d_" + field.name, owners);
  }
  if (!block.has_gates) refuse("alpha", model::BlocksWithSetting("gate"));
}

// K of the dual model that a baseline is matched with: the scores of attention that it computes
// besides F_M.
void ReadAgainst(YamlMap& dual, model::WidthProblem* problem) {
  const bool asked = problem->flop_match == model::FlopMatch::kTotal && !problem->block->has_gates;
  if (asked && !problem->block->has_deep) (void)dual.Require("against");
  spec::RecipeDual keys;
  ReadOne(dual, "against", &keys);
  if (asked) {
    problem->against = keys.against.value_or(0);
  } else if (dual.Has("against")) {
    dual.Fail("against", "is of wide and loop blocks under flop_match: total");
  }
}

// Widths that cost a budget (docs/papers/dual_path.md#s5).
void SolveBudget(YamlMap& dual, int64_t sequence, int64_t multiple, model::Stack* stack) {
  model::WidthProblem problem{.block = stack->block,
                              .d = stack->d,
                              .loops = stack->dual.loops,
                              .sequence = sequence,
                              .value_width = stack->value_width()};
  spec::RecipeDual keys;
  for (const char* key : {"budget", "flop_match"}) ReadOne(dual, key, &keys);
  if (stack->block->has_gates) {
    ReadOne(dual, "alpha", &keys);
    problem.alpha = keys.alpha;
  }
  problem.flop_match = keys.flop_match;
  ReadAgainst(dual, &problem);
  if (!keys.budget) return;  // what is wrong with it is said
  problem.budget = *keys.budget;
  const Result<model::Widths> widths = model::SolveWidths(problem);
  if (!widths.ok()) return dual.Fail("budget", widths.status().message());
  if (stack->has_deep()) stack->dual.ffn_deep = model::EffectiveWidth(widths->deep, multiple);
  if (stack->has_wide()) stack->dual.ffn_wide = model::EffectiveWidth(widths->wide, multiple);
}

// A hidden width as it is (`ffn_deep`), or by the published rule (`d_ffn_deep`).
int64_t ReadWidth(YamlMap& dual, const std::string& field, bool published, int64_t multiple) {
  const std::string key = published ? "d_" + field : field,
                    other = published ? field : "d_" + field;
  // Requested, so that it does not count as unknown: the message below says more.
  (void)dual.Node(other);
  if (dual.Has(other)) {
    dual.Fail(other, published ? "under ffn_rule paper write " + key + ", before the 2/3 rule"
                               : "is read under ffn_rule paper; otherwise write " + key +
                                     ", the hidden width itself");
  }
  (void)dual.Require(key);
  const int64_t width = dual.Int(key, 0, 1, model::kMaxHidden);
  return published ? model::EffectiveWidth(width, multiple) : width;
}

void ReadWidths(YamlMap& dual, int64_t sequence, model::Stack* stack) {
  spec::RecipeDual keys;
  ReadOne(dual, "ffn_rule", &keys);
  const bool published = keys.ffn_rule == spec::FfnRule::kPaper;
  int64_t multiple = kSolverMultiple;
  if (published) {
    ReadOne(dual, "multiple", &keys);
    multiple = keys.multiple;
  } else {
    // Requested, so that the message is this one and not "no such key".
    (void)dual.Node("multiple");
    if (dual.Has("multiple")) dual.Fail("multiple", "is a part of ffn_rule paper");
  }
  if (dual.Has("budget")) {
    for (const char* key : {"ffn_deep", "ffn_wide", "d_ffn_deep", "d_ffn_wide"}) {
      (void)dual.Node(key);
      if (dual.Has(key)) dual.Fail(key, "budget decides the widths; give one of the two");
    }
    return SolveBudget(dual, sequence, multiple, stack);
  }
  // What decides widths that are given already would be taken silently otherwise.
  for (const char* key : {"budget", "alpha", "flop_match", "against"}) {
    (void)dual.Node(key);
    const bool refused = key == std::string("alpha") && !stack->block->has_gates;
    if (dual.Has(key) && !refused)
      dual.Fail(key, "is of widths that are solved for; give budget too");
  }
  if (stack->has_deep()) stack->dual.ffn_deep = ReadWidth(dual, "ffn_deep", published, multiple);
  if (stack->has_wide()) stack->dual.ffn_wide = ReadWidth(dual, "ffn_wide", published, multiple);
}

void ReadDual(YamlMap& map, int64_t sequence, model::Stack* stack) {
  YamlMap dual(map.Require("dual"), map.PathOf("dual"), map.errors());
  if (!map.Has("dual")) return;
  model::Dual& knobs = stack->dual;
  RefuseForeignKnobs(dual, *stack->block);
  if (stack->has_deep()) (void)dual.Require("loops");
  for (const schema::Field& field : model::DualFields().fields) {
    const bool is_width = spec::RecipeDual::Fields().Find("d_" + field.name) != nullptr;
    if (stack->block->HasSetting(field.name) && !is_width) ReadOne(dual, field.name, &knobs);
  }
  if (stack->has_deep() && knobs.mix != model::StepMix::kAct && dual.Has("skip_last_router")) {
    dual.Fail("skip_last_router",
              "is of mix: act; " + schema::NameOf(knobs.mix) + " has no router");
  }
  ReadWidths(dual, sequence, stack);
}

void ReadBlock(YamlMap& map, int64_t sequence, model::Stack* stack) {
  spec::RecipeBlocks kind;
  ReadOne(map, "block", &kind);
  stack->block = kind.block;
  if (!stack->block->has_dual()) {
    stack->ffn = map.Int("ffn", 4 * stack->d, 1, model::kMaxHidden);
    (void)map.Node("dual");
    if (map.Has("dual"))
      map.Fail("dual", std::string("a ") + stack->block->name +
                           " block has no such knobs; give block " +
                           Join(model::BlockWords(/*has_dual=*/true), " or "));
    return;
  }
  (void)map.Node("ffn");
  if (map.Has("ffn"))
    map.Fail("ffn", "is of " + Join(model::BlockWords(/*has_dual=*/false), " or ") +
                        " blocks; the widths of a " + stack->block->name + " block are in dual");
  ReadDual(map, sequence, stack);
}

// As many heads of keys as of queries is the same as saying nothing. They are read before the
// block, whose widths may depend on them.
void ReadKvHeads(YamlMap& map, bool heads_are_known, model::Stack* stack) {
  spec::RecipeBlocks blocks;
  ReadOne(map, "kv_heads", &blocks);
  if (!heads_are_known) return;  // that is an error already
  const int64_t count = blocks.kv_heads.value_or(stack->heads);
  if (stack->heads % count != 0) {
    return map.Fail("kv_heads",
                    Format("%lld heads of keys and values do not divide %lld heads of queries",
                           (long long)count, (long long)stack->heads));
  }
  stack->kv_heads = count == stack->heads ? 0 : count;
}

void CheckHeads(YamlMap& map, const model::Stack& stack) {
  if (stack.d % stack.heads != 0) {
    map.Fail("heads", Format("%lld heads do not divide width %lld", (long long)stack.heads,
                             (long long)stack.d));
  } else if (stack.head_size() % 2 != 0) {
    map.Fail("heads", Format("head size %lld is odd; rotary positions need pairs",
                             (long long)stack.head_size()));
  }
}

}  // namespace

bool IsName(const std::string& name) {
  // The folders of this and of the one above have these names.
  if (name.empty() || name.size() > 64 || name == "." || name == "..") return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
}

void CheckName(YamlMap& map, const std::string& key, const std::string& name) {
  if (map.Has(key) && !IsName(name))
    map.Fail(key, "\"" + name + "\" is not a name; use letters, digits, _ - .");
}

void ReadStack(YamlMap& map, int64_t sequence, model::Stack* stack) {
  spec::RecipeStack shape;
  for (const char* key : {"d", "heads", "blocks"}) ReadOne(map, key, &shape);
  stack->d = shape.d;
  stack->heads = shape.heads;
  stack->blocks = shape.blocks;
  CheckHeads(map, *stack);
  ReadKvHeads(map, map.Has("heads"), stack);
  ReadBlock(map, sequence, stack);
}

void ReadLarge(YamlMap& map, int64_t sequence, model::Stack* stack) {
  stack->name = "large";
  stack->blocks = map.Int("blocks", stack->blocks, 0, 2);
  for (const char* key : {"heads", "kv_heads", "block", "ffn", "dual", "identity"}) {
    if (stack->blocks == 0 && map.Has(key))
      map.Fail(key, "is of large blocks, and blocks: 0 leaves none; take one of the two out");
  }
  const bool has_default = stack->heads > 0;
  stack->heads = map.Int("heads", std::max<int64_t>(1, stack->heads), 1, 4096);
  if (map.Has("heads")) CheckHeads(map, *stack);
  ReadKvHeads(map, has_default || map.Has("heads"), stack);
  ReadBlock(map, sequence, stack);
  stack->identity = map.Bool("identity", stack->identity);
}

}  // namespace braid::recipe
