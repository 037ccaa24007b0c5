// A merge as people ask for it, on command lines and over the API.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "merge/parent.h"
#include "merge/plan.h"

namespace braid::merge {

// The request, in the words of the command line and of StartMerge. Nothing is checked yet.
struct MergeRequest {
  std::string name = "composite";
  std::vector<std::string> parents;  // "REF" or "NAME=REF"; REF is a folder or an artifact, as
                                     // `read` takes it
  std::string base;  // REF of a composite whose paths are swapped, added or dropped; empty: none
  std::vector<std::string> drop;  // of the base
  std::string connect;  // a kind, or the connection as JSON; empty: that of the base, else share
  uint64_t seed = 42;
  bool carry_optimizer = false;
};

// A plan, and the REFs of its sources in the request.
struct PlannedMerge {
  MergePlan plan;
  std::vector<std::string> refs;  // in the order of plan.sources
};

// `read` reads the parent of a REF under a name for its errors, with its moments if asked to. A
// parent without NAME is called by its model's name, or path_<n> where that name is taken.
using ParentReader =
    std::function<Result<Parent>(const std::string& name, const std::string& ref, bool moments)>;
// kInvalidArgument for a request that contradicts itself; kFailedPrecondition
// (INCOMPATIBLE_PARENTS) names parent, field and both values; otherwise the errors of `read`.
Result<PlannedMerge> PlanRequest(const MergeRequest& request, const ParentReader& read);

// The connection that `connect` and options mean, as JSON text for MergeRequest::connect:
//   with a value     router, router-input, tau, init, scale, weights ("0.7,0.3"), cross-rank
//   without a value  hard, soft, residual, norm, cross, no-gate
// Without options it is `connect` itself. Whether they fit the kind is PlanRequest's to say.
Result<std::string> ConnectionText(const std::string& connect,
                                   const std::map<std::string, std::string>& options);

// The options of ConnectionText, for command lines: name, with a value or without, and help.
struct ConnectionOption {
  std::string name;
  bool value = false;
  std::string help;
};
// All of them, for the help of commands and for what parses their options.
const std::vector<ConnectionOption>& ConnectionOptions();

}  // namespace braid::merge
