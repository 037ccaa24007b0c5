#include "report/tables/next_token_table.h"

#include "base/text.h"

namespace braid::report {
namespace {

void AddRow(const std::string& model, const std::string& file, const NextToken::Text& text,
            Table* table) {
  table->rows.push_back({model, file, ToText(text.loss, 4), ToText(text.bits_per_byte, 4),
                         ToText(text.top1, 2), Format("%.2f", text.top5),
                         FormatCount(static_cast<double>(text.tokens)),
                         std::to_string(text.documents)});
}

}  // namespace

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
    const auto& next_token = model.evaluation.next_token;
    if (!next_token.has_value()) continue;
    for (const auto& [file, text] : next_token->files) AddRow(model.name, file, text, &table);
    if (next_token->files.size() > 1) AddRow(model.name, "all", next_token->all, &table);
  }
  return table;
}

}  // namespace braid::report
