#include "corpus/pattern_syntax.h"

#include <algorithm>
#include <map>
#include <optional>

#include "base/text.h"
#include "base/utf8.h"
#include "corpus/pretokenizer.h"
#include "corpus/unicode.h"

namespace braid::corpus {
namespace {

constexpr uint32_t kAllCategories = (uint32_t{1} << (static_cast<int>(Category::kCn) + 1)) - 1;
constexpr uint32_t kCategoryTop = 0x20000;
// Of classes within classes.
constexpr int kMostDepth = 100;

uint32_t BitOf(Category category) {
  return uint32_t{1} << static_cast<int>(category);
}

bool IsSpaceCharacter(uint32_t c) {
  return ClassOfCharacter(c) == CharacterClass::kSpace;
}

// The categories of a name such as "L", "Lu" or "Letter"; empty for a name of another kind.
std::optional<uint32_t> CategoriesOf(const std::string& name) {
  static const std::map<std::string, uint32_t> kNames = [] {
    constexpr const char* kShort[] = {"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl",
                                      "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc",
                                      "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Cn"};
    std::map<std::string, uint32_t> names;
    for (size_t i = 0; i < std::size(kShort); ++i) {
      names[kShort[i]] = uint32_t{1} << i;
      names[std::string(1, kShort[i][0])] |= uint32_t{1} << i;
    }
    const std::pair<const char*, const char*> long_names[] = {
        {"Letter", "L"}, {"Mark", "M"},      {"Number", "N"}, {"Punctuation", "P"},
        {"Symbol", "S"}, {"Separator", "Z"}, {"Other", "C"}};
    for (const auto& [name_, letter] : long_names) names[name_] = names[letter];
    return names;
  }();
  const auto found = kNames.find(name);
  if (found == kNames.end()) return std::nullopt;
  return found->second;
}

// A set as PCRE2 writes a class of bytes.
std::string ClassOfBytes(const std::array<bool, 256>& bytes) {
  std::string text;
  for (int b = 0; b < 256; ++b) {
    if (!bytes[static_cast<size_t>(b)]) continue;
    int last = b;
    while (last < 255 && bytes[static_cast<size_t>(last) + 1]) ++last;
    text += Format(b == last ? "\\x%02x" : "\\x%02x-\\x%02x", b, last);
    b = last;
  }
  return text.empty() ? "(?!)" : "[" + text + "]";
}

// The ranges of a set, and of the sets in it, that reach beyond ASCII.
void AddRanges(const CharacterSet& set, std::vector<std::pair<uint32_t, uint32_t>>* ranges) {
  for (const auto& range : set.ranges) {
    if (range.second >= 0x80) ranges->push_back(range);
  }
  for (const CharacterSet& part : set.parts) AddRanges(part, ranges);
}

// Reads an expression once from left to right. The result is parts of text with sets between them,
// whose bytes are known when all sets are.
class Translator {
 public:
  explicit Translator(std::string_view regex) : left_(regex) {}

  Result<PatternSyntax> Run() {
    if (!IsUtf8(left_)) return InvalidArgument("it is not UTF-8");
    while (!left_.empty() && status_.ok()) Element();
    if (status_.ok() && !groups_.empty()) Fail("a group without its end");
    BRAID_RETURN_IF_ERROR(status_);
    BRAID_ASSIGN_OR_RETURN(CharacterBytes bytes, CharacterBytes::Make(sets_));
    std::string regex;
    for (const Part& part : parts_)
      regex += part.set < 0 ? part.text
                            : ClassOfBytes(bytes.BytesOf(static_cast<size_t>(part.set)));
    return PatternSyntax{std::move(regex), std::move(bytes)};
  }

 private:
  struct Part {
    std::string text;
    int set = -1;
  };
  struct Group {
    size_t begin;
    bool any_case;
  };

  void Fail(const std::string& what) {
    if (status_.ok()) status_ = InvalidArgument(what);
  }
  void Refuse(const std::string& element) { Fail(element + " in it"); }

