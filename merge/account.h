// The tensor account of a merge: merge.json (docs/formats.md), and the same for people.
#pragma once

#include <string>

#include "base/json.h"
#include "merge/plan.h"

namespace braid::merge {

// The account as far as the plan determines it. VerifyComposite adds the digests.
Json ToJson(const MergePlan& plan);
// The account for terminals, with one line for each tensor.
std::string ToText(const MergePlan& plan);
// merge.md, from the account that VerifyComposite completed.
std::string AccountMarkdown(const Json& account);

}  // namespace braid::merge
