// The tasks, one source file each: which columns or fields of the official files (tab-separated, or
// JSON lines), and of JSON lines with one example a row, hold texts and label.
#pragma once

#include <string>
#include <vector>

#include "trainer/eval/glue/task.h"

namespace braid::trainer {

GlueTask Cola();   // one sentence; grammatical or not; Matthews correlation
GlueTask Sst2();   // one sentence; sentiment
GlueTask Mrpc();   // two sentences; paraphrases or not; F1
GlueTask Stsb();   // two sentences; likeness from 0 to 5; mean of Pearson and Spearman correlation
GlueTask Qqp();    // two questions; duplicates or not; F1; one seed
GlueTask Mnli();   // premise, hypothesis; three classes; matched and mismatched; two seeds
GlueTask Qnli();   // question, sentence; entailment or not
GlueTask Rte();    // two sentences; entailment or not
GlueTask BoolQ();  // question, passage; yes or no
GlueTask Wsc();    // text, a question about two spans of it; yes or no
GlueTask MultiRc();  // paragraph, question and one answer; right or wrong
GlueTask Copa();     // not one of the eleven: premise, connective and one choice; right or wrong

// All tasks, in the order above.
const std::vector<GlueTask>& GlueTasks();
// The task with this name; kInvalidArgument lists the known names.
Result<const GlueTask*> FindGlueTask(const std::string& name);

// Reads a row that has each text and the label in one field; of several names, the first that the
// row has is used. An empty `second` means a task of single sentences.
Status ReadPair(const Row& row, const std::vector<std::string>& first,
                const std::vector<std::string>& second, const std::vector<std::string>& label,
                const std::vector<std::string>& labels, std::vector<Example>* examples);

}  // namespace braid::trainer