  bool Take(std::string_view prefix) {
    if (!left_.starts_with(prefix)) return false;
    left_.remove_prefix(prefix.size());
    return true;
  }
  uint32_t TakeCharacter() {
    size_t length = 0;
    const uint32_t c = DecodeCodePoint(left_, &length);
    left_.remove_prefix(length);
    return c;
  }

  // Adds a part to which a quantifier may follow.
  void Atom(Part part) {
    atom_ = parts_.size();
    parts_.push_back(std::move(part));
  }
  // Adds a part to which none may follow.
  void Sign(const std::string& text) {
    atom_ = kNone;
    parts_.push_back({text});
    letter_ = 0;
  }
  void AtomOf(CharacterSet set) {
    sets_.push_back(std::move(set));
    Atom({"", static_cast<int>(sets_.size()) - 1});
    letter_ = 0;
  }

  void Element() {
    switch (left_.front()) {
      case '\\':
        return Escape();
      case '[': {
        left_.remove_prefix(1);
        CharacterSet set = Class();
        return AtomOf(std::move(set));
      }
      case '(':
        return OpenGroup();
      case ')':
        return CloseGroup();
      case '|':
        left_.remove_prefix(1);
        return Sign("|");
      case '*':
      case '+':
      case '?':
        return Repeat(std::string(1, static_cast<char>(TakeCharacter())), /*interval=*/false);
      case '{':
        return Interval();
      case '.':
        left_.remove_prefix(1);
        return AtomOf({.ranges = {{'\n', '\n'}}, .negated = true});
      case '^':
      case '$':
        return Refuse(std::string("the anchor ") + left_.front());
      default:
        return Character(TakeCharacter());
    }
  }

  // One character that stands for itself.
  void Character(uint32_t c) {
    if (c >= kCategoryTop) return Refuse("a character above U+1FFFF");
    const bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (any_case_ && c >= 0x80) return Refuse("a character that is not ASCII under (?i)");
    if (!any_case_ || !letter) {
      letter_ = 0;
      if (c < 0x80) return Atom({Format("\\x%02x", c)});
      return AtomOf({.ranges = {{c, c}}});
    }
    // Without regard to case, one character may stand for two letters: "ß" for "ss".
    const uint32_t small = c | 0x20;
    for (const char* two : {"ss", "st", "ff", "fi", "fl"}) {
      if (letter_ == static_cast<uint32_t>(two[0]) && small == static_cast<uint32_t>(two[1]))
        return Refuse(std::string("\"") + two + "\" under (?i)");
    }
    AtomOf(BothCases(small));
    letter_ = small;
  }

  static CharacterSet BothCases(uint32_t small) {
    CharacterSet set{.ranges = {{small, small}, {small - 0x20, small - 0x20}}};
    if (small == 's') set.ranges.push_back({0x17F, 0x17F});
    if (small == 'k') set.ranges.push_back({0x212A, 0x212A});
    return set;
  }

  // The set of an escape such as \s or \p{L} at the front; empty if another one stands there.
  std::optional<CharacterSet> EscapedSet() {
    const char kind = left_.size() > 1 ? left_[1] : '\0';
    if (kind == 's' || kind == 'S') {
      left_.remove_prefix(2);
      return CharacterSet{.spaces = kind == 's', .others_than_spaces = kind == 'S'};
    }
    if (kind == 'd' || kind == 'D') {
      left_.remove_prefix(2);
      const uint32_t digits = BitOf(Category::kNd);
      return CharacterSet{.categories = kind == 'd' ? digits : kAllCategories & ~digits};
    }
    if (kind != 'p' && kind != 'P') return std::nullopt;
    const size_t end = left_.find('}');
    if (left_.size() < 3 || left_[2] != '{' || end == std::string_view::npos) {
      Fail("a property that is not written as \\p{...}");
      return CharacterSet{};
    }
    std::string name(left_.substr(3, end - 3));
    const std::string shown(left_.substr(0, end + 1));
    left_.remove_prefix(end + 1);
    bool negated = kind == 'P';
    if (name.starts_with('^')) {
      negated = !negated;
      name.erase(0, 1);
    }
    const std::optional<uint32_t> categories = CategoriesOf(name);
    if (!categories) Refuse(shown + " (general categories such as \\p{L} and \\p{Lu} are known)");
    if (any_case_ && (categories.value_or(0) & kAllCategories) != 0 && name.size() == 2 &&
        name[0] == 'L')
      Refuse(shown + " under (?i)");
    const uint32_t mask = categories.value_or(0);
    return CharacterSet{.categories = negated ? kAllCategories & ~mask : mask};
  }

