#include "report/input/routing.h"

#include <algorithm>

#include "base/text.h"
#include "report/input/strict_fields.h"

namespace braid::report {
namespace {

// [layer choice, ...], or several of them.
Result<std::vector<std::vector<int64_t>>> ReadDecisions(const Json& json, const std::string& path) {
  std::vector<std::vector<int64_t>> all;
  if (json.is_null()) return all;
  BRAID_RETURN_IF_ERROR(CheckArray(json, path));
  // A flat list is one position.
  const Json rows = !json.empty() && json[0].is_number() ? Json::array({json}) : json;
  for (size_t i = 0; i < rows.size(); ++i) {
    BRAID_RETURN_IF_ERROR(CheckArray(rows[i], Format("%s.%zu", path.c_str(), i)));
    std::vector<int64_t> layers;
    for (const Json& choice : rows[i]) {
      if (!choice.is_number_integer() || choice.get<int64_t>() < 1) {
        return Wrong(Format("%s.%zu", path.c_str(), i), "choices counted from 1", choice);
      }
      layers.push_back(choice.get<int64_t>());
    }
    all.push_back(std::move(layers));
  }
  return all;
}

Result<RoutingShares> ReadShares(const Json& json, const std::string& path) {
  BRAID_RETURN_IF_ERROR(CheckObject(json, path));
  JsonReader read(json, path);
  RoutingShares shares;
  BRAID_ASSIGN_OR_RETURN(shares.shares, Percents(read.Value("shares"), path + ".shares"));
  const Json& correct = read.Value("correct");
  shares.decisions = shares.judged = read.Int("decisions", 0);
  BRAID_RETURN_IF_ERROR(FinishLenient(read, json));
  if (!correct.is_null()) {
    BRAID_ASSIGN_OR_RETURN(shares.correct, Percent(correct, path + ".correct"));
  }
  return shares;
}

// Shares of no decision at all: an evaluation of text alone may hold them for its prompts.
bool Empty(const RoutingShares& shares) {
  return std::all_of(shares.shares.begin(), shares.shares.end(),
                     [](double share) { return share == 0; });
}

Result<RoutedPrompt> ReadPrompt(const Json& json, const std::string& path) {
  BRAID_RETURN_IF_ERROR(CheckObject(json, path));
  JsonReader read(json, path);
  RoutedPrompt prompt;
  prompt.text = read.RequireString("text");
  prompt.correct = read.Int("correct", 0);
  const Json &decisions = read.Value("decisions"), &clean = read.Value("clean_decisions");
  BRAID_RETURN_IF_ERROR(FinishLenient(read, json));
  BRAID_ASSIGN_OR_RETURN(prompt.decisions, ReadDecisions(decisions, path + ".decisions"));
  BRAID_ASSIGN_OR_RETURN(prompt.clean_decisions, ReadDecisions(clean, path + ".clean_decisions"));
  return prompt;
}

}  // namespace

Result<Routing> ReadRouting(const Json& json, const std::string& path) {
  BRAID_RETURN_IF_ERROR(CheckObject(json, path));
  JsonReader read(json, path);
  const Json& noise = read.Value("noise");
  const Json &prompts = read.Value("prompts"), &summary = read.Value("summary"),
             &clean = read.Value("clean"), &text = read.Value("text");
  Routing routing;
  routing.own_prompts = read.Choice("prompt_set", "own", {"own", "default"}) == "own";
  BRAID_RETURN_IF_ERROR(FinishLenient(read, json));
  if (noise.is_boolean()) routing.noisy = noise.get<bool>();
  if (!prompts.is_null()) BRAID_RETURN_IF_ERROR(CheckArray(prompts, path + ".prompts"));
  // Only decisions on prompts that have a right answer can be right. Files count all of them.
  int64_t judged = 0;
  for (size_t i = 0; i < prompts.size(); ++i) {
    BRAID_ASSIGN_OR_RETURN(RoutedPrompt prompt,
                           ReadPrompt(prompts[i], Format("%s.prompts.%zu", path.c_str(), i)));
    if (prompt.correct > 0) {
      for (const auto& layers : prompt.decisions) judged += static_cast<int64_t>(layers.size());
    }
    routing.prompts.push_back(std::move(prompt));
  }
  if (!summary.is_null()) {
    BRAID_ASSIGN_OR_RETURN(routing.summary, ReadShares(summary, path + ".summary"));
    if (judged > 0) routing.summary->judged = judged;
    if (Empty(*routing.summary)) routing.summary.reset();
  }
  if (!clean.is_null()) {
    BRAID_ASSIGN_OR_RETURN(routing.clean, ReadShares(clean, path + ".clean"));
    if (judged > 0) routing.clean->judged = judged;
    if (Empty(*routing.clean)) routing.clean.reset();
  }
  if (!text.is_null()) BRAID_RETURN_IF_ERROR(CheckObject(text, path + ".text"));
  for (const auto& [corpus, value] : text.items()) {
    BRAID_ASSIGN_OR_RETURN(const RoutingShares shares, ReadShares(value, path + ".text." + corpus));
    if (!Empty(shares)) routing.text[corpus] = shares;
    if (!value.contains("clean")) continue;
    BRAID_ASSIGN_OR_RETURN(const RoutingShares clean_shares,
                           ReadShares(value["clean"], path + ".text." + corpus + ".clean"));
    if (!Empty(clean_shares)) routing.clean_text[corpus] = clean_shares;
  }
  return routing;
}

}  // namespace braid::report
