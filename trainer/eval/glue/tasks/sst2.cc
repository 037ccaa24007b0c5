#include "trainer/eval/glue/tasks.h"

namespace braid::trainer {

GlueTask Sst2() {
  GlueTask task;
  task.name = "sst2";
  task.suite = "glue";
  task.labels = {"negative", "positive"};
  task.read = [labels = task.labels](const Row& row, std::vector<Example>* examples) {
    return ReadPair(row, {"sentence"}, {}, {"label"}, labels, examples);
  };
  return task;
}

}  // namespace braid::trainer
