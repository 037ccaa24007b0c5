#include "spec/max_duration.h"

#include "schema/builder.h"

namespace braid::spec {

using schema::Builder;
using schema::Schema;

const Schema& MaxDuration::Fields() {
  static const Schema fields = [] {
    Builder<MaxDuration> field(
        "max_duration",
        "How long the run and its jobs may take ([operating.md](operating.md#what-happens-when)).");
    field(
        "run", &MaxDuration::run,
        "Seconds from its submission within which the run ends; 0: any number. Waiting for workers "
        "counts, pauses do not. Jobs that run then are stopped, with a checkpoint if they have "
        "them, and they and "
        "those that wait fail.")
        .AtLeast(0);
    const auto kind = [&field](const char* name, int64_t MaxDuration::* member) {
      field(name, member,
            "Seconds for which a job of this kind may have workers, all attempts together; 0: any "
            "number. Then it is stopped, with a checkpoint if such jobs have them, and fails.")
          .AtLeast(0);
    };
    kind("tokenizer", &MaxDuration::tokenizer);
    kind("prepare", &MaxDuration::prepare);
    kind("train", &MaxDuration::train);
    kind("merge", &MaxDuration::merge);
    kind("gate", &MaxDuration::gate);
    kind("joint", &MaxDuration::joint);
    kind("evaluate", &MaxDuration::evaluate);
    kind("export", &MaxDuration::export_);
    kind("report", &MaxDuration::report);
    return field.Done();
  }();
  return fields;
}

}  // namespace braid::spec