  // The character that an escape at the front means.
  uint32_t EscapedCharacter() {
    left_.remove_prefix(1);
    if (left_.empty()) {
      Fail("it ends with a backslash");
      return 0;
    }
    const uint32_t c = TakeCharacter();
    static const std::map<uint32_t, uint32_t> kControls = {
        {'n', '\n'}, {'r', '\r'}, {'t', '\t'}, {'f', '\f'}, {'v', '\v'}, {'a', 7}, {'e', 27}};
    if (const auto control = kControls.find(c); control != kControls.end()) return control->second;
    if (c == 'x' || c == 'u') return Hexadecimal(c);
    const bool word = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (word) Refuse(std::string("\\") + static_cast<char>(c));
    return c;
  }

  uint32_t Hexadecimal(uint32_t kind) {
    size_t digits = kind == 'u' ? 4 : 2;
    const bool braces = kind == 'x' && Take("{");
    if (braces) digits = std::min<size_t>(left_.find('}'), 8);
    uint32_t c = 0;
    for (size_t i = 0; i < digits; ++i) {
      const char d = left_.empty() ? 'z' : left_.front();
      const int value = d >= '0' && d <= '9'   ? d - '0'
                        : d >= 'a' && d <= 'f' ? d - 'a' + 10
                        : d >= 'A' && d <= 'F' ? d - 'A' + 10
                                               : -1;
      if (value < 0) {
        Fail("a number of a character that is malformed");
        return 0;
      }
      c = c << 4 | static_cast<uint32_t>(value);
      left_.remove_prefix(1);
    }
    // In Oniguruma \xE2 is a byte, not a character.
    if (braces ? !Take("}") : (kind == 'x' && c >= 0x80)) Fail("a byte that is no character");
    if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) Fail("a number that is no character");
    return c;
  }

  void Escape() {
    if (std::optional<CharacterSet> set = EscapedSet()) return AtomOf(std::move(*set));
    const uint32_t c = EscapedCharacter();
    if (status_.ok()) Character(c);
  }

  // What stands between brackets, of which the first was taken.
  CharacterSet Class() {
    CharacterSet set;
    if (++class_depth_ > kMostDepth) {
      Fail("classes within classes without end");
      return set;
    }
    set.negated = Take("^");
    bool first = true;
    while (status_.ok()) {
      if (left_.empty()) {
        Fail("a class without its end");
        break;
      }
      if (!first && Take("]")) break;
      if (first && left_.starts_with("]")) Refuse("an empty class");
      first = false;
      if (left_.starts_with("&&")) Refuse("&& in a class");
      if (left_.starts_with("[:")) Refuse("a class of POSIX");
      if (Take("[")) {
        set.parts.push_back(Class());
      } else if (std::optional<CharacterSet> escaped = EscapedInClass()) {
        set.parts.push_back(std::move(*escaped));
      } else {
        Range(&set);
      }
    }
    --class_depth_;
    return set;
  }

  std::optional<CharacterSet> EscapedInClass() {
    return left_.starts_with('\\') ? EscapedSet() : std::nullopt;
  }

  uint32_t ClassCharacter() {
    return left_.starts_with('\\') ? EscapedCharacter() : TakeCharacter();
  }

