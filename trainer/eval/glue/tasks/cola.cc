#include "trainer/eval/glue/tasks.h"

namespace braid::trainer {

GlueTask Cola() {
  GlueTask task;
  task.name = "cola";
  task.suite = "glue";
  task.labels = {"unacceptable", "acceptable"};
  task.metric = Metric::kMatthews;
  // The official file has no line of names; the third column repeats the label as a mark.
  task.tsv.columns = {"source", "label", "mark", "sentence"};
  task.read = [labels = task.labels](const Row& row, std::vector<Example>* examples) {
    return ReadPair(row, {"sentence"}, {}, {"label"}, labels, examples);
  };
  return task;
}

}  // namespace braid::trainer
