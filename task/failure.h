// The categories of failures of an attempt (docs/tasks.md).
#pragma once

#include <string_view>

#include "base/words.h"

namespace braid::task {

// user: the settings or the data. infra: a machine, a disk or the network. preempted: the
// coordinator or the system asked the attempt to stop. system: braid itself. cancelled: the user
// cancelled the run.
enum class FailureCategory { kUser, kInfra, kPreempted, kSystem, kCancelled };

// Events, messages and the catalog carry a category as its word.
inline const Words& WordsOf(FailureCategory) {
  static const Words words = {"user", "infra", "preempted", "system", "cancelled"};
  return words;
}

// The category of a word; kSystem for a word that this version does not know.
inline FailureCategory FailureCategoryOf(std::string_view word) {
  return FromName<FailureCategory>(word).value_or(FailureCategory::kSystem);
}

// Whether the attempt ended on request and not by a fault.
inline bool WasStopped(FailureCategory category) {
  return category == FailureCategory::kPreempted || category == FailureCategory::kCancelled;
}

}  // namespace braid::task
