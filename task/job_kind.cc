#include "task/job_kind.h"

namespace braid::task {

const Words& WordsOf(JobKind) {
  static const Words words = {"tokenizer", "prepare",  "train",  "merge", "gate",
                              "joint",     "evaluate", "export", "report"};
  return words;
}

const char* ProgramOf(JobKind kind) {
  switch (kind) {
    case JobKind::kTokenizer:
    case JobKind::kPrepare:
      return "braid-prepare";
    case JobKind::kMerge:
      return "braid-merge";
    case JobKind::kReport:
      return "braid-report";
    case JobKind::kTrain:
    case JobKind::kGate:
    case JobKind::kJoint:
    case JobKind::kEvaluate:
    case JobKind::kExport:
      break;
  }
  return "braid-trainer";
}

}  // namespace braid::task
