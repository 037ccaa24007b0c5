#include "trainer/eval/glue/tasks.h"

namespace braid::trainer {

GlueTask Mnli() {
  GlueTask task;
  task.name = "mnli";
  task.suite = "glue";
  task.labels = {"entailment", "neutral", "contradiction"};
  task.validation = {"dev_matched", "dev_mismatched"};
  // Fewer seeds than for other tasks, as in the paper, because the training set is large.
  task.seeds = {12, 42};
  task.read = [labels = task.labels](const Row& row, std::vector<Example>* examples) {
    // The official files have sentence1, sentence2 and gold_label; their `label1` to `label5` are
    // single annotators' opinions.
    return ReadPair(row, {"premise", "sentence1"}, {"hypothesis", "sentence2"},
                    {"gold_label", "label"}, labels, examples);
  };
  return task;
}

}  // namespace braid::trainer
