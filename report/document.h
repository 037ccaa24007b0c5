// A document of headings, paragraphs, tables, code and plots, rendered as Markdown and as one HTML file.
#pragma once

#include <string>
#include <vector>

namespace braid::report {

struct Table {
  struct Column {
    std::string title;
    bool right = false;  // numbers stand to the right
  };
  std::vector<Column> columns;
  std::vector<std::vector<std::string>> rows;  // one cell a column, plain text
};

class Document {
 public:
  struct Block {
    enum class Kind { kHeading, kText, kTable, kCode, kPlot };
    Kind kind = Kind::kText;
    int level = 2;      // of a heading
    std::string text;   // plain text; of a plot, its caption
    std::string file;   // of a plot: name of the SVG file beside the Markdown
    std::string svg;
    Table table;
  };

  explicit Document(std::string title) : title_(std::move(title)) {}

  void Heading(const std::string& text, int level = 2);
  void Text(const std::string& text);
  void Add(Table table);
  void Code(const std::string& text);
  void Plot(const std::string& caption, const std::string& file, const std::string& svg);
  // All blocks of `other`, without its title.
  void Append(const Document& other);

  const std::string& title() const { return title_; }
  const std::vector<Block>& blocks() const { return blocks_; }

 private:
  std::string title_;
  std::vector<Block> blocks_;
};

// Tables are padded, so that the text reads well in a terminal too. Plots are links to their files.
std::string ToMarkdown(const Document& document);
// Complete and self-contained: plots inside, no script, nothing fetched. All text is escaped.
std::string ToHtml(const Document& document);

std::string EscapeHtml(const std::string& text);

}  // namespace braid::report
