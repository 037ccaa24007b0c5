// The reasons of errors: a closed set of words that say more than the code of a Status, for
// programs that decide by it what to do. docs/api.md lists them with their meanings.
#pragma once

#include <string_view>

#include "base/words.h"

namespace braid {

// In the order of docs/api.md. kTerminalState and kInternal are also what the API sends for an
// error of their code that has no reason of its own.
enum class ErrorReason {
  kInvalidRecipe,
  kInvalidArgument,
  kRequestIdReused,
  kNotFound,
  kAlreadyExists,
  kTerminalState,
  kRunActive,
  kArtifactInUse,
  kArtifactRemoved,
  kIncompatibleParents,
  kUnschedulable,
  kBlobMissing,
  kBoundToSite,
  kDigestMismatch,
  kOffsetMismatch,
  kFsyncFailed,
  kStorageFull,
  kDiskFull,
  kResourceExhausted,
  kRateLimited,
  kStaleLease,
  kWorkerReplaced,
  kRecovering,
  kWatchCompacted,
  kUnauthenticated,
  kPermissionDenied,
  kTls,
  kOutOfMemory,
  kDeviceUnusable,
  kPluginMissing,
  kDiverged,
  kInternal,
};

// "STALE_LEASE" for kStaleLease, and so on.
const Words& WordsOf(ErrorReason);

// One or two sentences: what happened, and what the program that gets the error does about it.
std::string_view MeaningOf(ErrorReason reason);

}  // namespace braid
