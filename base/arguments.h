// Command lines of the task programs: `braid-merge plan A B --composite FILE --seed=7`. (The CLI
// and the services use CLI11; the task programs build without it.)
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/status.h"

namespace braid {

class Arguments {
 public:
  // `flags` take no value, `options` take one ("--name value" or "--name=value"); anything else
  // that begins with "--" is an error that names the nearest known one.
  static Result<Arguments> Parse(int argc, const char* const* argv,
                                 const std::vector<std::string>& options,
                                 const std::vector<std::string>& flags = {});

  const std::vector<std::string>& positional() const { return positional_; }
  bool Has(const std::string& name) const { return values_.contains(name); }
  std::string Get(const std::string& name, const std::string& fallback = "") const;
  // What is not in least .. most is an error that says the range.
  Result<int64_t> GetInt(const std::string& name, int64_t fallback, int64_t least = INT64_MIN,
                         int64_t most = INT64_MAX) const;
  // Finite.
  Result<double> GetDouble(const std::string& name, double fallback) const;

 private:
  std::vector<std::string> positional_;
  std::map<std::string, std::string> values_;
};

}  // namespace braid
