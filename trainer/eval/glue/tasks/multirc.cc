#include "trainer/eval/glue/tasks.h"

namespace braid::trainer {
namespace {

Result<const Json*> ListOf(const Json& object, const char* field, const std::string& place) {
  const auto found = object.find(field);
  if (found == object.end() || !found->is_array()) {
    return InvalidArgument(place + ": the passage has no list " + field +
                           "; MultiRC's rows nest questions and answers");
  }
  return &*found;
}

// Reads {"passage": {"text", "questions": [{"question", "answers": [{"text", "label"}]}]}}, with
// one example for each answer.
Status ReadNested(const Row& row, const std::vector<std::string>& labels,
                  std::vector<Example>* examples) {
  const Json& passage = row.fields["passage"];
  if (!passage.is_object()) return InvalidArgument(row.place + ": field passage must be an object");
  BRAID_ASSIGN_OR_RETURN(const std::string paragraph, TextOf({passage, row.place}, {"text"}));
  BRAID_ASSIGN_OR_RETURN(const Json* questions, ListOf(passage, "questions", row.place));
  for (const Json& item : *questions) {
    BRAID_ASSIGN_OR_RETURN(const std::string question, TextOf({item, row.place}, {"question"}));
    BRAID_ASSIGN_OR_RETURN(const Json* answers, ListOf(item, "answers", row.place));
    for (const Json& answer : *answers) {
      BRAID_RETURN_IF_ERROR(
          ReadPair({answer, row.place}, {"text"}, {}, {"label"}, labels, examples));
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
