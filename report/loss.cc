#include "report/loss.h"

namespace braid::report {
namespace {

// What one corpus adds to the variance of a sum of differences, in nats squared, and its degrees of freedom; false if the two
// losses are not of the same groups.
bool AddSpread(const Loss& a, const Loss& b, double* variance, double* freedom) {
  const size_t groups = a.group_losses.size();
  if (groups < 2 || a.group_tokens != b.group_tokens || b.group_losses.size() != groups) return false;
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
  *variance += n / (n - 1) * squares;
  *freedom += n - 1;
  return true;
}

}  // namespace

Estimate LossDifference(const Losses& a, const Losses& b, const std::string& corpus) {
  const Estimate unknown{a.at(corpus).loss - b.at(corpus).loss};
  double variance = 0, freedom = 0;
  for (const auto& [name, loss] : a) {
    if (name == "all" || (corpus != "all" && name != corpus)) continue;
    const auto other = b.find(name);
    if (other == b.end() || !AddSpread(loss, other->second, &variance, &freedom)) return unknown;
  }
  const auto tokens = static_cast<double>(a.at(corpus).tokens);
  if (freedom < 1 || tokens <= 0 || a.at(corpus).tokens != b.at(corpus).tokens) return unknown;
  return {unknown.value, variance / (tokens * tokens), freedom};
}

}  // namespace braid::report
