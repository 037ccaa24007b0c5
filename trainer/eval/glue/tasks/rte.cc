#include "trainer/eval/glue/tasks.h"

namespace braid::trainer {

GlueTask Rte() {
  GlueTask task;
  task.name = "rte";
  task.suite = "glue";
  task.labels = {"entailment", "not_entailment"};
  task.read = [labels = task.labels](const Row& row, std::vector<Example>* examples) {
    // GLUE's files have sentence1 and sentence2, SuperGLUE's premise and hypothesis.
    return ReadPair(row, {"sentence1", "premise"}, {"sentence2", "hypothesis"}, {"label"}, labels,
                    examples);
  };
  return task;
}

}  // namespace braid::trainer
