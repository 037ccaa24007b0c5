// The larger parts of evaluation.json, each read in a file of its own.
#pragma once

#include <string>

#include "base/json.h"
#include "base/status.h"
#include "report/input/evaluation.h"

namespace braid::report {

Result<Routing> ReadRouting(const Json& json, const std::string& path);
Result<Dual> ReadDual(const Json& json, const std::string& path);

}  // namespace braid::report
