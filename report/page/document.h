// A document of headings, paragraphs, tables, code and plots, rendered as Markdown and as one HTML
// file.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

namespace braid::report {

// A table of plain text.
struct Table {
  // How the cells of a column look.
  struct Column {
    std::string title;
    // Cells are aligned to the right, as numbers are.
    bool right = false;
    // Cells are verdicts (report/claims/claims.h), which a page shows in colour.
    bool verdict = false;
  };
  std::vector<Column> columns;
  // A cell for each column; missing ones at the end are empty.
  std::vector<std::vector<std::string>> rows;
  // Rows from the first one on, up to the next group, stand under a title of their own.
  struct Group {
    size_t first = 0;
    std::string title;
  };
  std::vector<Group> groups;
  // (row, column) of the cells that are shown in bold, such as the best of a column.
  std::set<std::pair<size_t, size_t>> strong;
};

// A number that a reader should see first.
struct Tile {
  std::string label, value, note;
};

// A sequence of blocks, made from beginning to end. Text is plain: the renderers escape it.
class Document {
 public:
  // A block has the members of its kind; the others are empty.
  struct Block {
    enum class Kind { kHeading, kText, kTable, kCode, kPlot, kTiles, kFold };
    Kind kind = Kind::kText;
    // Of a heading: 2 for sections, 3 for their parts.
    int level = 2;
    // The text; of a plot, its caption; of a fold, its title.
    std::string text;
    // Of a plot: the picture, and the name of its file beside the Markdown.
    std::string file;
    std::string svg;
    Table table;
    std::vector<Tile> tiles;
    // Of a fold.
    std::vector<Block> inside;
  };

  // A document without blocks.
  explicit Document(std::string title) : title_(std::move(title)) {}

  // Append a block of the kind that they are named after.
  void Heading(const std::string& text, int level = 2);
  void Text(const std::string& text);
  void Add(Table table);
  void Code(const std::string& text);
  void Plot(const std::string& caption, const std::string& file, const std::string& svg);
  void Tiles(std::vector<Tile> tiles);
  // A collapsed section: a page shows the blocks of `inside` when the reader opens it. Its title is
  // that of `inside`.
  void Fold(const Document& inside);
  // A fold of one table under a line of text, which may be empty; nothing if the table has no rows.
  void FoldTable(const std::string& title, const std::string& text, Table table);

  // The title, and the blocks in their order.
  const std::string& title() const { return title_; }
  const std::vector<Block>& blocks() const { return blocks_; }

 private:
  std::string title_;
  std::vector<Block> blocks_;
};

// Tables are padded, so that the text reads well in a terminal too. Plots are links to their files.
std::string ToMarkdown(const Document& document);
// Complete and self-contained: plots inside, no script, nothing fetched. All text is escaped. Light
// or dark as the reader's system is; wide tables scroll on narrow screens; headings of level 2 are
// listed in a contents column.
std::string ToHtml(const Document& document);

// Text as HTML shows it, also within attributes.
std::string EscapeHtml(const std::string& text);

}  // namespace braid::report
