// The tree of all sections of a recipe.
#include "model/fields.h"
#include "spec/corpus.h"
#include "spec/data.h"
#include "spec/documents/documents.h"
#include "spec/evaluate/evaluate.h"
#include "spec/merge.h"
#include "spec/model.h"
#include "spec/recipe.h"
#include "spec/sweep.h"
#include "spec/train.h"

namespace braid::spec {
namespace {

using schema::Field;
using schema::Schema;
using schema::Type;

void Append(const Schema& from, Schema* to) {
  to->fields.insert(to->fields.end(), from.fields.begin(), from.fields.end());
}

Field& Add(Schema* schema, const char* name, Type type, const char* meaning) {
  Field& field = schema->fields.emplace_back();
  field.name = name;
  field.type = type;
  field.meaning = meaning;
  return field;
}

Field& AddSection(Schema* schema, const char* name, const Schema& (*section)(),
                  const char* meaning) {
  Field& field = Add(schema, name, Type::kSection, meaning);
  field.section = section;
  return field;
}

const Schema& LargeFields() {
  static const Schema fields = [] {
    Schema large;
    large.name = "large";
    large.meaning = "The blocks of full width D.";
    Add(&large, "blocks", Type::kInt,
        "2: one before the parallel layers, one after; 1: after them alone; 0: none.")
        .AtLeast(0)
        .AtMost(2)
        .DefaultText("0 for `slice`, else, or where `large` has other fields, 2");
    Add(&large, "heads", Type::kInt, "Heads of attention.")
        .AtLeast(1)
        .AtMost(4096)
        .DefaultText("the paths' together, or of the first path's size");
    Append(RecipeBlocks::Fields(), &large);
    for (Field& field : large.fields) {
      if (field.name == "ffn") field.default_text = "4 D";
    }
    Add(&large, "identity", Type::kBool, "They start as the identity.")
        .DefaultText("`true` for `slice` and `connect_init: identity` or `orthogonal`");
    return large;
  }();
  return fields;
}

void AppendModel(Schema* schema) {
  AddSection(schema, "train", &Train::Fields,
             "Settings of this model alone, over those of `train`.")
      .DefaultText("as the top's");
  AddSection(schema, "arch", &model::ArchFields,
             "Fields of this model alone, over those of `arch`.")
      .DefaultText("as the top's");
  Append(RecipeTraining::Fields(), schema);
}

const Schema& PathFields() {
  static const Schema fields = [] {
    Schema path;
    path.name = "paths";
    path.meaning = "A path: a model that is trained on the first part of one corpus.";
    Add(&path, "name", Type::kText, "Its name.").Required();
    Add(&path, "corpus", Type::kText, "Name of the corpus that it is trained on.").Required();
    Append(RecipeStack::Fields(), &path);
    AppendModel(&path);
    Add(&path, "from", Type::kText,
        "It is trained already: an artifact id (8 digits or more), or a folder with a checkpoint "
        "or a Hugging Face Llama (imported on the way), which is uploaded. Write `./name` for a "
        "folder whose name could be an id.");
    return path;
  }();
  return fields;
}

const Schema& BaselineFields() {
  static const Schema fields = [] {
    Schema baseline;
    baseline.name = "baselines";
    baseline.meaning = "A model that is trained on all of every corpus.";
    Add(&baseline, "name", Type::kText, "Its name.").Required();
    Append(RecipeStack::Fields(), &baseline);
    for (Field& field : baseline.fields) {
      if (field.name == "name") continue;
      // Of a composite from scratch the paths have them.
      if (field.required) field.default_text = "required without `paths`";
      field.required = false;
    }
    Field& paths = Add(&baseline, "paths", Type::kSections,
                       "Shapes of the paths of a composite that is trained from scratch.");
    paths.section = &RecipeShape::Fields;
    Append(RecipeConnectionFields(), &baseline);
    AddSection(&baseline, "large", &LargeFields, "The blocks of full width D.")
        .DefaultText("see below");
    AppendModel(&baseline);
    return baseline;
  }();
  return fields;
}

const Schema& CompositeArchFields() {
  static const Schema fields = [] {
    Schema arch;
    arch.name = "arch";
    arch.meaning = "What a composite does not have from its paths.";
    for (const char* field : {"router_noise", "rope_max_pos"})
      arch.fields.push_back(*model::ArchFields().Find(field));
    return arch;
  }();
  return fields;
}

const Schema& CompositeFields() {
  static const Schema fields = [] {
    Schema composite;
    composite.name = "composites";
    composite.meaning = "Paths laid side by side, then trained together.";
    Add(&composite, "name", Type::kText, "Its name.").Required();
    Field& paths = Add(
        &composite, "paths", Type::kCustom,
        "Names of paths, in the order of their slices: two or more. They may differ "
        "in `d`, `heads`, `kv_heads`, `blocks` and `block`. Over a `base`, a path that stays is "
        "written with its shape and corpus.");
    paths.expected = "a list of names";
    paths.default_text = "all";
    paths.custom_schema = {
        {"type", "array"}, {"minItems", 2}, {"items", {{"type", {"string", "object"}}}}};
    Append(RecipeConnectionFields(), &composite);
    AddSection(&composite, "large", &LargeFields, "The blocks of full width D.")
        .DefaultText("see below");
    AddSection(&composite, "arch", &CompositeArchFields,
               "What a composite does not have from its paths.")
        .DefaultText("as the top's");
    AddSection(&composite, "joint", &Joint::Fields,
               "Settings of this composite alone, over those of `joint`.")
        .DefaultText("as the top's");
    Add(&composite, "base", Type::kText,
        "A composite that exists, artifact id or folder: its paths are swapped, dropped, or joined "
        "by others.");
    Append(CompositeStarts::Fields(), &composite);
    Field& starts = Add(&composite, "starts", Type::kCustom,
                        "With `start: auto`: the starts, `NAME: {FIELD: value, ...}` with fields "
                        "of the composite (`connect`, `connect_init`, `large`, `joint`, ...).");
    starts.expected = "a mapping of names to fields of the composite";
    starts.default_text = "`slice`, `share` and `routed`, as each begins by itself";
    starts.custom_schema = {
        {"type", "object"}, {"minProperties", 2}, {"additionalProperties", {{"type", "object"}}}};
    return composite;
  }();
  return fields;
}

const Schema& SeedModelFields() {
  static const Schema fields = [] {
    Schema seed;
    seed.name = "seed_model";
    seed.meaning = RecipeSeedModel::Fields().meaning;
    AddSection(&seed, "train", &Train::Fields,
               "Settings of this model alone, over those of `train`.")
        .DefaultText("as the top's");
    Append(RecipeSeedModel::Fields(), &seed);
    return seed;
  }();
  return fields;
}

// `true`, or {format: huggingface, dtype: bf16}.
void AddExport(Schema* recipe) {
  Field& field = Add(recipe, "export", Type::kCustom,
                     "`true` or `{format: huggingface, dtype: bf16}`: every model also as a folder "
                     "for Hugging Face transformers, in `f32` unless `dtype` says otherwise.");
  field.expected = "true, false or a mapping";
  field.custom_schema = {{"anyOf",
                          {{{"type", "boolean"}},
                           {{"type", "object"},
                            {"additionalProperties", false},
                            {"properties",
                             {{"format", {{"enum", WordsOf(ExportFormat())}}},
                              {"dtype", {{"enum", WordsOf(ExportDtype())}}}}}}}}};
}

const Schema& SweepFields() {
  static const Schema fields = [] {
    Schema sweep;
    sweep.name = "sweep";
    sweep.meaning = "Settings that the run varies.";
    Field& over = Add(
        &sweep, "over", Type::kCustom,
        "What varies: `FIELD: [value, ...]`; of a random sweep also "
        "`FIELD: {min, max, scale}`, for a number between two; or "
        "`NAME: {SETTING: {FIELD: value, ...}, ...}`, for fields that vary together.");
    over.required = true;
    over.expected = "a mapping of fields to lists of values";
    const Json range = {{"type", "object"},
                        {"required", {"min", "max"}},
                        {"additionalProperties", false},
                        {"properties",
                         {{"min", {{"type", "number"}}},
                          {"max", {{"type", "number"}}},
                          {"scale", {{"enum", WordsOf(SweepScale())}}}}}};
    const Json together = {{"type", "object"},
                           {"minProperties", 1},
                           {"additionalProperties", {{"type", "object"}, {"minProperties", 1}}}};
    over.custom_schema = {{"type", "object"},
                          {"minProperties", 1},
                          {"additionalProperties",
                           {{"anyOf", {{{"type", "array"}, {"minItems", 1}}, range, together}}}}};
    Append(RecipeSweep::Fields(), &sweep);
    return sweep;
  }();
  return fields;
}

// A list of seeds, or how many.
void AddSeeds(Schema* recipe) {
  Field& field = Add(recipe, "seeds", Type::kCustom,
                     "Every model is trained once with each of these seeds, which draw weights and "
                     "order; or how many, from `seed` on. The tokenizer and the text that is set "
                     "aside stay those of `seed`.");
  field.expected = "a list of seeds, or how many";
  field.default_text = "one, `seed`";
  field.custom_schema = {{"anyOf",
                          {{{"type", "integer"}, {"minimum", 1}, {"maximum", kMaxVariants}},
                           {{"type", "array"},
                            {"minItems", 1},
                            {"uniqueItems", true},
                            {"items", {{"type", "integer"}, {"minimum", 0}}}}}}};
}

void AddLists(Schema* recipe) {
  const auto add = [&](const char* name, const Schema& (*section)(), const char* meaning) {
    Add(recipe, name, Type::kSections, meaning).section = section;
  };
  add("paths", &PathFields,
      "Models that are trained apart; at least one path or baseline is needed.");
  add("composites", &CompositeFields, "Paths laid side by side, then trained together.");
  add("baselines", &BaselineFields, "Models that are trained on all of every corpus.");
}

}  // namespace

const Schema& RecipeDocument() {
  static const Schema fields = [] {
    Schema recipe;
    recipe.name = "recipe";
    recipe.meaning =
        "What a run is: text, tokenizer, models, how they are trained, what is "
        "measured.";
    Append(RecipeTop::Fields(), &recipe);
    AddSeeds(&recipe);
    AddSection(&recipe, "sweep", &SweepFields,
               "Settings that the run varies: it trains a variant of every model for each "
               "combination, and what is equal once.");
    AddSection(&recipe, "tokenizer", &RecipeTokenizer::Fields, "One of `file` and `train`.")
        .Required();
    Field& corpora = Add(&recipe, "corpora", Type::kSections, "Texts, by their names.");
    corpora.section = &RecipeCorpus::Fields;
    corpora.keyed_by_name = corpora.required = true;
    AddSection(&recipe, "validation", &RecipeValidation::Fields,
               "Text that is set aside to validate on.");
    AddSection(&recipe, "split", &RecipeSplit::Fields,
               "Parts of each corpus for the paths and for joint training.");
    AddSection(&recipe, "arch", &model::ArchFields,
               "Which function given weights compute; of all models.");
    AddSection(&recipe, "seed_model", &SeedModelFields,
               "With `split.seed_model`: the model from which all paths begin.");
    AddLists(&recipe);
    AddSection(&recipe, "train", &Train::Fields, "How models are trained.");
    AddSection(&recipe, "joint", &Joint::Fields,
               "How composites are trained after their merge: takes the keys of `train`, which "
               "begin with the values of `train`, and more.");
    AddSection(&recipe, "eval", &RecipeEval::Fields, "How losses are averaged.");
    Field& evaluate = Add(&recipe, "evaluate", Type::kSections,
                          "What is measured of every model, below.");
    evaluate.section = &RecipeEvaluate::Fields;
    evaluate.default_text = "`[{loss: all}]`";
    AddExport(&recipe);
    return recipe;
  }();
  return fields;
}

}  // namespace braid::spec
