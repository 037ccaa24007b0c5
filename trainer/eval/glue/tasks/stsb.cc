#include "trainer/eval/glue/tasks.h"

namespace braid::trainer {

GlueTask Stsb() {
  GlueTask task;
  task.name = "stsb";
  task.suite = "glue";
  // Without labels it is a regression: the score from 0 to 5 is predicted as it is.
  task.metric = Metric::kPearsonSpearman;
  task.read = [labels = task.labels](const Row& row, std::vector<Example>* examples) {
    return ReadPair(row, {"sentence1"}, {"sentence2"}, {"score", "label"}, labels, examples);
  };
  return task;
}

}  // namespace braid::trainer
