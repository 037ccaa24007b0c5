#include "spec/data.h"

#include <cmath>

#include "base/text.h"
#include "schema/builder.h"

namespace braid::spec {

using schema::Builder;
using schema::Fail;
using schema::Schema;

const schema::Words& WordsOf(SplitUnit) {
  static const schema::Words words = {"chunk", "document"};
  return words;
}
const schema::Words& WordsOf(Shuffle) {
  static const schema::Words words = {"documents", "groups"};
  return words;
}
const schema::Words& WordsOf(SplitPart) {
  static const schema::Words words = {"paths", "joint", "all", "seed_model"};
  return words;
}

PartBorders BordersOf(const Split& split, SplitPart part) {
  const double paths_end = split.seed_model + split.paths;
  switch (part) {
    case SplitPart::kSeedModel:
      return {0, split.seed_model};
    case SplitPart::kPaths:
      return {split.seed_model, paths_end};
    case SplitPart::kJoint:
      return {paths_end, 1};
    case SplitPart::kAll:
      break;
  }
  return {0, 1};
}

const Schema& Split::Fields() {
  static const Schema fields = [] {
    Builder<Split> field("split", "Parts of each corpus.");
    field("paths", &Split::paths, "The part that paths are trained on.").Above(0).AtMost(1);
    field("unit", &Split::unit,
          "The unit of the split: `chunk`, training sequences, so that a document may be on both "
          "sides, or `document`.");
    field("shuffle", &Split::shuffle,
          "What each epoch shuffles: `documents`, all of them, by an index that it builds; or "
          "`groups` of neighbouring documents, without an index, for corpora of many millions of "
          "documents.")
        // Task programs of older workers do not know it.
        .OmitDefault();
    field("seed_model", &Split::seed_model,
          "The part that a seed model is trained on, from which all paths begin; 0: there is none.")
        .AtLeast(0)
        .Below(1)
        .OmitDefault();
    return field.Done();
  }();
  return fields;
}

const Schema& RecipeSplit::Fields() {
  static const Schema fields = [] {
    Builder<RecipeSplit> field("split",
                               "Parts of each corpus for the paths and for joint training.");
    field.Include<Split>();
    field("joint", &RecipeSplit::joint,
          "The part that composites are trained on; with `paths` and `seed_model` it adds up to 1.")
        .AtLeast(0)
        .AtMost(1)
        .DefaultText("the rest");
    // Numbers of a recipe are decimal: 0.6 and 0.4 do not add up to 1 exactly.
    field.Check([](const RecipeSplit& split, const Fail& fail) {
      const std::string seed = split.seed_model > 0 ? Format("seed_model %g, ", split.seed_model)
                                                    : "";
      if (split.joint && std::abs(split.joint_part() - *split.joint) > 1e-9) {
        fail({"joint"},
             seed + Format("paths %g and joint %g do not add up to 1", split.paths, *split.joint));
      } else if (split.joint_part() < -1e-9) {
        fail({"seed_model", "paths"},
             seed + Format("and paths %g are more than 1 together", split.paths));
      }
    });
    return field.Done();
  }();
  return fields;
}

const Schema& DataSource::Fields() {
  static const Schema fields = [] {
    Builder<DataSource> field("sources", "One corpus.");
    field("role", &DataSource::role, "The input that holds its shards: `data.<corpus>`.")
        .Required();
    field("share", &DataSource::share,
          "Which part: that of the split for `paths`, the rest (`joint`), `all`, or the first "
          "(`seed_model`), if there is one.");
    return field.Done();
  }();
  return fields;
}

const Schema& Data::Fields() {
  static const Schema fields = [] {
    Builder<Data> field("data", "What a training reads.");
    field("sequence", &Data::sequence, "Tokens of one training sequence.")
        .Required()
        .AtLeast(2)
        .AtMost(kMaxSequence);
    field("sources", &Data::sources, "The corpora.").Required().NotEmpty("must name at least one");
    field("split", &Data::split, "Parts of each corpus.");
    field("seed", &Data::seed, "Seed of the split and of the order of the text.");
    return field.Done();
  }();
  return fields;
}

}  // namespace braid::spec
