#include "model/connection.h"

#include <cmath>

#include "base/text.h"
#include "model/fields.h"
#include "schema/read.h"

namespace braid::model {

bool StartsFromPaths(const Connection& connection) {
  return connection.is_slice() || connection.init != ConnectInit::kNormal;
}

int64_t DefaultLargeBlocks(const Connection& connection) {
  return connection.is_slice() ? 0 : 2;
}

Result<Connection> ConnectionFromJson(const Json& json, const std::string& path) {
  return schema::FromJson<Connection>(json, path);
}

std::string WhyNoRank(const Connection& connection, int64_t width) {
  const int64_t rank = connection.cross_rank;
  if (rank < 0) return "must be at least 0";
  if (rank > 0 && !connection.cross) return "is of cross; give cross: true too";
  if (2 * rank < width || rank == 0) return "";
  return Format(
      "two maps of rank %lld are no smaller than a whole one of width %lld; give less "
      "than %lld, or leave it out",
      (long long)rank, (long long)width, (long long)((width + 1) / 2));
}

Status ValidateConnection(const Connection& connection, size_t paths, const std::string& where) {
  const auto fail = [&](const std::string& field, const std::string& message) {
    return InvalidArgument(where + "." + field + ": " + message);
  };
  // A field of another kind would be ignored, so a value that differs from the default is a
  // mistake.
  if (!connection.is_routed() && !(connection.router == Router{}))
    return fail("router", "only routed connections have one");
  if (!(connection.router.tau > 0) || !std::isfinite(connection.router.tau))
    return fail("router.tau", "must be above 0");
  const bool slice = connection.is_slice();
  if (slice && connection.residual)
    return fail("residual", "a slice connection never cuts the residual stream");
  if (slice && connection.init != ConnectInit::kNormal)
    return fail("init", "a slice connection has nothing to begin as that");
  if (slice && connection.norm) return fail("norm", "a slice connection has none to norm");
  if (!slice && connection.cross) return fail("cross", "only slice connections have it");
  if (!slice && !connection.weights.empty())
    return fail("weights", "only slice connections have them");
  if (!connection.weights.empty() && connection.weights.size() != paths) {
    return fail("weights",
                Format("has %zu numbers for %zu paths", connection.weights.size(), paths));
  }
  for (const double weight : connection.weights) {
    if (!std::isfinite(weight)) return fail("weights", "must be finite");
  }
  return OkStatus();
}

}  // namespace braid::model
