#include "trainer/eval/glue/tasks.h"

namespace braid::trainer {
namespace {

// The official rows have the two spans in an object `target`; flat rows have them beside the text.
Result<Row> Spans(const Row& row) {
  const auto target = row.fields.find("target");
  if (target == row.fields.end()) return row;
  return RowWithin(row, "target", *target);
}

}  // namespace

GlueTask Wsc() {
  GlueTask task;
  task.name = "wsc";
  task.suite = "superglue";
  task.labels = {"no", "yes"};
  task.read = [labels = task.labels](const Row& row, std::vector<Example>* examples) -> Status {
    BRAID_ASSIGN_OR_RETURN(const Row spans, Spans(row));
    BRAID_ASSIGN_OR_RETURN(const std::string noun, TextOf(spans, {"span1_text"}));
    BRAID_ASSIGN_OR_RETURN(const std::string pronoun, TextOf(spans, {"span2_text"}));
    BRAID_RETURN_IF_ERROR(ReadPair(row, {"text"}, {}, {"label"}, labels, examples));
    // The spans become a question in words, because the classifier reads two texts and knows
    // nothing of positions in them.
    examples->back().second = "Does \"" + pronoun + "\" refer to \"" + noun + "\"?";
    return OkStatus();
  };
  return task;
}

}  // namespace braid::trainer
