// Which environment variables of the worker a task program gets.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace braid::worker {

// Whether a task program gets this variable: those that locate programs, libraries and folders,
// language and time zone, and the settings of libraries that compute. All others are withheld.
// Programs that recipes control must not see the worker's keys for other services, and a list of
// variables with secrets would never be complete.
bool IsForTasks(std::string_view name);

// Whether a task program that has something to fetch gets this variable as well: keys of buckets,
// logins, authorities and proxies, which say as whom and by which way it fetches.
bool IsForFetching(std::string_view name);

// The variables of this process for which IsForTasks is true, and with `fetches` IsForFetching.
std::map<std::string, std::string> TaskEnvironment(bool fetches);

}  // namespace braid::worker
