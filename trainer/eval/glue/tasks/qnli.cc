#include "trainer/eval/glue/tasks.h"

namespace braid::trainer {

GlueTask Qnli() {
  GlueTask task;
  task.name = "qnli";
  task.suite = "glue";
  task.labels = {"entailment", "not_entailment"};
  task.read = [labels = task.labels](const Row& row, std::vector<Example>* examples) {
    return ReadPair(row, {"question"}, {"sentence"}, {"label"}, labels, examples);
  };
  return task;
}

}  // namespace braid::trainer
