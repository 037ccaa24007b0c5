#include "report/input/loss.h"

#include <cmath>
#include <utility>

#include "report/input/strict_fields.h"

namespace braid::report {
namespace {

Status ReadGroups(const Json& json, const std::string& path, Loss* loss) {
  BRAID_RETURN_IF_ERROR(CheckObject(json, path));
  for (const auto& [key, into] :
       {std::pair{"loss", &loss->group_losses}, {"tokens", &loss->group_tokens}}) {
    BRAID_ASSIGN_OR_RETURN(*into, NumberList(json.value(key, Json()), path + "." + key));
  }
  if (loss->group_losses.size() == loss->group_tokens.size()) return OkStatus();
  return InvalidArgument(path + ": loss and tokens are not of as many groups");
}

Result<Loss> ReadLoss(const Json& json, const std::string& path) {
  BRAID_RETURN_IF_ERROR(CheckObject(json, path));
  JsonReader read(json, path);
  Loss loss;
  loss.loss = read.RequireDouble("loss");
  loss.perplexity = read.RequireDouble("perplexity");
  loss.tokens = read.Int("tokens", 0);
  loss.bits_per_byte = read.Double("bits_per_byte", 0);
  const Json& groups = read.Value("groups");
  BRAID_RETURN_IF_ERROR(FinishLenient(read, json));
  if (!groups.is_null()) BRAID_RETURN_IF_ERROR(ReadGroups(groups, path + ".groups", &loss));
  return loss;
}

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

std::string CorpusTitle(const std::string& corpus) {
  return corpus == kAllText ? "all text" : corpus;
}

Result<Losses> ReadLosses(const Json& json, const std::string& path) {
  BRAID_RETURN_IF_ERROR(CheckObject(json, path));
  Losses losses;
  for (const auto& [corpus, value] : json.items()) {
    BRAID_ASSIGN_OR_RETURN(losses[corpus], ReadLoss(value, path + "." + corpus));
  }
  return losses;
}

Estimate LossDifference(const Losses& a, const Losses& b, const std::string& corpus) {
  const Estimate unknown{a.at(corpus).loss - b.at(corpus).loss};
  Spread spread;
  for (const auto& [name, loss] : a) {
    if (name == kAllText || (corpus != kAllText && name != corpus)) continue;
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
