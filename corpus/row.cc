#include "corpus/row.h"

#include <algorithm>

#include "base/excerpt.h"
#include "base/text.h"
#include "corpus/field_path.h"
#include "corpus/pretokenizer.h"

namespace braid::corpus {
namespace {

constexpr size_t kShownNames = 12;
constexpr size_t kShownName = 40;

// The depth to which Lenient parses values. Deeper values stay text, so that hostile nesting cannot
// overflow the stack.
constexpr int kMaxDepth = 100;

// Moves over JSON without building values, since most fields of a row are not read. Every function
// leaves `at` after what it has read, or sets `error`.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  size_t at() const { return at_; }
  const char* error() const { return error_; }
  bool AtEnd() {
    SkipSpace();
    return at_ == text_.size();
  }
  char Peek() {
    SkipSpace();
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool Take(char c) {
    if (Peek() != c || at_ == text_.size()) return false;
    ++at_;
    return true;
  }
  bool Fail(const char* error) {
    error_ = error;
    return false;
  }

  // The next value, as its text.
  bool Value(std::string_view* value) {
    SkipSpace();
    const size_t begin = at_;
    if (!SkipValue()) return false;
    *value = text_.substr(begin, at_ - begin);
    return true;
  }

  // The next string, with its quotes.
  bool String(std::string_view* text) {
    if (Peek() != '"') return Fail("expected \", the beginning of a name");
    return Value(text);
  }

 private:
  void SkipSpace() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\r' || text_[at_] == '\n'))
      ++at_;
  }

  bool SkipString() {
    const size_t begin = at_++;
    while (true) {
      const size_t stop = text_.find_first_of("\"\\", at_);
      if (stop == std::string_view::npos || (text_[stop] == '\\' && stop + 1 >= text_.size())) {
        at_ = begin;
        return Fail("a text that does not end");
      }
      at_ = stop + (text_[stop] == '\\' ? 2 : 1);
      if (text_[stop] == '"') return true;
    }
  }

  // Skips a number, true, or NaN: everything up to a character that may follow a value.
  bool SkipWord() {
    const size_t begin = at_;
    while (at_ < text_.size() &&
           std::string_view(",:]}[{\" \t\r\n").find(text_[at_]) == std::string_view::npos)
      ++at_;
    return at_ > begin || Fail("expected a value");
  }

  // Skips a value. Of lists and objects only the brackets are matched; their content is checked if
  // it is read.
  bool SkipValue() {
    if (at_ == text_.size()) return Fail("the line ends within its object");
    std::string open;
    do {
      SkipSpace();
      if (at_ == text_.size()) return Fail("the line ends within its object");
      const char c = text_[at_];
      if (c == '"') {
        if (!SkipString()) return false;
      } else if (c == '{' || c == '[') {
        open += c == '{' ? '}' : ']';
        ++at_;
      } else if (c == '}' || c == ']') {
        if (open.empty()) return Fail("expected a value");
        if (open.back() != c) return Fail(c == '}' ? "expected ], found }" : "expected }, found ]");
        open.pop_back();
        ++at_;
      } else if ((c == ',' || c == ':') && !open.empty()) {
        ++at_;
      } else if (!SkipWord()) {
        return false;
      }
    } while (!open.empty());
    return true;
  }

