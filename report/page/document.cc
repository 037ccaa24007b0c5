#include "report/page/document.h"

#include <algorithm>

namespace braid::report {

void Document::Heading(const std::string& text, int level) {
  Block block;
  block.kind = Block::Kind::kHeading;
  block.level = level;
  block.text = text;
  blocks_.push_back(std::move(block));
}

void Document::Text(const std::string& text) {
  Block block;
  block.text = text;
  blocks_.push_back(std::move(block));
}

void Document::Add(Table table) {
  Block block;
  block.kind = Block::Kind::kTable;
  block.table = std::move(table);
  blocks_.push_back(std::move(block));
}

void Document::Code(const std::string& text) {
  Block block;
  block.kind = Block::Kind::kCode;
  block.text = text;
  blocks_.push_back(std::move(block));
}

void Document::Plot(const std::string& caption, const std::string& file, const std::string& svg) {
  Block block;
  block.kind = Block::Kind::kPlot;
  block.text = caption;
  block.file = file;
  block.svg = svg;
  blocks_.push_back(std::move(block));
}

void Document::Tiles(std::vector<Tile> tiles) {
  Block block;
  block.kind = Block::Kind::kTiles;
  block.tiles = std::move(tiles);
  blocks_.push_back(std::move(block));
}

void Document::Fold(const Document& inside) {
  Block block;
  block.kind = Block::Kind::kFold;
  block.text = inside.title();
  block.inside = inside.blocks();
  blocks_.push_back(std::move(block));
}

void Document::FoldTable(const std::string& title, const std::string& text, Table table) {
  if (table.rows.empty()) return;
  Document inside(title);
  if (!text.empty()) inside.Text(text);
  inside.Add(std::move(table));
  Fold(inside);
}

}  // namespace braid::report
