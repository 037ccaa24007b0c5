#include "merge/account.h"

#include "base/text.h"

namespace braid::merge {
namespace {

// The words of merge.json, which stay as they were: "concatenate" also for parts of one tensor.
const char* RuleName(Rule rule) {
  switch (rule) {
    case Rule::kCopy:
      return "copy";
    case Rule::kAssemble:
      return "concatenate";
    case Rule::kPartial:
      return "partial";
    case Rule::kInitialize:
      return "initialize";
  }
  return "";
}

// A half-open range, as merge.json has it.
Json Range(int64_t begin, int64_t size) {
  return {begin, begin + size};
}

Json ToJson(const Source& source, const MergePlan& plan) {
  const Overlap& part = source.overlap;
  return {{"parent", plan.sources[source.from]},
          {"tensor", source.tensor},
          {"rows", Range(part.row, part.rows)},
          {"columns", Range(part.column, part.columns)},
          {"from_rows", Range(part.from_row, part.rows)},
          {"from_columns", Range(part.from_column, part.columns)}};
}

// An inclusive range of rows or columns, for people.
std::string InclusiveRange(int64_t begin, int64_t size) {
  return Format("%lld..%lld", (long long)begin, (long long)(begin + size - 1));
}

// "base:share.weight", or of a part "base:share.weight[columns 0..7]".
std::string SourceText(const Source& source, const Target& target, const MergePlan& plan) {
  const Overlap& part = source.overlap;
  const Extent extent = ExtentOf(target.tensor.shape);
  std::vector<std::string> ranges;
  if (part.rows != extent.rows) ranges.push_back("rows " + InclusiveRange(part.row, part.rows));
  if (part.columns != extent.columns)
    ranges.push_back("columns " + InclusiveRange(part.column, part.columns));
  const std::string name = plan.sources[source.from] + ":" + source.tensor;
  return target.rule == Rule::kPartial && !ranges.empty() ? name + "[" + Join(ranges, ", ") + "]"
                                                          : name;
}

// "a:blocks.0.ffn_norm.weight | b:blocks.0.ffn_norm.weight", or what is new.
std::string TargetText(const Target& target, const MergePlan& plan) {
  if (target.rule == Rule::kInitialize) return "new";
  std::vector<std::string> sources;
  for (const Source& source : target.sources) sources.push_back(SourceText(source, target, plan));
  if (target.rule == Rule::kPartial) sources.push_back("the rest new");
  return Join(sources, " | ");
}

// The first line for people: how large the composite is, and how much of it was trained.
std::string Head(const MergePlan& plan, int64_t taken, int64_t fresh) {
  std::vector<std::string> widths;
  for (const model::Stack& path : plan.model.paths) widths.push_back(std::to_string(path.d));
  return Format("%s: %s, %zu paths of width %s, %s parameters: %s from the parents%s, %s new%s\n",
                plan.model.name.c_str(), schema::NameOf(plan.model.connection.kind).c_str(),
                plan.model.paths.size(), Join(widths, " + ").c_str(),
                FormatCount(static_cast<double>(taken + fresh)).c_str(),
                FormatCount(static_cast<double>(taken)).c_str(), plan.base ? " and the base" : "",
                FormatCount(static_cast<double>(fresh)).c_str(),
                plan.carry_optimizer ? "; the optimizer's state is carried" : "");
}

std::string SourcesMarkdown(const Json& tensor) {
  std::vector<std::string> sources;
  const std::string rule = tensor["rule"].get<std::string>();
  for (const Json& source : tensor["sources"]) {
    std::string text = source["parent"].get<std::string>() + " `" +
                       source["tensor"].get<std::string>() + "`";
    if (rule == "partial")
      text += " at rows " + source["rows"].dump() + ", columns " + source["columns"].dump();
    sources.push_back(text);
  }
  if (rule == "partial") sources.push_back("the rest new");
  return sources.empty() ? "new" : Join(sources, ", ");
}

}  // namespace

Json ToJson(const MergePlan& plan) {
  Json tensors = Json::array();
  for (const Target& target : plan.targets) {
    Json sources = Json::array();
    for (const Source& source : target.sources) sources.push_back(ToJson(source, plan));
    tensors.push_back({{"name", target.tensor.name},
                       {"shape", target.tensor.shape},
                       {"rule", RuleName(target.rule)},
                       {"sources", sources}});
    if (plan.carry_optimizer) tensors.back()["moments"] = {{"age", target.age}};
  }
  Json dropped = Json::array();
  for (const Dropped& tensor : plan.dropped) {
    dropped.push_back({{"parent", plan.sources[tensor.from]},
                       {"tensor", tensor.tensor},
                       {"elements", tensor.unused_elements},
                       {"of", tensor.total_elements}});
  }
  // The base, if there is one, is the last source and no parent.
  const std::vector<std::string> parents(plan.sources.begin(),
                                         plan.sources.end() - (plan.base ? 1 : 0));
  return {{"format", 1},
          {"model", model::ToJson(plan.model)},
          {"seed", plan.seed},
          {"parents", parents},
          {"base", plan.base},
          {"carry_optimizer", plan.carry_optimizer},
          {"tensors", tensors},
          {"dropped", dropped},
          {"parameters", model::ParameterCount(plan.model)}};
}

std::string ToText(const MergePlan& plan) {
  int64_t taken = 0, all = 0;
  std::string rows;
  for (const Target& target : plan.targets) {
    for (const Source& source : target.sources)
      taken += source.overlap.rows * source.overlap.columns;
    all += target.tensor.elements();
    rows += Format("  %-40s %-14s %s\n", target.tensor.name.c_str(),
                   Json(target.tensor.shape).dump().c_str(), TargetText(target, plan).c_str());
  }
  for (const Dropped& tensor : plan.dropped) {
    rows += "  dropped: " + plan.sources[tensor.from] + ":" + tensor.tensor;
    if (tensor.unused_elements < tensor.total_elements)
      rows += Format(" (%lld of %lld elements)", (long long)tensor.unused_elements,
                     (long long)tensor.total_elements);
    rows += "\n";
  }
  return Head(plan, taken, all - taken) + rows;
}

std::string AccountMarkdown(const Json& account) {
  const bool moments = account["carry_optimizer"].get<bool>();
  std::string text = "# Merge account: " + account["model"]["name"].get<std::string>() + "\n\n";
  text += Format(
      "Seed %lld, %s parameters. Every part was read back and is bit-equal to where it comes "
      "from%s.\n\n",
      (long long)account["seed"].get<int64_t>(),
      FormatCount(account["parameters"].get<double>()).c_str(),
      moments ? ", and so is the optimizer's state; age is how many updates made it" : "");
  text += moments ? "| tensor | shape | from | SHA-256 | age |\n|---|---|---|---|---|\n"
                  : "| tensor | shape | from | SHA-256 |\n|---|---|---|---|\n";
  for (const Json& tensor : account["tensors"]) {
    text += "| `" + tensor["name"].get<std::string>() + "` | " + tensor["shape"].dump() + " | " +
            SourcesMarkdown(tensor) + " | " + tensor.value("sha256", "").substr(0, 16) + " |" +
            (moments ? " " + tensor["moments"]["age"].dump() + " |" : "") + "\n";
  }
  for (const Json& dropped : account["dropped"]) {
    text += "\nDropped: " + dropped["parent"].get<std::string>() + " `" +
            dropped["tensor"].get<std::string>() + "`, " + dropped["elements"].dump() + " of " +
            dropped["of"].dump() + " elements";
  }
  return text + "\n";
}

}  // namespace braid::merge