  const std::string_view text_;
  size_t at_ = 0;
  const char* error_ = nullptr;
};

// True if the string has neither escapes nor characters that JSON forbids, so that its content can
// be used as it is. Most strings are like that.
bool IsPlain(std::string_view quoted) {
  const std::string_view inside = quoted.substr(1, quoted.size() - 2);
  return std::none_of(inside.begin(), inside.end(),
                      [](char c) { return c == '\\' || static_cast<unsigned char>(c) < 0x20; }) &&
         IsUtf8(inside);
}

bool IsString(std::string_view value) {
  return value.size() >= 2 && value.front() == '"' && value.back() == '"';
}

// A name without quotes and escapes. A name that is not valid JSON stays as it is written.
std::string NameOf(std::string_view quoted) {
  if (!IsPlain(quoted)) {
    if (const Result<Json> name = ParseJson(quoted, ""); name.ok() && name->is_string())
      return name->get<std::string>();
  }
  return std::string(quoted.substr(1, quoted.size() - 2));
}

Json AsWritten(std::string_view text) {
  return Json::binary({text.begin(), text.end()});
}

// If a field appears twice, nobody can tell which value is meant.
void Put(const std::string& name, Json value, Json* object) {
  const auto [at, added] = object->emplace(name, nullptr);
  *at = added ? std::move(value) : AsWritten("given twice");
}

Json LenientValue(std::string_view text, int depth) {
  const auto as_written = [&] { return AsWritten(text); };
  Scanner scan(text);
  const bool object = scan.Take('{');
  if (!object && !scan.Take('[')) {
    // Without escapes the value is what stands between the quotes: no parser is needed for most
    // fields.
    if (IsString(text) && IsPlain(text)) return std::string(text.substr(1, text.size() - 2));
    const Result<Json> value = ParseJson(text, "");
    return value.ok() ? *value : as_written();
  }
  // The recursion is bounded; what lies deeper stays text.
  if (depth >= kMaxDepth) return as_written();
  Json all = object ? Json::object() : Json::array();
  if (scan.Take(object ? '}' : ']')) return all;
  do {
    std::string_view name, value;
    if (object && (!scan.String(&name) || !scan.Take(':'))) return as_written();
    if (!scan.Value(&value)) return as_written();
    if (object) {
      all[NameOf(name)] = LenientValue(value, depth + 1);
    } else {
      all.push_back(LenientValue(value, depth + 1));
    }
  } while (scan.Take(','));
  return scan.Take(object ? '}' : ']') ? all : as_written();
}

// The reason in an error of the JSON library, without "parse error at line 1, column 9: " in front
// of it.
std::string ReasonOf(std::string_view message) {
  for (const std::string_view before : {"column ", "exception."}) {
    const size_t at = message.find(before);
    const size_t colon = at == std::string_view::npos ? at : message.find_first_of(":]", at);
    if (colon != std::string_view::npos) return std::string(Trim(message.substr(colon + 1)));
  }
  return std::string(message.starts_with(": ") ? message.substr(2) : message);
}

// The column in an error of the JSON library; 1 if it has none.
size_t ColumnOf(std::string_view message) {
  constexpr std::string_view kBefore = "line 1, column ";
  const size_t at = message.find(kBefore);
  size_t column = 0;
  for (size_t i = at == std::string_view::npos ? message.size() : at + kBefore.size();
       i < message.size() && message[i] >= '0' && message[i] <= '9'; ++i) {
    column = column * 10 + static_cast<size_t>(message[i] - '0');
  }
  return std::max<size_t>(column, 1);
}

}  // namespace

Result<Row> Row::Parse(std::string_view line, std::string place) {
  if (line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);  // a byte order mark
  Row row(std::move(place));
  Scanner scan(line);
  const auto invalid = [&](const char* why) {
    return InvalidArgument(
        Format("%s is not valid JSON: column %zu: ", row.place_.c_str(), scan.at() + 1) +
        (scan.error() != nullptr ? scan.error() : why));
  };
  if (!scan.Take('{')) {
    const bool list = scan.Peek() == '[';
    return InvalidArgument(row.place_ + ": the row is not a JSON object; it begins with " +
                           Excerpt(Trim(line).substr(0, 40)) +
                           (list ? " (one object a line; this is a list)" : ""));
  }
  if (!scan.Take('}')) {
    do {
      std::string_view name;
      Field field;
      if (scan.AtEnd()) return invalid("the line ends within its object");
      if (!scan.String(&name)) return invalid("");
      if (!scan.Take(':')) return invalid("expected : behind the name of a field");
      (void)scan.Peek();
      field.column = scan.at() + 1;
      if (!scan.Value(&field.value)) return invalid("");
      field.name = NameOf(name);
      row.fields_.push_back(std::move(field));
    } while (scan.Take(','));
    if (!scan.Take('}'))
      return invalid(scan.AtEnd() ? "the line ends within its object"
                                  : "expected , or } behind a value");
  }
  if (!scan.AtEnd()) return invalid("something stands behind the object; one object a line");
  return row;
}

