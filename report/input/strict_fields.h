// Strict reading of fields that other jobs wrote: an error begins with the path of the field, says
// what was expected and shows what was found.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace braid::report {

// Ends the reading of the object `json`, which `read` has read. Fields that were not read are no
// error: a newer program may write more, and some are for other readers.
Status FinishLenient(JsonReader& read, const Json& json);

// "PATH: expected EXPECTED, found ..."
Status Wrong(const std::string& path, const std::string& expected, const Json& found);
// OK if the value is an object, or an array; otherwise Wrong(...).
Status CheckObject(const Json& json, const std::string& path);
Status CheckArray(const Json& json, const std::string& path);

// A finite number.
Result<double> Number(const Json& json, const std::string& path);
// A number from `lowest` to 100.
Result<double> Percent(const Json& json, const std::string& path, double lowest = 0);
// Lists of them. An error of Percents names the element, one of NumberList the list alone.
Result<std::vector<double>> Percents(const Json& json, const std::string& path);
Result<std::vector<double>> NumberList(const Json& json, const std::string& path);
// An object of numbers, by name; null is an empty one.
Result<std::map<std::string, double>> Numbers(const Json& json, const std::string& path);

}  // namespace braid::report
