#include "trainer/eval/glue/tasks.h"

namespace braid::trainer {
namespace {

// The list may be large, so that it is not copied; `row` must outlive it.
Result<const Json*> ListOf(const Row& row, const char* field) {
  const auto found = row.fields.find(field);
  if (found == row.fields.end() || !found->is_array()) {
    return InvalidArgument(row.place + ": the passage has no list " + field +
                           "; MultiRC's rows nest questions and answers");
  }
  return &*found;
}

// Reads {"passage": {"text", "questions": [{"question", "answers": [{"text", "label"}]}]}}, with
// one example for each answer.
Status ReadNested(const Row& row, const std::vector<std::string>& labels,
                  std::vector<Example>* examples) {
  BRAID_ASSIGN_OR_RETURN(const Row passage, RowWithin(row, "passage", row.fields["passage"]));
  BRAID_ASSIGN_OR_RETURN(const std::string paragraph, TextOf(passage, {"text"}));
  BRAID_ASSIGN_OR_RETURN(const Json* questions, ListOf(passage, "questions"));
  for (const Json& item : *questions) {
    const Row asked{item, passage.place};
    BRAID_ASSIGN_OR_RETURN(const std::string question, TextOf(asked, {"question"}));
    BRAID_ASSIGN_OR_RETURN(const Json* answers, ListOf(asked, "answers"));
    for (const Json& answer : *answers) {
      BRAID_RETURN_IF_ERROR(
          ReadPair({answer, passage.place}, {"text"}, {}, {"label"}, labels, examples));
      Example& example = examples->back();
      example.second = question + " " + example.first;
      example.first = paragraph;
    }
  }
  return OkStatus();
}

}  // namespace

GlueTask MultiRc() {
  GlueTask task;
  task.name = "multirc";
  task.suite = "superglue";
  task.labels = {"false", "true"};
  task.read = [labels = task.labels](const Row& row, std::vector<Example>* examples) -> Status {
    if (row.fields.contains("passage")) return ReadNested(row, labels, examples);
    BRAID_RETURN_IF_ERROR(ReadPair(row, {"paragraph"}, {"question"}, {"label"}, labels, examples));
    BRAID_ASSIGN_OR_RETURN(const std::string answer, TextOf(row, {"answer"}));
    examples->back().second += " " + answer;
    return OkStatus();
  };
  return task;
}

}  // namespace braid::trainer
