#include "submit/seen_rows.h"

#include <algorithm>
#include <utility>

namespace braid::submit {
namespace {

constexpr double kShortText = 8;  // mean bytes of a field that is hardly the document

// Fields that belong together, in their order.
const std::vector<std::vector<std::string>>& KnownPairs() {
  static const std::vector<std::vector<std::string>> pairs = {
      {"question", "answer"},
      {"problem", "solution"},
      {"prompt", "completion"},
      {"prompt", "response"},
      {"instruction", "output"},
      {"instruction", "response"},
      {"question", "generated_solution"},
      {"source", "target"},
  };
  return pairs;
}

bool IsListOfIds(const Json& value) {
  return value.is_array() && !value.empty() &&
         std::all_of(value.begin(), value.end(),
                     [](const Json& id) { return id.is_number_integer(); });
}

// The text of a message; null if the value is none.
const std::string* TextOfMessage(const Json& value) {
  if (!value.is_object()) return nullptr;
  for (const auto& [role, text] : {std::pair{"role", "content"}, std::pair{"from", "value"}}) {
    const auto who = value.find(role), what = value.find(text);
    if (who != value.end() && what != value.end() && who->is_string() && what->is_string())
      return &what->get_ref<const std::string&>();
  }
  return nullptr;
}

// The bytes of text in a list of messages; below 0 for what is none.
double BytesOfMessages(const Json& value) {
  if (!value.is_array() || value.empty()) return -1;
  double bytes = 0;
  for (const Json& message : value) {
    const std::string* text = TextOfMessage(message);
    if (text == nullptr) return -1;
    bytes += static_cast<double>(text->size());
  }
  return bytes;
}

}  // namespace

void SeenRows::See(const Json& row) {
  for (const auto& [name, value] : row.items()) {
    Field& field = fields_[name];
    ++field.rows;
    field.text = field.text && value.is_string();
    field.ids = field.ids && IsListOfIds(value);
    const double said = BytesOfMessages(value);
    field.messages = field.messages && said >= 0;
    if (said > 0) field.bytes += said;
    if (value.is_string())
      field.bytes += static_cast<double>(value.get_ref<const std::string&>().size());
  }
  if (rows_++ == 0) first_ = row;
}

std::vector<std::string> SeenRows::Names() const {
  std::vector<std::string> names;
  for (const auto& [name, field] : fields_) names.push_back(name);
  return names;
}

bool SeenRows::HoldsText(const std::string& name) const {
  const auto found = fields_.find(name);
  return found != fields_.end() && found->second.text && found->second.rows == rows_;
}

std::vector<std::string> SeenRows::TextFields() const {
  if (HoldsText("text")) return {"text"};
  if (samples_ && HoldsText("txt")) return {"txt"};
  for (const auto& pair : KnownPairs()) {
    if (HoldsText(pair[0]) && HoldsText(pair[1])) return pair;
  }
  std::string longest;
  double most = kShortText * static_cast<double>(rows_);
  for (const auto& [name, field] : fields_) {
    if (HoldsText(name) && field.bytes > most) {
      most = field.bytes;
      longest = name;
    }
  }
  return longest.empty() ? std::vector<std::string>() : std::vector<std::string>{longest};
}

std::string SeenRows::IdsField() const {
  std::string found;
  for (const auto& [name, field] : fields_) {
    if (field.ids && field.rows == rows_) found = name;
  }
  return found;
}

std::string SeenRows::MessagesField() const {
  for (const std::string name :
       {"messages", "conversations", "json.messages", "json.conversations"}) {
    const auto found = fields_.find(name);
    if (found != fields_.end() && found->second.messages && found->second.rows == rows_)
      return name;
  }
  return "";
}

double SeenRows::TextBytes(const std::vector<std::string>& fields) const {
  double bytes = 0;
  for (const std::string& name : fields) {
    if (const auto found = fields_.find(name); found != fields_.end()) bytes += found->second.bytes;
  }
  return bytes;
}

}  // namespace braid::submit
