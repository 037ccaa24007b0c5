#include "trainer/eval/glue/tasks.h"

namespace braid::trainer {

GlueTask Mrpc() {
  GlueTask task;
  task.name = "mrpc";
  task.suite = "glue";
  task.labels = {"not_equivalent", "equivalent"};
  task.metric = Metric::kF1;
  task.read = [labels = task.labels](const Row& row, std::vector<Example>* examples) {
    // The official files have "#1 String", "#2 String" and "Quality".
    return ReadPair(row, {"sentence1", "#1 String"}, {"sentence2", "#2 String"},
                    {"label", "Quality"}, labels, examples);
  };
  return task;
}

}  // namespace braid::trainer
