#include "spec/teachers.h"

#include <algorithm>
#include <cmath>

#include "schema/builder.h"

namespace braid::spec {

double Teachers::WeightAt(int64_t step, int64_t total) const {
  const auto end = std::max<int64_t>(1, std::llround(until * static_cast<double>(total)));
  return weight * static_cast<double>(std::max<int64_t>(0, end - step)) / static_cast<double>(end);
}

const schema::Schema& Teachers::Fields() {
  static const schema::Schema fields = [] {
    schema::Builder<Teachers> field("teachers", "The parents teach the composite.");
    field("weight", &Teachers::weight,
          "Of the divergence from the parent's predictions, beside the loss, in the first step; it "
          "falls linearly. 0: no parent teaches.")
        .AtLeast(0);
    field("until", &Teachers::until,
          "The part of the joint phase's steps (the nearest whole step, one at least) after which "
          "the weight is 0 and parents are not computed any more.")
        .Above(0)
        .AtMost(1);
    field("temperature", &Teachers::temperature,
          "Divides the logits of parent and composite before they are compared; the divergence is "
          "multiplied by its square.")
        .Above(0);
    return field.Done();
  }();
  return fields;
}

const schema::Schema& Lesson::Fields() {
  static const schema::Schema fields = [] {
    schema::Builder<Lesson> field("lessons", "A teacher and its text.");
    field("teacher", &Lesson::teacher, "The input that has its checkpoint: `parent.<path>`.")
        .Required();
    field("data", &Lesson::data, "The input that has the shards of its corpus: `data.<corpus>`.")
        .Required();
    return field.Done();
  }();
  return fields;
}

}  // namespace braid::spec
