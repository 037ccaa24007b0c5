#include "trace/sampler.h"

#include <cmath>

#include "base/text.h"

namespace braid::trace {
namespace {

constexpr std::string_view kParentBased = "parentbased_";

Result<double> RatioOf(std::string_view argument) {
  if (argument.empty()) return 1.0;
  const Result<double> ratio = ParseDouble(argument);
  if (ratio.ok() && *ratio >= 0 && *ratio <= 1) return *ratio;
  return InvalidArgument("OTEL_TRACES_SAMPLER_ARG=" + std::string(argument) +
                         ": it must be a number from 0 to 1");
}

}  // namespace

Result<Sampler> ParseSampler(std::string_view name, std::string_view argument) {
  Sampler sampler;
  if (name.empty()) return sampler;
  sampler.parent_based = name.starts_with(kParentBased);
  const std::string_view root = sampler.parent_based ? name.substr(kParentBased.size()) : name;
  if (root == "always_on") return sampler;
  if (root == "always_off") {
    sampler.ratio = 0;
    return sampler;
  }
  if (root == "traceidratio") {
    BRAID_ASSIGN_OR_RETURN(sampler.ratio, RatioOf(argument));
    return sampler;
  }
  return InvalidArgument(
      "OTEL_TRACES_SAMPLER=" + std::string(name) +
      ": it must be always_on, always_off or traceidratio, or one of these behind parentbased_");
}

bool IsSampled(const Sampler& sampler, std::string_view trace_id, std::optional<bool> parent) {
  if (sampler.parent_based && parent.has_value()) return *parent;
  if (sampler.ratio >= 1) return true;
  if (sampler.ratio <= 0 || trace_id.size() != 32) return false;
  uint64_t low = 0;
  for (const char c : trace_id.substr(16))
    low = low << 4 | static_cast<uint64_t>(c <= '9' ? c - '0' : c - 'a' + 10);
  return static_cast<double>(low) < std::ldexp(sampler.ratio, 64);
}

}  // namespace braid::trace
