#include "trainer/eval/glue/tasks.h"

namespace braid::trainer {

GlueTask BoolQ() {
  GlueTask task;
  task.name = "boolq";
  task.suite = "superglue";
  task.labels = {"no", "yes"};  // false and true in the official files
  task.read = [labels = task.labels](const Row& row, std::vector<Example>* examples) {
    return ReadPair(row, {"question"}, {"passage"}, {"label"}, labels, examples);
  };
  return task;
}

}  // namespace braid::trainer
