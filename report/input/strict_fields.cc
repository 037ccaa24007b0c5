#include "report/input/strict_fields.h"

#include <cmath>

#include "base/excerpt.h"
#include "base/text.h"

namespace braid::report {

Status FinishLenient(JsonReader& read, const Json& json) {
  for (const auto& [key, value] : json.items()) (void)read.Value(key);
  return read.Finish();
}

Status Wrong(const std::string& path, const std::string& expected, const Json& found) {
  return InvalidArgument(path + ": expected " + expected + ", found " + Excerpt(found.dump()));
}

Result<double> Number(const Json& json, const std::string& path) {
  if (!json.is_number() || !std::isfinite(json.get<double>())) return Wrong(path, "a number", json);
  return json.get<double>();
}

Result<double> Percent(const Json& json, const std::string& path, double lowest) {
  BRAID_ASSIGN_OR_RETURN(const double value, Number(json, path));
  if (value < lowest || value > 100)
    return Wrong(path, Format("per cent, %.0f to 100", lowest), json);
  return value;
}

Status CheckObject(const Json& json, const std::string& path) {
  return json.is_object() ? OkStatus() : Wrong(path, "an object", json);
}

Status CheckArray(const Json& json, const std::string& path) {
  return json.is_array() ? OkStatus() : Wrong(path, "a list", json);
}

Result<std::vector<double>> Percents(const Json& json, const std::string& path) {
  BRAID_RETURN_IF_ERROR(CheckArray(json, path));
  std::vector<double> values;
  for (size_t i = 0; i < json.size(); ++i) {
    BRAID_ASSIGN_OR_RETURN(const double value, Percent(json[i], Format("%s.%zu", path.c_str(), i)));
    values.push_back(value);
  }
  return values;
}

Result<std::vector<double>> NumberList(const Json& json, const std::string& path) {
  BRAID_RETURN_IF_ERROR(CheckArray(json, path));
  std::vector<double> values;
  for (const Json& value : json) {
    BRAID_ASSIGN_OR_RETURN(const double number, Number(value, path));
    values.push_back(number);
  }
  return values;
}

Result<std::map<std::string, double>> Numbers(const Json& json, const std::string& path) {
  std::map<std::string, double> values;
  if (json.is_null()) return values;
  BRAID_RETURN_IF_ERROR(CheckObject(json, path));
  for (const auto& [key, value] : json.items()) {
    BRAID_ASSIGN_OR_RETURN(values[key], Number(value, path + "." + key));
  }
  return values;
}

}  // namespace braid::report
