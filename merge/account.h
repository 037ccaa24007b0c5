// The tensor account of a merge: merge.json (docs/formats.md), and the same for people.
#pragma once

#include <string>

#include "base/json.h"
#include "merge/plan.h"

namespace braid::merge {

// As far as it is known before anything is written.
Json ToJson(const MergePlan& plan);
// One line a tensor, for terminals.
std::string ToText(const MergePlan& plan);
// merge.md, from the account that VerifyComposite completed.
std::string AccountMarkdown(const Json& account);

}  // namespace braid::merge
