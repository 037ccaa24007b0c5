// Command lines of the task programs: `braid-merge plan A B --composite FILE --seed=7`. (The CLI
// and the services use CLI11; the task programs build without it.)
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/status.h"

namespace braid {

// The parsed arguments of one command. A value type; what is returned is the text that the user
// wrote, so that messages can quote it.
class Arguments {
 public:
  // `flags` take no value, `options` take one ("--name value" or "--name=value"); anything else
  // that begins with "--" is an error that names the nearest known one. "--" alone ends them: what
  // stands behind it is positional, however it begins.
  static Result<Arguments> Parse(int argc, const char* const* argv,
                                 const std::vector<std::string>& options,
                                 const std::vector<std::string>& flags = {});

  // The arguments that are neither options nor their values, in their order.
  const std::vector<std::string>& positional() const { return positional_; }
  // True iff the option or flag `name` (without "--") was given.
  bool Has(const std::string& name) const { return values_.contains(name); }
  // The value of option `name`, or `fallback` if the option was not given. A flag has the value "".
  // Of an option that was given twice, the last value counts.
  std::string Get(const std::string& name, const std::string& fallback = "") const;
  // The option as a whole number, or `fallback` if it was not given. Text that is not a whole
  // number and a number outside [least, most] are kInvalidArgument with the option and the range.
  Result<int64_t> GetInt(const std::string& name, int64_t fallback, int64_t least = INT64_MIN,
                         int64_t most = INT64_MAX) const;
  // The option as a finite number, or `fallback` if it was not given. Anything else is
  // kInvalidArgument with the option.
  Result<double> GetDouble(const std::string& name, double fallback) const;

 private:
  std::vector<std::string> positional_;
  std::map<std::string, std::string> values_;
};

}  // namespace braid
