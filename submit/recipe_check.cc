#include "submit/recipe_check.h"

#include "base/excerpt.h"
#include "recipe/parse/parse_recipe.h"

namespace braid::submit {
namespace {

// Larger than any corpus, and small enough for sums over all corpora in int64_t.
constexpr int64_t kMaxTokens = int64_t{1} << 50;
constexpr int64_t kMaxRows = int64_t{1} << 31;

}  // namespace

Result<RecipeCheck> CheckRecipe(std::string_view text, const std::string& name,
                                const std::vector<std::string>& only, const recipe::Known& known) {
  RecipeCheck check;
  auto parsed = recipe::ParseRecipe(text, name);
  if (!parsed.ok()) {
    check.findings = FindingsOf(parsed.status(), name);
    return check;
  }
  check.recipe = std::move(*parsed);
  BRAID_RETURN_IF_ERROR(CheckKnown(*check.recipe, known));
  auto whole = recipe::Expand(*check.recipe, known);
  if (!whole.ok()) {
    check.findings = FindingsOf(whole.status(), name);
    return check;
  }
  BRAID_ASSIGN_OR_RETURN(check.dag, recipe::Only(*whole, only));
  check.findings = CautionsOf(check.dag, name);
  for (const recipe::Refusal& refusal : check.dag.refusals) {
    Finding finding;
    finding.recipe = name;
    finding.line = refusal.line;
    finding.field = refusal.field;
    finding.message = refusal.field + ": " + refusal.text;
    check.findings.push_back(std::move(finding));
  }
  return check;
}

std::vector<Finding> CautionsOf(const recipe::Dag& dag, const std::string& name) {
  std::vector<Finding> findings;
  for (const recipe::Caution& caution : dag.cautions) {
    Finding finding;
    finding.severity = Severity::kWarning;
    finding.recipe = name;
    finding.subject = caution.job;
    finding.message = caution.text;
    findings.push_back(std::move(finding));
  }
  return findings;
}

Status CheckKnown(const recipe::Recipe& recipe, const recipe::Known& known) {
  if (known.vocab < 0 || known.vocab > kMaxRows)
    return InvalidArgument("sizes.vocab: no tokenizer has " + std::to_string(known.vocab) +
                           " entries");
  for (const auto& [corpus, tokens] : known.tokens) {
    if (recipe.FindCorpus(corpus) == nullptr)
      return InvalidArgument("sizes.corpus_tokens: the recipe has no corpus " + Excerpt(corpus));
    if (tokens < 0 || tokens > kMaxTokens)
      return InvalidArgument("sizes.corpus_tokens: corpus " + corpus + " cannot have " +
                             std::to_string(tokens) + " tokens");
  }
  return OkStatus();
}

}  // namespace braid::submit
