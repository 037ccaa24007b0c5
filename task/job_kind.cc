#include "task/job_kind.h"

#include <algorithm>

namespace braid::task {

const std::vector<std::string>& WordsOf(JobKind) {
  static const std::vector<std::string> words = {"tokenizer", "prepare",  "train",  "merge", "gate",
                                                 "joint",     "evaluate", "export", "report"};
  return words;
}

const std::string& NameOf(JobKind kind) {
  return WordsOf(kind)[static_cast<size_t>(kind)];
}

std::optional<JobKind> JobKindOf(std::string_view word) {
  const std::vector<std::string>& words = WordsOf({});
  const auto at = std::find(words.begin(), words.end(), word);
  if (at == words.end()) return std::nullopt;
  return static_cast<JobKind>(at - words.begin());
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
