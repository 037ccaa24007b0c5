// How well models predict the next token of given text: `next_token` of evaluation.json.
#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "report/input/strict_fields.h"
#include "report/parts/part.h"

namespace braid::report {
namespace {

struct NextToken {
  // A file, or all of them. Intervals are those of the documents drawn: a ratio of sums, documents
  // (or groups of consecutive ones) being the units. Not known over all files and of a single
  // document.
  struct Text {
    int64_t documents = 0, tokens = 0, bytes = 0;
    Estimate loss;           // nats a token
    Estimate bits_per_byte;  // over the bytes of the files
    Estimate top1;           // per cent of the tokens that are the model's first guess
    double top5 = 0;         // per cent of those among its first five
  };
  int64_t window = 0, stride = 0;  // tokens
  std::map<std::string, Text> files;
  Text all;
};

// Sums over groups of consecutive documents.
struct TextGroups {
  std::vector<double> loss, tokens, bytes, top1;
};

Result<TextGroups> ReadTextGroups(const Json& json, const std::string& path) {
  BRAID_RETURN_IF_ERROR(CheckObject(json, path));
  TextGroups groups;
  for (const auto& [field, into] : {std::pair{"loss", &groups.loss},
                                    {"tokens", &groups.tokens},
                                    {"bytes", &groups.bytes},
                                    {"top1", &groups.top1}}) {
    BRAID_ASSIGN_OR_RETURN(*into, NumberList(json.value(field, Json()), path + "." + field));
    if (into->size() != groups.loss.size())
      return InvalidArgument(path + ": loss and " + field + " are not of as many groups");
  }
  return groups;
}

// sum(a) / sum(b), times `factor`, with the variance of a ratio of sums over the units drawn.
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
  BRAID_ASSIGN_OR_RETURN(const TextGroups of, ReadTextGroups(groups, path + ".groups"));
  if (of.loss.size() < 2) return text;
  text.loss = Ratio(of.loss, of.tokens, 1);
  text.bits_per_byte = Ratio(of.loss, of.bytes, 1 / std::log(2.0));
  text.top1 = Ratio(of.top1, of.tokens, 100);
  return text;
}

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

Json TextJson(const NextToken::Text& text) {
  return {{"documents", text.documents},
          {"tokens", text.tokens},
          {"bytes", text.bytes},
          {"loss", ToJson(text.loss)},
          {"bits_per_byte", ToJson(text.bits_per_byte)},
          {"top1", ToJson(text.top1)},
          {"top5", text.top5}};
}

void AddNextTokenJson(const Results& /*results*/, const ModelResult& model, Json* json) {
  const NextToken* next_token = model.Find<NextToken>();
  if (next_token == nullptr) return;
  Json& part = (*json)["next_token"];
  part = {{"window", next_token->window},
          {"stride", next_token->stride},
          {"all", TextJson(next_token->all)}};
  for (const auto& [file, text] : next_token->files) part["files"][file] = TextJson(text);
}

void AddTextRow(const std::string& model, const std::string& file, const NextToken::Text& text,
                Table* table) {
  table->rows.push_back({model, file, ToText(text.loss, 4), ToText(text.bits_per_byte, 4),
                         ToText(text.top1, 2), Format("%.2f", text.top5),
                         FormatCount(static_cast<double>(text.tokens)),
                         std::to_string(text.documents)});
}

// A row a model and file, in the order of the models, and one over all files where there are
// several.
Table NextTokenTable(const Results& results) {
  Table table;
  table.columns = {{"model"},
                   {"file"},
                   {"loss", true},
                   {"bits a byte", true},
                   {"first guess, %", true},
                   {"first five, %", true},
                   {"tokens", true},
                   {"documents", true}};
  for (const ModelResult& model : results.models) {
    const NextToken* next_token = model.Find<NextToken>();
    if (next_token == nullptr) continue;
    for (const auto& [file, text] : next_token->files) AddTextRow(model.name, file, text, &table);
    if (next_token->files.size() > 1) AddTextRow(model.name, kAllText, next_token->all, &table);
  }
  return table;
}

void AddNextToken(const Report& report, Document* document) {
  Table table = NextTokenTable(report.results);
  if (table.rows.empty()) return;
  document->Heading("The next token of given text");
  document->Text(
      "Loss in nats a token, bits for each byte of the files, and how often the token that follows "
      "is the model's first guess or among its first five. The ends of documents are not "
      "predicted. Intervals (95 %) are of the documents; a single document has none.");
  document->Add(std::move(table));
}

}  // namespace

Part NextTokenPart() {
  return {.name = "next_token",
          .fields = {FieldOf<ReadNextToken>("next_token")},
          .add_to_model_json = AddNextTokenJson,
          .add_to_report = AddNextToken};
}

}  // namespace braid::report
