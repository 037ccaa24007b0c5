#include "report/input/next_token.h"

#include <cmath>

#include "base/text.h"
#include "report/input/strict_fields.h"

namespace braid::report {
namespace {

// The sums of groups of documents.
struct Groups {
  std::vector<double> loss, tokens, bytes, top1;
};

Result<std::vector<double>> ReadNumbers(const Json& json, const std::string& path) {
  BRAID_RETURN_IF_ERROR(CheckArray(json, path));
  std::vector<double> numbers;
  for (const Json& value : json) {
    BRAID_ASSIGN_OR_RETURN(const double number, Number(value, path));
    numbers.push_back(number);
  }
  return numbers;
}

Result<Groups> ReadTextGroups(const Json& json, const std::string& path) {
  BRAID_RETURN_IF_ERROR(CheckObject(json, path));
  Groups groups;
  for (const auto& [field, into] : {std::pair{"loss", &groups.loss},
                                    {"tokens", &groups.tokens},
                                    {"bytes", &groups.bytes},
                                    {"top1", &groups.top1}}) {
    BRAID_ASSIGN_OR_RETURN(*into, ReadNumbers(json.value(field, Json()), path + "." + field));
    if (into->size() != groups.loss.size())
      return InvalidArgument(path + ": loss and " + field + " are not of as many groups");
  }
  return groups;
}

// sum(a) / sum(b), times `factor`.
Estimate Ratio(const std::vector<double>& a, const std::vector<double>& b, double factor) {
  double sum_a = 0, sum_b = 0, squares = 0;
  for (size_t g = 0; g < a.size(); ++g) sum_a += a[g], sum_b += b[g];
  Estimate ratio{factor * sum_a / sum_b};
  const auto n = static_cast<double>(a.size());
  if (a.size() < 2) return ratio;
  for (size_t g = 0; g < a.size(); ++g) squares += std::pow(a[g] - b[g] * sum_a / sum_b, 2);
  ratio.variance = factor * factor * n / (n - 1) * squares / (sum_b * sum_b);
  ratio.freedom = n - 1;
  return ratio;
}

Result<NextToken::Text> ReadText(const Json& json, const std::string& path) {
  BRAID_RETURN_IF_ERROR(CheckObject(json, path));
  JsonReader read(json, path);
  NextToken::Text text;
  text.documents = read.Int("documents", 0);
  text.tokens = read.RequireInt("tokens");
  text.bytes = read.RequireInt("bytes");
  text.loss.value = read.RequireDouble("loss");
  text.bits_per_byte.value = read.RequireDouble("bits_per_byte");
  const Json &top1 = read.Value("top1"), &top5 = read.Value("top5");
  const Json& groups = read.Value("groups");
  if (text.tokens <= 0 || text.bytes <= 0) read.Fail("tokens", "tokens and bytes must be above 0");
  BRAID_RETURN_IF_ERROR(FinishLenient(read, json));
  BRAID_ASSIGN_OR_RETURN(text.top1.value, Percent(top1, path + ".top1"));
  BRAID_ASSIGN_OR_RETURN(text.top5, Percent(top5, path + ".top5"));
  if (groups.is_null()) return text;
  BRAID_ASSIGN_OR_RETURN(const Groups of, ReadTextGroups(groups, path + ".groups"));
  if (of.loss.size() < 2) return text;
  text.loss = Ratio(of.loss, of.tokens, 1);
  text.bits_per_byte = Ratio(of.loss, of.bytes, 1 / std::log(2.0));
  text.top1 = Ratio(of.top1, of.tokens, 100);
  return text;
}

Json EstimateJson(const Estimate& estimate) {
  return {{"value", estimate.value},
          {"half_width", estimate.has_interval() ? Json(estimate.HalfWidth()) : Json()}};
}

Json TextJson(const NextToken::Text& text) {
  return {{"documents", text.documents},
          {"tokens", text.tokens},
          {"bytes", text.bytes},
          {"loss", EstimateJson(text.loss)},
          {"bits_per_byte", EstimateJson(text.bits_per_byte)},
          {"top1", EstimateJson(text.top1)},
          {"top5", text.top5}};
}

}  // namespace

Result<NextToken> ReadNextToken(const Json& json, const std::string& path) {
  BRAID_RETURN_IF_ERROR(CheckObject(json, path));
  JsonReader read(json, path);
  NextToken next_token;
  next_token.window = read.RequireInt("window");
  next_token.stride = read.RequireInt("stride");
  const Json &files = read.RequireObject("files"), &all = read.RequireObject("all");
  BRAID_RETURN_IF_ERROR(FinishLenient(read, json));
  for (const auto& [name, value] : files.items()) {
    BRAID_ASSIGN_OR_RETURN(next_token.files[name], ReadText(value, path + ".files." + name));
  }
  BRAID_ASSIGN_OR_RETURN(next_token.all, ReadText(all, path + ".all"));
  return next_token;
}

Json ToJson(const NextToken& next_token) {
  Json json = {{"window", next_token.window},
               {"stride", next_token.stride},
               {"all", TextJson(next_token.all)}};
  for (const auto& [file, text] : next_token.files) json["files"][file] = TextJson(text);
  return json;
}

}  // namespace braid::report
