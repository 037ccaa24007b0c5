// A document of headings, paragraphs, tables, code and plots, rendered as Markdown and as one HTML
// file.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

namespace braid::report {

struct Table {
  struct Column {
    std::string title;
    bool right = false;    // numbers stand to the right
    bool verdict = false;  // cells are verdicts (report/claims/claims.h), which a page shows in
                           // colour
  };
  std::vector<Column> columns;
  std::vector<std::vector<std::string>> rows;  // one cell a column, plain text
  // Rows from the first one on, up to the next group, stand under a title of their own.
  struct Group {
    size_t first = 0;
    std::string title;
  };
  std::vector<Group> groups;
  std::set<std::pair<size_t, size_t>> strong;  // (row, column) of cells to point out, the best of a
                                               // column for one
};

// A number that a reader should see first.
struct Tile {
  std::string label, value, note;
};

class Document {
 public:
  struct Block {
    enum class Kind { kHeading, kText, kTable, kCode, kPlot, kTiles, kFold };
    Kind kind = Kind::kText;
    int level = 2;     // of a heading
    std::string text;  // plain text; of a plot, its caption; of a fold, its title
    std::string file;  // of a plot: name of the SVG file beside the Markdown
    std::string svg;
    Table table;
    std::vector<Tile> tiles;
    std::vector<Block> inside;  // of a fold
  };

  explicit Document(std::string title) : title_(std::move(title)) {}

  void Heading(const std::string& text, int level = 2);
  void Text(const std::string& text);
  void Add(Table table);
  void Code(const std::string& text);
  void Plot(const std::string& caption, const std::string& file, const std::string& svg);
  void Tiles(std::vector<Tile> tiles);
  // What few readers want to see at once: the blocks of `inside`, which a page shows when asked.
  // Its title is theirs.
  void Fold(const Document& inside);
  // A fold of one table under a line of text, which may be empty; nothing if the table has no rows.
  void FoldTable(const std::string& title, const std::string& text, Table table);

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

std::string EscapeHtml(const std::string& text);

}  // namespace braid::report