const Row::Field* Row::Find(std::string_view name) const {
  const auto found = std::find_if(fields_.begin(), fields_.end(),
                                  [&](const Field& field) { return field.name == name; });
  return found == fields_.end() ? nullptr : &*found;
}

Result<Json> Row::Value(const Field& field) const {
  if (IsString(field.value) && IsPlain(field.value))
    return Json(std::string(field.value.substr(1, field.value.size() - 2)));
  Result<Json> value = ParseJson(field.value, "");
  if (value.ok()) return value;
  const std::string message = value.status().message();
  return InvalidArgument(Format("%s is not valid JSON: column %zu, field \"%s\": ", place_.c_str(),
                                field.column + ColumnOf(message) - 1,
                                Excerpt(field.name, kShownName).c_str()) +
                         ReasonOf(message));
}

bool Row::Has(std::string_view name) const {
  if (Find(name) != nullptr) return true;
  const FieldPath path(name);
  const Field* field = path.steps().size() > 1 ? Find(path.front()) : nullptr;
  if (field == nullptr) return false;
  Result<Json> value = ReadOwn(*field);
  return value.ok() && path.Follow(std::move(*value), place_).ok();
}

Result<Json> Row::ReadOwn(const Field& field) const {
  for (const Field* next = &field + 1; next != fields_.data() + fields_.size(); ++next) {
    if (next->name != field.name) continue;
    return InvalidArgument(Format("%s: column %zu: the field \"%s\" appears twice", place_.c_str(),
                                  next->column, Excerpt(field.name, kShownName).c_str()));
  }
  return Value(field);
}

Result<Json> Row::Read(std::string_view name) const {
  if (const Field* field = Find(name)) return ReadOwn(*field);
  const FieldPath path(name);
  if (path.steps().size() > 1) {
    if (const Field* field = Find(path.front())) {
      BRAID_ASSIGN_OR_RETURN(Json value, ReadOwn(*field));
      return path.Follow(std::move(value), place_);
    }
  }
  return InvalidArgument(place_ + ": the row has no field \"" +
                         Excerpt(path.steps().size() > 1 ? path.front() : name, kShownName) +
                         "\"; it has " + Names());
}

Result<std::string> Row::ReadText(std::string_view name) const {
  BRAID_ASSIGN_OR_RETURN(const Json value, Read(name));
  if (value.is_string()) return value.get<std::string>();
  return InvalidArgument(Format("%s: field \"%s\" is not text, but ", place_.c_str(),
                                Excerpt(name, kShownName).c_str()) +
                         ShownValue(value) + InColumn(Column(name)));
}

size_t Row::Column(std::string_view name) const {
  const Field* field = Find(name);
  if (field == nullptr) {
    const FieldPath path(name);
    if (path.steps().size() > 1) field = Find(path.front());
  }
  return field == nullptr ? 0 : field->column;
}

std::vector<std::string> Row::fields() const {
  std::vector<std::string> names;
  for (const Field& field : fields_) names.push_back(field.name);
  return names;
}

std::string Row::Names() const {
  std::vector<std::string> names;
  for (size_t i = 0; i < std::min(fields_.size(), kShownNames); ++i)
    names.push_back(Excerpt(fields_[i].name, kShownName));
  if (fields_.size() > kShownNames)
    names.push_back(Format("and %zu more", fields_.size() - kShownNames));
  return names.empty() ? "none" : Join(names, ", ");
}

Json Row::Lenient() const {
  Json all = Json::object();
  for (const Field& field : fields_) Put(field.name, LenientValue(field.value, 1), &all);
  return all;
}

std::string InColumn(size_t column) {
  return column == 0 ? "" : Format(" (column %zu)", column);
}

std::string ShownValue(const Json& value) {
  if (value.is_binary())
    return Excerpt(std::string(value.get_binary().begin(), value.get_binary().end()));
  return Excerpt(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

}  // namespace braid::corpus
