#include "base/arguments.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "base/text.h"

namespace braid {

Result<Arguments> Arguments::Parse(int argc, const char* const* argv,
                                   const std::vector<std::string>& options,
                                   const std::vector<std::string>& flags) {
  Arguments arguments;
  const auto known = [](const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  bool options_ended = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--" && !options_ended) {
      options_ended = true;
      continue;
    }
    if (options_ended || !word.starts_with("--")) {
      arguments.positional_.emplace_back(word);
      continue;
    }
    const size_t equals = word.find('=');
    const std::string name(word.substr(2, equals == std::string_view::npos ? equals : equals - 2));
    // "--flag=value" is refused as an unknown option instead of losing the value silently.
    if (known(flags, name) && equals == std::string_view::npos) {
      arguments.values_[name] = "";
    } else if (known(options, name)) {
      if (equals != std::string_view::npos) {
        arguments.values_[name] = std::string(word.substr(equals + 1));
      } else if (++i < argc) {
        arguments.values_[name] = argv[i];
      } else {
        return InvalidArgument("--" + name + " needs a value");
      }
    } else {
      std::vector<std::string> all = options;
      all.insert(all.end(), flags.begin(), flags.end());
      const std::string nearest = NearestWord(name, all);
      return InvalidArgument(
          "unknown option --" + name +
          (nearest.empty() ? std::string() : "; did you mean --" + nearest + "?"));
    }
  }
  return arguments;
}

std::string Arguments::Get(const std::string& name, const std::string& fallback) const {
  const auto it = values_.find(name);
  return it == values_.end() ? fallback : it->second;
}

Result<int64_t> Arguments::GetInt(const std::string& name, int64_t fallback, int64_t least,
                                  int64_t most) const {
  if (!Has(name)) return fallback;
  auto value = ParseInt(Get(name));
  if (!value.ok()) return value.status().Wrap("--" + name);
  if (*value >= least && *value <= most) return value;
  if (most == INT64_MAX)
    return InvalidArgument(Format("--%s: must be at least %lld, is %lld", name.c_str(),
                                  (long long)least, (long long)*value));
  return InvalidArgument(Format("--%s: must be in %lld .. %lld, is %lld", name.c_str(),
                                (long long)least, (long long)most, (long long)*value));
}

Result<double> Arguments::GetDouble(const std::string& name, double fallback) const {
  if (!Has(name)) return fallback;
  auto value = ParseDouble(Get(name));
  if (!value.ok()) return value.status().Wrap("--" + name);
  if (!std::isfinite(*value))
    return InvalidArgument("--" + name + ": must be finite, is " + Get(name));
  return value;
}

}  // namespace braid
