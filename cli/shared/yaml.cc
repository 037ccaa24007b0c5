#include "cli/shared/yaml.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <nlohmann/json.hpp>
#include <string_view>

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

// In quotes with JSON's escapes, which are YAML's, too.
std::string Text(const std::string& text) {
  return IsPlain(text) ? text
                       : Ordered(text).dump(-1, ' ', false, Ordered::error_handler_t::replace);
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
    *out += (value.is_string() ? Text(value.get<std::string>()) : value.dump()) + "\n";
  }
}

}  // namespace

std::string YamlOf(const std::string& json) {
  std::string out;
  Write(Ordered::parse(json, nullptr, /*allow_exceptions=*/false), 0, &out);
  return out;
}

}  // namespace braid::cli
