#include "cli/shared/yaml.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/text.h"
#include "base/utf8.h"

namespace braid::cli {
namespace {

using Ordered = nlohmann::ordered_json;

// Words that some version of YAML takes for true, false or nothing.
constexpr std::array<std::string_view, 9> kReserved = {"true", "false", "null", "yes", "no",
                                                       "on",   "off",   "y",    "n"};

bool IsPlain(const std::string& text) {
  if (text.empty() || std::isalpha(static_cast<unsigned char>(text.front())) == 0) return false;
  const bool simple = std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return (c < 0x80 && std::isalnum(c) != 0) || c == '_' || c == '-' || c == '.' || c == '/' ||
           c == '@';
  });
  std::string lower = text;
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return simple && std::find(kReserved.begin(), kReserved.end(), lower) == kReserved.end();
}

// Whether YAML refuses the character in a text, or reads it as another: DEL and the controls behind
// it, the separators of lines and paragraphs, the mark of the byte order, what is no character.
bool MustBeEscaped(uint32_t code) {
  return (code >= 0x7F && code <= 0x9F) || code == 0x2028 || code == 0x2029 || code == 0xFEFF ||
         code == 0xFFFE || code == 0xFFFF;
}

// The text, which is UTF-8, with escapes for what JSON lets stand and YAML does not.
std::string Escaped(const std::string& text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    size_t size = 0;
    const uint32_t code = DecodeCodePoint(std::string_view(text).substr(at), &size);
    out += MustBeEscaped(code) ? Format("\\u%04x", code) : text.substr(at, size);
    at += size;
  }
  return out;
}

// In quotes with JSON's escapes, which are YAML's, too.
std::string Text(const std::string& text) {
  if (IsPlain(text)) return text;
  return Escaped(Ordered(text).dump(-1, ' ', false, Ordered::error_handler_t::replace));
}

// JSON's 1e-05 is a text to readers of YAML 1.1, which want a point.
std::string Scalar(const Ordered& value) {
  if (value.is_string()) return Text(value.get<std::string>());
  std::string text = value.dump();
  const size_t exponent = text.find('e');
  if (value.is_number_float() && exponent != std::string::npos &&
      text.find('.') == std::string::npos)
    text.insert(exponent, ".0");
  return text;
}

void Write(const Ordered& value, size_t indent, std::string* out);

// What stands behind "key:" or "-": on the same line, or a block below.
void WriteBehind(const Ordered& value, size_t indent, std::string* out) {
  if (value.is_structured() && !value.empty()) {
    *out += '\n';
    return Write(value, indent, out);
  }
  *out += ' ';
  Write(value, indent, out);
}

void Write(const Ordered& value, size_t indent, std::string* out) {
  if (value.is_structured() && value.empty()) {
    *out += value.is_object() ? "{}\n" : "[]\n";
  } else if (value.is_object()) {
    for (const auto& [key, member] : value.items()) {
      *out += std::string(indent, ' ') + Text(key) + ":";
      WriteBehind(member, indent + 2, out);
    }
  } else if (value.is_array()) {
    for (const Ordered& element : value) {
      // The first line of an element begins behind its dash.
      const size_t begin = out->size();
      if (!element.is_structured() || element.empty()) *out += std::string(indent + 2, ' ');
      Write(element, indent + 2, out);
      (*out)[begin + indent] = '-';
    }
  } else {
    *out += Scalar(value) + "\n";
  }
}

}  // namespace

std::string YamlOf(const std::string& json) {
  std::string out;
  Write(Ordered::parse(json, nullptr, /*allow_exceptions=*/false), 0, &out);
  return out;
}

}  // namespace braid::cli
