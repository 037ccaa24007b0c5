#include <algorithm>

#include "report/page/document.h"

namespace braid::report {
namespace {

// Characters, not bytes: UTF-8 continuation bytes take no room.
size_t Width(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

// A cell must stay in its row: bars and line ends would end it.
std::string Cell(const std::string& text) {
  std::string cell;
  for (const char c : text) {
    if (c == '|')
      cell += "\\|";
    else if (c == '\n' || c == '\r')
      cell += ' ';
    else
      cell += c;
  }
  return cell;
}

// Words of samples and names must not become headings, lists or tags.
std::string Paragraph(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '<' || c == '*' || c == '`' || c == '#') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string Padded(const std::string& text, size_t width, bool right) {
  const std::string room(width - std::min(width, Width(text)), ' ');
  return right ? room + text : text + room;
}

std::string Row(const Table& table, const std::vector<size_t>& widths,
                const std::vector<std::string>& row) {
  std::string text = "|";
  for (size_t i = 0; i < widths.size(); ++i) {
    text += " " + Padded(i < row.size() ? Cell(row[i]) : "", widths[i], table.columns[i].right) +
            " |";
  }
  return text + "\n";
}

std::string MarkdownTable(const Table& table) {
  std::vector<size_t> widths;
  for (const Table::Column& column : table.columns)
    widths.push_back(std::max<size_t>(3, Width(Cell(column.title))));
  // The title of a group stands in the first column, as Markdown has no cells over several.
  for (const Table::Group& group : table.groups)
    widths[0] = std::max(widths[0], Width(Cell(group.title)) + 1);
  for (const auto& row : table.rows) {
    for (size_t i = 0; i < row.size() && i < widths.size(); ++i)
      widths[i] = std::max(widths[i], Width(Cell(row[i])));
  }
  std::string text = "|", rule = "|";
  for (size_t i = 0; i < widths.size(); ++i) {
    const bool right = table.columns[i].right;
    text += " " + Padded(Cell(table.columns[i].title), widths[i], right) + " |";
    rule += (right ? std::string(widths[i] + 1, '-') + ":" : std::string(widths[i] + 2, '-')) + "|";
  }
  text += "\n" + rule + "\n";
  for (size_t r = 0; r < table.rows.size(); ++r) {
    for (const Table::Group& group : table.groups) {
      if (group.first == r) text += Row(table, widths, {group.title + ":"});
    }
    text += Row(table, widths, table.rows[r]);
  }
  return text;
}

// A fence longer than any run of backticks inside.
std::string Fenced(const std::string& text) {
  size_t longest = 2, run = 0;
  for (const char c : text) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  const std::string fence(longest + 1, '`');
  return fence + "\n" + text + (text.empty() || text.back() != '\n' ? "\n" : "") + fence + "\n";
}

std::string MarkdownTiles(const std::vector<Tile>& tiles) {
  std::string text;
  for (const Tile& tile : tiles) {
    text += "- " + Paragraph(tile.label) + ": " + Paragraph(tile.value) +
            (tile.note.empty() ? "" : " (" + Paragraph(tile.note) + ")") + "\n";
  }
  return text;
}

void Append(const std::vector<Document::Block>& blocks, std::string* text) {
  for (const Document::Block& block : blocks) {
    if (!text->empty()) *text += "\n";
    switch (block.kind) {
      case Document::Block::Kind::kHeading:
        *text += std::string(static_cast<size_t>(block.level), '#') + " " + Paragraph(block.text) +
                 "\n";
        break;
      case Document::Block::Kind::kText:
        *text += Paragraph(block.text) + "\n";
        break;
      case Document::Block::Kind::kTable:
        *text += MarkdownTable(block.table);
        break;
      case Document::Block::Kind::kCode:
        *text += Fenced(block.text);
        break;
      case Document::Block::Kind::kPlot:
        *text += "![" + Paragraph(block.text) + "](" + block.file + ")\n";
        break;
      case Document::Block::Kind::kTiles:
        *text += MarkdownTiles(block.tiles);
        break;
      case Document::Block::Kind::kFold:
        // Markdown cannot fold: what a page hides at first stands below a heading.
        *text += "### " + Paragraph(block.text) + "\n";
        Append(block.inside, text);
        break;
    }
  }
}

}  // namespace

std::string ToMarkdown(const Document& document) {
  std::string text = document.title().empty() ? "" : "# " + Paragraph(document.title()) + "\n";
  Append(document.blocks(), &text);
  return text;
}

}  // namespace braid::report
