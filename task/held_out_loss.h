// The loss by which trainings of one model are compared.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace braid::task {

// The mean over the corpora of the last validation losses in the summary of a `train` or `joint`
// job (`final` of docs/tasks.md), each corpus counted alike. Nothing if the summary has none, or
// one that is not finite.
std::optional<double> HeldOutLoss(const Json& summary);
// The same of the summary as a text.
std::optional<double> HeldOutLossOfText(const std::string& summary);

// The loss of a trial, the mean over its trainings; nothing if one of them has none, or there are
// none.
std::optional<double> MeanLoss(const std::vector<std::optional<double>>& trainings);

}  // namespace braid::task
