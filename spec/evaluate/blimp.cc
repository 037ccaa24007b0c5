#include "spec/evaluate/blimp.h"

#include "schema/builder.h"

namespace braid::spec {

using schema::Builder;
using schema::Schema;

const Schema& BlimpSettings::Fields() {
  static const Schema fields = [] {
    Builder<BlimpSettings> field(
        "blimp", "Grammatical judgement on the minimal pairs of BLiMP, from input `blimp`.");
    field("pairs", &BlimpSettings::pairs, "The first so many pairs of each paradigm; 0: all.")
        .AtLeast(0);
    return field.Done();
  }();
  return fields;
}

const Schema& RecipeBlimp::Fields() {
  static const Schema fields = [] {
    Builder<RecipeBlimp> field("blimp", "Grammatical judgement on the minimal pairs of BLiMP.");
    field("dir", &RecipeBlimp::dir,
          "A folder with the 67 `<paradigm>.jsonl` of BLiMP as they are published.")
        .Required();
    field.Include<BlimpSettings>();
    return field.Done();
  }();
  return fields;
}

}  // namespace braid::spec
