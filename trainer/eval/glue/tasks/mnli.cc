#include "trainer/eval/glue/tasks.h"

namespace braid::trainer {

GlueTask Mnli() {
  GlueTask task;
  task.name = "mnli";
  task.suite = "glue";
  task.labels = {"entailment", "neutral", "contradiction"};
  task.validation = {"dev_matched", "dev_mismatched"};
  task.seeds = {12, 42};
  task.read = [labels = task.labels](const Row& row, std::vector<Example>* examples) {
    return ReadPair(row, {"premise", "sentence1"}, {"hypothesis", "sentence2"},
                    {"gold_label", "label"}, labels, examples);
  };
  return task;
}

}  // namespace braid::trainer
