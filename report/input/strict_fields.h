// Fields of what other jobs wrote, read strictly: an error begins with the path of the field and
// says what was expected.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace braid::report {

// Ends the reading of `json`. Fields that nobody asked for are no error here: a newer program may
// say more, and some are for other readers.
Status FinishLenient(JsonReader& read, const Json& json);
Status Wrong(const std::string& path, const std::string& expected, const Json& found);
Status CheckObject(const Json& json, const std::string& path);
Status CheckArray(const Json& json, const std::string& path);

// Finite.
Result<double> Number(const Json& json, const std::string& path);
// From `lowest` to 100.
Result<double> Percent(const Json& json, const std::string& path, double lowest = 0);
Result<std::vector<double>> Percents(const Json& json, const std::string& path);
// By name; null is none.
Result<std::map<std::string, double>> Numbers(const Json& json, const std::string& path);

}  // namespace braid::report
