#include "report/input/loss.h"

#include <cmath>

namespace braid::report {
namespace {

// The variance of a sum of differences, in nats squared, and `spread`, the sum over corpora of
// their squared variance divided by its degrees of freedom, from which those of the sum follow
// (Welch and Satterthwaite).
struct Spread {
  double variance = 0;
  double spread = 0;
  bool any = false;
};

// Whether a loss is the mean over the tokens of its groups.
bool IsOfGroups(const Loss& loss) {
  double sum = 0, tokens = 0;
  for (size_t g = 0; g < loss.group_losses.size(); ++g)
    sum += loss.group_losses[g], tokens += loss.group_tokens[g];
  return tokens > 0 && std::abs(sum / tokens - loss.loss) <= 1e-6 * (1 + std::abs(loss.loss));
}

// Adds one corpus; false if the two losses are not of the same groups.
bool AddSpread(const Loss& a, const Loss& b, Spread* all) {
  const size_t groups = a.group_losses.size();
  if (groups < 2 || a.group_tokens != b.group_tokens || b.group_losses.size() != groups)
    return false;
  if (!IsOfGroups(a) || !IsOfGroups(b)) return false;
  double sum = 0, tokens = 0, squares = 0;
  for (size_t g = 0; g < groups; ++g) {
    sum += a.group_losses[g] - b.group_losses[g];
    tokens += a.group_tokens[g];
  }
  for (size_t g = 0; g < groups; ++g) {
    const double off = a.group_losses[g] - b.group_losses[g] - a.group_tokens[g] * sum / tokens;
    squares += off * off;
  }
  const auto n = static_cast<double>(groups);
  const double variance = n / (n - 1) * squares;
  all->variance += variance;
  all->spread += variance * variance / (n - 1);
  all->any = true;
  return true;
}

}  // namespace

Estimate LossDifference(const Losses& a, const Losses& b, const std::string& corpus) {
  const Estimate unknown{a.at(corpus).loss - b.at(corpus).loss};
  Spread spread;
  for (const auto& [name, loss] : a) {
    if (name == "all" || (corpus != "all" && name != corpus)) continue;
    const auto other = b.find(name);
    if (other == b.end() || !AddSpread(loss, other->second, &spread)) return unknown;
  }
  const auto tokens = static_cast<double>(a.at(corpus).tokens);
  if (!spread.any || tokens <= 0 || a.at(corpus).tokens != b.at(corpus).tokens) return unknown;
  Estimate known{unknown.value, spread.variance / (tokens * tokens)};
  if (spread.spread > 0) known.freedom = spread.variance * spread.variance / spread.spread;
  return known;
}

}  // namespace braid::report
