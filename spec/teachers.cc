#include "spec/teachers.h"

#include <algorithm>

#include "schema/builder.h"

namespace braid::spec {

double Teachers::WeightAt(int64_t step, int64_t total) const {
  const double end = until * static_cast<double>(total);
  return weight * std::max(0.0, 1 - static_cast<double>(step) / end);
}

const schema::Schema& Teachers::Fields() {
  static const schema::Schema fields = [] {
    schema::Builder<Teachers> field("teachers", "The parents teach the composite.");
    field("weight", &Teachers::weight,
          "Of the divergence from the parent's predictions, beside the loss, in the first step; it "
          "falls linearly. 0: no parent teaches.")
        .AtLeast(0);
    field("until", &Teachers::until,
          "The part of the joint phase's steps after which the weight is 0 and parents are not "
          "computed any more.")
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
