#include "report/document.h"

namespace braid::report {
namespace {

constexpr char kStyle[] =
    "body{font:16px/1.5 system-ui,sans-serif;max-width:68rem;margin:2rem auto;padding:0 1rem;color:#1b1b1f;background:#fff}"
    "table{border-collapse:collapse;margin:1rem 0;display:block;overflow-x:auto}"
    "th,td{padding:.3rem .7rem;border-bottom:1px solid #ddd;text-align:left;vertical-align:top}"
    "td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}"
    "pre{background:#f5f5f7;padding:1rem;overflow-x:auto;white-space:pre-wrap}"
    "figure{margin:1.5rem 0}figcaption{color:#555}svg{max-width:100%;height:auto}";

void Add(const Table& table, std::string* html) {
  *html += "<table><thead><tr>";
  for (const Table::Column& column : table.columns) {
    *html += std::string("<th") + (column.right ? " class=\"n\"" : "") + ">" + EscapeHtml(column.title) + "</th>";
  }
  *html += "</tr></thead><tbody>\n";
  for (const auto& row : table.rows) {
    *html += "<tr>";
    for (size_t i = 0; i < table.columns.size(); ++i) {
      *html += std::string("<td") + (table.columns[i].right ? " class=\"n\"" : "") + ">" +
               EscapeHtml(i < row.size() ? row[i] : "") + "</td>";
    }
    *html += "</tr>\n";
  }
  *html += "</tbody></table>\n";
}

}  // namespace

std::string EscapeHtml(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&': escaped += "&amp;"; break;
      case '<': escaped += "&lt;"; break;
      case '>': escaped += "&gt;"; break;
      case '"': escaped += "&quot;"; break;
      case '\'': escaped += "&#39;"; break;
      default: escaped += c;
    }
  }
  return escaped;
}

std::string ToHtml(const Document& document) {
  std::string html = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                     "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>" +
                     EscapeHtml(document.title()) + "</title><style>" + kStyle + "</style></head><body>\n<h1>" +
                     EscapeHtml(document.title()) + "</h1>\n";
  for (const Document::Block& block : document.blocks()) {
    const std::string level = std::to_string(block.level);
    switch (block.kind) {
      case Document::Block::Kind::kHeading:
        html += "<h" + level + ">" + EscapeHtml(block.text) + "</h" + level + ">\n";
        break;
      case Document::Block::Kind::kText:
        html += "<p>" + EscapeHtml(block.text) + "</p>\n";
        break;
      case Document::Block::Kind::kTable:
        Add(block.table, &html);
        break;
      case Document::Block::Kind::kCode:
        html += "<pre>" + EscapeHtml(block.text) + "</pre>\n";
        break;
      case Document::Block::Kind::kPlot:
        html += "<figure>" + block.svg + "<figcaption>" + EscapeHtml(block.text) + "</figcaption></figure>\n";
        break;
    }
  }
  return html + "</body></html>\n";
}

}  // namespace braid::report
