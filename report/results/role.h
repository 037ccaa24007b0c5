// What a model is in a comparison, for people.
#pragma once

#include <string>

#include "spec/report.h"

namespace braid::report {

using Role = spec::ModelRole;

// "composite, merged".
std::string TitleOf(Role role);

}  // namespace braid::report
