#include <algorithm>
#include <cctype>

#include "report/page/document.h"

namespace braid::report {
namespace {

// Colours are named once, for light and for dark; everything else speaks of names.
constexpr char kStyle[] = R"(
:root{color-scheme:light dark;--back:#fff;--soft:#f6f7f9;--line:#e3e5ea;--text:#1c1e24;--dim:#5d6370;--link:#0b62b8;
--holds:#0a7a4b;--holds-back:#e3f5ec;--fails:#b3261e;--fails-back:#fbe9e7;--open:#7a5b00;--open-back:#fbf3d9}
@media (prefers-color-scheme:dark){:root{--back:#14161a;--soft:#1d2026;--line:#31353e;--text:#e6e8ec;--dim:#9aa1ad;--link:#7ab8ff;
--holds:#63d6a0;--holds-back:#12332a;--fails:#ff9a90;--fails-back:#3c1d1b;--open:#e9c766;--open-back:#362d12}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--text);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}
.page{display:grid;grid-template-columns:13rem minmax(0,1fr);gap:3rem;max-width:92rem;margin:0 auto;padding:2.2rem 2rem 5rem}
nav{position:sticky;top:2rem;align-self:start;font-size:.875rem;max-height:calc(100vh - 4rem);overflow:auto}
nav b{display:block;color:var(--dim);font-weight:600;margin-bottom:.4rem}
nav a{display:block;padding:.18rem 0 .18rem .8rem;border-left:2px solid var(--line);color:var(--dim)}
nav a:hover{color:var(--text);border-color:var(--link);text-decoration:none}
h1{font-size:1.9rem;line-height:1.2;margin:0 0 .6rem;letter-spacing:-.01em}
h2{font-size:1.3rem;line-height:1.3;margin:3rem 0 .8rem;padding-top:1.2rem;border-top:1px solid var(--line)}
h3{font-size:1.05rem;margin:2rem 0 .5rem}
p{max-width:52rem;margin:.6rem 0}
.wide{overflow-x:auto;margin:1rem 0;border:1px solid var(--line);border-radius:8px}
table{border-collapse:collapse;width:100%;font-size:.9rem;line-height:1.4}
th,td{padding:.45rem .8rem;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
tbody tr:last-child td{border-bottom:0}
thead th{background:var(--soft);color:var(--dim);font-weight:600;vertical-align:bottom}
tbody tr:hover td{background:var(--soft)}
td.n,th.n{text-align:right}td.n{font-variant-numeric:tabular-nums;white-space:nowrap}
td.first{font-weight:500}td.short{white-space:nowrap}td.long{min-width:18rem}
tr.group th{background:var(--back);color:var(--text);font-weight:600;padding-top:.9rem}
td.strong{font-weight:700}
.badge{display:inline-block;white-space:nowrap;border-radius:99px;padding:.05rem .6rem;font-size:.8rem;font-weight:600}
.holds{color:var(--holds);background:var(--holds-back)}
.fails{color:var(--fails);background:var(--fails-back)}
.open{color:var(--open);background:var(--open-back)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(12.5rem,1fr));gap:.9rem;margin:1.4rem 0}
.tile{background:var(--soft);border:1px solid var(--line);border-radius:10px;padding:.9rem 1.1rem}
.tile .label{color:var(--dim);font-size:.83rem}
.tile .value{font-size:1.55rem;font-weight:650;line-height:1.25;font-variant-numeric:tabular-nums}
.tile .note{color:var(--dim);font-size:.83rem}
pre{background:var(--soft);border:1px solid var(--line);border-radius:8px;padding:.8rem 1rem;overflow-x:auto;white-space:pre-wrap;
overflow-wrap:anywhere;font:.85rem/1.5 ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace}
figure{margin:1.4rem 0}figcaption{color:var(--dim);font-size:.875rem}
svg{max-width:100%;height:auto;display:block}
details{margin:1rem 0}summary{cursor:pointer;color:var(--link)}
@media (max-width:60rem){.page{display:block;padding:1.2rem 1rem 3rem}nav{display:none}}
@media print{nav{display:none}.page{display:block;max-width:none;padding:0}.wide{border:0;overflow:visible}
table{font-size:.72rem}th,td{padding:.25rem .4rem}td.n{white-space:normal}}
)";

// Cells up to the first size are not broken into lines; those from the second on have room for some
// words a line on any screen.
constexpr size_t kShortCell = 24, kLongCell = 60;

// The name of a heading in links: "Time, on equal cores" -> "time-on-equal-cores".
std::string Anchor(const std::string& title) {
  std::string anchor;
  for (const char c : title) {
    if (std::isalnum(static_cast<unsigned char>(c)))
      anchor += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    else if (!anchor.empty() && anchor.back() != '-')
      anchor += '-';
  }
  while (!anchor.empty() && anchor.back() == '-') anchor.pop_back();
  return anchor.empty() ? "section" : anchor;
}

// What stands in a verdict cell begins with its verdict (report/claims/claims.h).
std::string Badge(const std::string& verdict) {
  const char* tone = verdict.starts_with("holds")      ? "holds"
                     : verdict.starts_with("does not") ? "fails"
                                                       : "open";
  return std::string("<span class=\"badge ") + tone + "\">" + EscapeHtml(verdict) + "</span>";
}

void AddCell(const Table& table, size_t r, size_t c, std::string* html) {
  const Table::Column& column = table.columns[c];
  const std::string& text = c < table.rows[r].size() ? table.rows[r][c] : "";
  std::string classes = column.right ? "n" : c == 0 ? "first" : "";
  if (!column.right && text.size() <= kShortCell) classes += classes.empty() ? "short" : " short";
  if (!column.right && text.size() >= kLongCell) classes += classes.empty() ? "long" : " long";
  if (table.strong.contains({r, c})) classes += classes.empty() ? "strong" : " strong";
  *html += classes.empty() ? "<td>" : "<td class=\"" + classes + "\">";
  *html += (column.verdict && !text.empty() ? Badge(text) : EscapeHtml(text)) + "</td>";
}

void AddTable(const Table& table, std::string* html) {
  *html += "<div class=\"wide\"><table><thead><tr>";
  for (const Table::Column& column : table.columns) {
    *html += std::string("<th") + (column.right ? " class=\"n\"" : "") + ">" +
             EscapeHtml(column.title) + "</th>";
  }
  *html += "</tr></thead><tbody>\n";
  for (size_t r = 0; r < table.rows.size(); ++r) {
    for (const Table::Group& group : table.groups) {
      if (group.first != r) continue;
      *html += "<tr class=\"group\"><th colspan=\"" + std::to_string(table.columns.size()) + "\">" +
               EscapeHtml(group.title) + "</th></tr>\n";
    }
    *html += "<tr>";
    for (size_t c = 0; c < table.columns.size(); ++c) AddCell(table, r, c, html);
    *html += "</tr>\n";
  }
  *html += "</tbody></table></div>\n";
}

void AddTiles(const std::vector<Tile>& tiles, std::string* html) {
  *html += "<div class=\"tiles\">";
  for (const Tile& tile : tiles) {
    *html += "<div class=\"tile\"><div class=\"label\">" + EscapeHtml(tile.label) +
             "</div><div class=\"value\">" + EscapeHtml(tile.value) + "</div><div class=\"note\">" +
             EscapeHtml(tile.note) + "</div></div>";
  }
  *html += "</div>\n";
}

void AddBlocks(const std::vector<Document::Block>& blocks, std::string* html) {
  for (const Document::Block& block : blocks) {
    const std::string level = std::to_string(block.level);
    switch (block.kind) {
      case Document::Block::Kind::kHeading:
        *html += "<h" + level + " id=\"" + Anchor(block.text) + "\">" + EscapeHtml(block.text) +
                 "</h" + level + ">\n";
        break;
      case Document::Block::Kind::kText:
        *html += "<p>" + EscapeHtml(block.text) + "</p>\n";
        break;
      case Document::Block::Kind::kTable:
        AddTable(block.table, html);
        break;
      case Document::Block::Kind::kCode:
        *html += "<pre>" + EscapeHtml(block.text) + "</pre>\n";
        break;
      case Document::Block::Kind::kPlot:
        // Not escaped: the plot's own code made it, and escaped its labels.
        *html += "<figure>" + block.svg + "<figcaption>" + EscapeHtml(block.text) +
                 "</figcaption></figure>\n";
        break;
      case Document::Block::Kind::kTiles:
        AddTiles(block.tiles, html);
        break;
      case Document::Block::Kind::kFold:
        *html += "<details><summary>" + EscapeHtml(block.text) + "</summary>\n";
        AddBlocks(block.inside, html);
        *html += "</details>\n";
        break;
    }
  }
}

// Links to the sections, for a column beside them; sections within sections would make it long.
std::string Contents(const std::vector<Document::Block>& blocks) {
  std::string html = "<nav><b>Contents</b>";
  for (const Document::Block& block : blocks) {
    if (block.kind != Document::Block::Kind::kHeading || block.level != 2) continue;
    html += "<a href=\"#" + Anchor(block.text) + "\">" + EscapeHtml(block.text) + "</a>";
  }
  return html + "</nav>\n";
}

}  // namespace

std::string EscapeHtml(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string ToHtml(const Document& document) {
  std::string html =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>" +
      EscapeHtml(document.title()) + "</title><style>" + kStyle +
      "</style></head><body><div class=\"page\">\n" + Contents(document.blocks()) + "<main>\n<h1>" +
      EscapeHtml(document.title()) + "</h1>\n";
  AddBlocks(document.blocks(), &html);
  return html + "</main></div></body></html>\n";
}

}  // namespace braid::report
