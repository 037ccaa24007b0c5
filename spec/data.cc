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
  static const schema::Words words = {"paths", "joint", "all"};
  return words;
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
          "The part that composites are trained on; with `paths` it adds up to 1.")
        .AtLeast(0)
        .AtMost(1)
        .DefaultText("the rest");
    // Numbers of a recipe are decimal: 0.6 and 0.4 do not add up to 1 exactly.
    field.Check([](const RecipeSplit& split, const Fail& fail) {
      if (split.joint && std::abs(split.paths + *split.joint - 1) > 1e-9) {
        fail({"joint"},
             Format("paths %g and joint %g do not add up to 1", split.paths, *split.joint));
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
          "Which part: the first of the split (`paths`), the rest (`joint`) or `all`.");
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
