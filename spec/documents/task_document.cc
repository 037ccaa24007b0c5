#include "spec/corpus.h"
#include "spec/documents/documents.h"
#include "spec/evaluate/evaluate.h"
#include "spec/merge.h"
#include "spec/report.h"
#include "spec/train.h"

namespace braid::spec {

const schema::Schema& TaskDocument() {
  static const schema::Schema fields = [] {
    schema::Schema tasks;
    tasks.name = "tasks";
    tasks.meaning = "The specs of tasks, by job kind.";
    const auto add = [&](const char* kind, const schema::Schema& (*section)()) {
      schema::Field& field = tasks.fields.emplace_back();
      field.name = kind;
      field.type = schema::Type::kSection;
      field.section = section;
      field.meaning = section().meaning;
    };
    add("tokenizer", &TokenizerTask::Fields);
    add("prepare", &PrepareTask::Fields);
    add("train", &TrainTask::Fields);
    add("merge", &MergeTask::Fields);
    add("gate", &GateTask::Fields);
    add("evaluate", &EvaluateTask::Fields);
    add("export", &ExportTask::Fields);
    add("report", &ReportTask::Fields);
    return tasks;
  }();
  return fields;
}

}  // namespace braid::spec