  void Range(CharacterSet* set) {
    const uint32_t low = ClassCharacter();
    uint32_t high = low;
    if (left_.size() > 1 && left_[0] == '-' && left_[1] != ']') {
      left_.remove_prefix(1);
      if (left_.starts_with('[')) return Refuse("a class at the end of a range");
      high = ClassCharacter();
    }
    if (!status_.ok()) return;
    if (high < low) return Fail("a range that ends before it begins");
    if (high >= kCategoryTop && !(low == high)) return Refuse("a range above U+1FFFF");
    if (high >= kCategoryTop) return Refuse("a character above U+1FFFF");
    set->ranges.push_back({low, high});
    if (!any_case_) return;
    if (high >= 0x80) return Refuse("a character that is not ASCII in a class under (?i)");
    for (uint32_t c = low; c <= high; ++c) {
      const uint32_t small = c | 0x20;
      if (small < 'a' || small > 'z' || c < 'A') continue;
      for (const auto& range : BothCases(small).ranges) set->ranges.push_back(range);
    }
  }

  void OpenGroup() {
    left_.remove_prefix(1);
    const bool at_front = parts_.empty() && groups_.empty();
    std::string sign = "(?:";
    bool any_case = any_case_;
    if (Take("?")) {
      if (Take(":")) {
      } else if (Take("i:")) {
        any_case = true;
      } else if (Take("-i:")) {
        any_case = false;
      } else if (at_front && Take("i)")) {
        any_case_ = true;  // for the whole expression
        return;
      } else if (left_.starts_with("<=") || left_.starts_with("<!")) {
        sign = "(?" + std::string(left_.substr(0, 2));
        left_.remove_prefix(2);
      } else if (left_.starts_with('=') || left_.starts_with('!') || left_.starts_with('>')) {
        sign = "(?" + std::string(left_.substr(0, 1));
        left_.remove_prefix(1);
      } else {
        return Refuse("the group (?" + std::string(left_.substr(0, 2)));
      }
    }
    groups_.push_back({parts_.size(), any_case_});
    any_case_ = any_case;
    Sign(sign);
  }

  void CloseGroup() {
    left_.remove_prefix(1);
    if (groups_.empty()) return Fail("an end of a group that none begins");
    const Group group = groups_.back();
    groups_.pop_back();
    any_case_ = group.any_case;
    Sign(")");
    atom_ = group.begin;
  }

  // {n}, {n,}, {n,m}, {,m}; anything else is a brace.
  void Interval() {
    const size_t end = left_.find('}');
    const std::string inside(left_.substr(1, end == std::string_view::npos ? 0 : end - 1));
    const size_t comma = inside.find(',');
    const std::string low = inside.substr(0, comma),
                      high = comma == std::string::npos ? low : inside.substr(comma + 1);
    const auto number = [](const std::string& text) {
      return text.size() <= 4 && text.find_first_not_of("0123456789") == std::string::npos;
    };
    if (end == std::string_view::npos || !number(low) || !number(high) ||
        (low.empty() && high.empty())) {
      left_.remove_prefix(1);
      return Character('{');
    }
    left_.remove_prefix(end + 1);
    const std::string least = low.empty() ? "0" : low;
    if (comma == std::string::npos) {
      if (left_.starts_with('?')) return Refuse("{n}?");
      return Repeat("{" + least + "}", /*interval=*/true);
    }
    Repeat("{" + least + "," + high + "}", /*interval=*/true);
  }

  // `*`, `+`, `?` or an interval after an atom, with `?` (as few as possible) or `+` behind it. A
  // `+` behind an interval repeats the whole in Oniguruma; in PCRE2 it would forbid to go back.
  void Repeat(const std::string& times, bool interval) {
    if (atom_ == kNone) return Fail("\"" + times + "\" with nothing to repeat");
    parts_.push_back({times});
    letter_ = 0;
    if (Take("?")) {
      parts_.back().text += "?";
    } else if (!interval && Take("+")) {
      parts_.back().text += "+";
    }
    const bool again = !left_.empty() &&
                       std::string_view("*+?{").find(left_[0]) != std::string_view::npos;
    if (!again) {
      atom_ = kNone;
      return;
    }
    // What was read so far becomes the atom of the quantifier that comes.
    parts_.insert(parts_.begin() + static_cast<std::ptrdiff_t>(atom_), Part{"(?:"});
    parts_.push_back({")"});
  }

