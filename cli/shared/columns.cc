#include "cli/shared/columns.h"

#include <clocale>
#include <cwchar>
#include <string_view>

#include "base/utf8.h"

namespace braid::cli {
namespace {

constexpr char kEllipsis[] = "\xE2\x80\xA6";

// One character and what it takes.
struct Glyph {
  std::string text;
  int columns = 1;
};

// The system knows the width of each character of Unicode; the user's locale, which may be one of
// bytes, does not matter for text that is always UTF-8.
int WidthOf(uint32_t code) {
  static const locale_t unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  if (unicode == nullptr) return 1;
  const locale_t before = uselocale(unicode);
  const int width = wcwidth(static_cast<wchar_t>(code));
  uselocale(before);
  return width;
}

Glyph GlyphOf(std::string_view text, uint32_t code) {
  if (code == '\n' || code == '\t') return {" ", 1};
  // Those from U+0080 to U+009F begin sequences of some terminals, as ESC does.
  if (code < 0x20 || (code >= 0x7F && code < 0xA0)) return {"?", 1};
  const int width = code < 0x7F ? 1 : WidthOf(code);
  return {std::string(text), width < 0 ? 1 : width};
}

// The longest beginning of the text that takes at most `columns`, what it takes, and whether that
// is all of it.
struct Beginning {
  std::string text;
  int columns = 0;
  bool whole = true;
};

Beginning BeginningOf(const std::string& valid, int columns) {
  Beginning begin;
  for (size_t at = 0; at < valid.size();) {
    size_t length = 1;
    const std::string_view left = std::string_view(valid).substr(at);
    const uint32_t code = DecodeCodePoint(left, &length);
    const Glyph glyph = GlyphOf(left.substr(0, length), code);
    if (begin.columns + glyph.columns > columns) {
      begin.whole = false;
      return begin;
    }
    begin.text += glyph.text;
    begin.columns += glyph.columns;
    at += length;
  }
  return begin;
}

// Cut, but not yet filled up.
Beginning Cut(const std::string& text, int columns) {
  const std::string valid = RepairUtf8(text);
  Beginning begin = BeginningOf(valid, columns);
  if (begin.whole || columns <= 0) return begin;
  begin = BeginningOf(valid, columns - 1);
  begin.text += kEllipsis;
  ++begin.columns;
  return begin;
}

std::string Spaces(int count) {
  return std::string(static_cast<size_t>(count > 0 ? count : 0), ' ');
}

}  // namespace

int ColumnsOf(const std::string& text) {
  constexpr int kNoBound = 1 << 30;
  return BeginningOf(RepairUtf8(text), kNoBound).columns;
}

std::string Fit(const std::string& text, int columns) {
  const Beginning cut = Cut(text, columns);
  return cut.text + Spaces(columns - cut.columns);
}

std::string FitRight(const std::string& text, int columns) {
  const Beginning cut = Cut(text, columns);
  return Spaces(columns - cut.columns) + cut.text;
}

}  // namespace braid::cli
