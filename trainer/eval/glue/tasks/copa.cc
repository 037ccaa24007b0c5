#include "trainer/eval/glue/tasks.h"

namespace braid::trainer {

// Each choice is an example of its own, so that chance is 50 %, as for the other tasks with two
// classes.
GlueTask Copa() {
  GlueTask task;
  task.name = "copa";
  task.suite = "extra";
  task.labels = {"wrong", "right"};
  task.read = [](const Row& row, std::vector<Example>* examples) -> Status {
    BRAID_ASSIGN_OR_RETURN(const std::string premise, TextOf(row, {"premise"}));
    BRAID_ASSIGN_OR_RETURN(const int32_t asked, ClassOf(row, {"question"}, {"cause", "effect"}));
    BRAID_ASSIGN_OR_RETURN(const int32_t right, ClassOf(row, {"label"}, {"choice1", "choice2"}));
    for (const int32_t choice : {0, 1}) {
      BRAID_ASSIGN_OR_RETURN(const std::string text,
                             TextOf(row, {choice == 0 ? "choice1" : "choice2"}));
      examples->push_back(
          {premise, (asked == 1 ? "so " : "because ") + text, choice == right ? 1.0 : 0.0});
    }
    return OkStatus();
  };
  return task;
}

}  // namespace braid::trainer
