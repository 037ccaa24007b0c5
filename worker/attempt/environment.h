// What a task program may see of the worker's environment.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace braid::worker {

// Whether a task program gets this variable: what finds programs, libraries and folders, language
// and time zone, and the settings of the libraries that compute. Nothing else is handed down: keys
// of clouds and of other services are none of a recipe's business, and no list of what is secret is
// ever complete.
bool IsForTasks(std::string_view name);

// The variables of this process that task programs get.
std::map<std::string, std::string> TaskEnvironment();

}  // namespace braid::worker