  static constexpr size_t kNone = SIZE_MAX;
  std::string_view left_;
  std::vector<Part> parts_;
  std::vector<CharacterSet> sets_;
  std::vector<Group> groups_;
  // The part that a quantifier would repeat.
  size_t atom_ = kNone;
  int class_depth_ = 0;
  bool any_case_ = false;
  // The letter before, in lower case, if case does not matter; else 0.
  uint32_t letter_ = 0;
  Status status_;
};

}  // namespace

bool CharacterSet::Contains(uint32_t c) const {
  bool in = (spaces || others_than_spaces) && (IsSpaceCharacter(c) ? spaces : others_than_spaces);
  if (!in && categories != 0) in = (categories & BitOf(CategoryOf(c))) != 0;
  for (size_t i = 0; !in && i < ranges.size(); ++i)
    in = c >= ranges[i].first && c <= ranges[i].second;
  for (size_t i = 0; !in && i < parts.size(); ++i) in = parts[i].Contains(c);
  return in != negated;
}

Result<CharacterBytes> CharacterBytes::Make(const std::vector<CharacterSet>& sets) {
  CharacterBytes bytes;
  bytes.members_.resize(sets.size());
  bytes.table_.resize(kTable);
  std::map<std::vector<bool>, uint8_t> known;
  bool too_many = false;
  const auto byte_of = [&](uint32_t c) {
    std::vector<bool> in(sets.size());
    for (size_t i = 0; i < sets.size(); ++i) in[i] = sets[i].Contains(c);
    const auto found = known.find(in);
    if (found != known.end()) return found->second;
    too_many = too_many || known.size() >= 128;
    const auto byte = static_cast<uint8_t>(0x80 + known.size() % 128);
    for (size_t i = 0; i < sets.size(); ++i) bytes.members_[i][byte] = in[i];
    known.emplace(std::move(in), byte);
    return byte;
  };
  for (uint32_t c = 0; c < 0x80; ++c) {
    for (size_t i = 0; i < sets.size(); ++i) bytes.members_[i][c] = sets[i].Contains(c);
  }
  // All that are in no range of their own are told apart by category and white space.
  std::vector<std::pair<uint32_t, uint32_t>> ranges;
  for (const CharacterSet& set : sets) AddRanges(set, &ranges);
  std::array<uint8_t, 64> known_kinds{};
  for (uint32_t c = 0x80; c < kTable; ++c) {
    const bool named = std::any_of(ranges.begin(), ranges.end(), [c](const auto& range) {
      return c >= range.first && c <= range.second;
    });
    uint8_t of_named = 0;
    const auto kind = 2 * static_cast<size_t>(CategoryOf(c)) + (IsSpaceCharacter(c) ? 1 : 0);
    uint8_t& byte = named ? of_named : known_kinds[kind];
    if (byte == 0) byte = byte_of(c);
    bytes.table_[c] = byte;
  }
  for (uint32_t c = kTable; c < 0x110000; ++c) {
    uint8_t& byte = bytes.by_category_[static_cast<size_t>(CategoryOf(c))];
    if (byte == 0) byte = byte_of(c);
  }
  if (too_many) return InvalidArgument("too many different classes of characters in it");
  return bytes;
}

uint8_t CharacterBytes::OfDistant(uint32_t code_point) const {
  return by_category_[static_cast<size_t>(CategoryOf(code_point))];
}

std::array<bool, 256> CharacterBytes::BytesOf(size_t set) const {
  return members_[set];
}

Result<PatternSyntax> TranslatePattern(std::string_view regex) {
  return Translator(regex).Run();
}

}  // namespace braid::corpus
