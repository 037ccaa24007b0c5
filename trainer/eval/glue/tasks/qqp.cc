#include "trainer/eval/glue/tasks.h"

namespace braid::trainer {

GlueTask Qqp() {
  GlueTask task;
  task.name = "qqp";
  task.suite = "glue";
  task.labels = {"not_duplicate", "duplicate"};
  task.metric = Metric::kF1;
  // One seed, as in the paper, because the training set is large.
  task.seeds = {42};
  task.tsv.skip_short_rows = true;  // some rows of the official train.tsv are cut
  task.read = [labels = task.labels](const Row& row, std::vector<Example>* examples) {
    return ReadPair(row, {"question1"}, {"question2"}, {"is_duplicate", "label"}, labels, examples);
  };
  return task;
}

}  // namespace braid::trainer
