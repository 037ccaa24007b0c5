#include "corpus/chat.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/excerpt.h"
#include "base/text.h"
#include "base/utf8.h"
#include "corpus/row.h"

namespace braid::corpus {
namespace {

using Kind = spec::FormPart::Kind;

constexpr size_t kShownRole = 40;

// Names of roles in the dumps of ShareGPT.
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kOtherRoles = {
    {{"human", "user"},
     {"gpt", "assistant"},
     {"chatgpt", "assistant"},
     {"bing", "assistant"},
     {"bard", "assistant"},
     {"model", "assistant"},
     {"observation", "tool"}}};

// White space as `str.strip` of Python has it, which is what `trim` of published templates means.
bool IsSpace(uint32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 ||
         c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
         c == 0x205F || c == 0x3000;
}

// REQUIRES: valid UTF-8.
std::string_view Stripped(std::string_view text) {
  size_t length = 0;
  while (!text.empty() && IsSpace(DecodeCodePoint(text, &length))) text.remove_prefix(length);
  while (!text.empty()) {
    size_t last = text.size() - 1;
    while ((text[last] & 0xC0) == 0x80) --last;
    if (!IsSpace(DecodeCodePoint(text.substr(last), &length))) break;
    text = text.substr(0, last);
  }
  return text;
}

// A text that grows, with the spans that the template wrote.
struct Written {
  std::string text;
  std::vector<TextSpan> markup;

  void Add(std::string_view content) { text += content; }
  void AddMarkup(std::string_view words) {
    if (words.empty()) return;
    if (markup.empty() || markup.back().end != text.size())
      markup.push_back({text.size(), text.size()});
    text += words;
    markup.back().end = text.size();
  }
  void Add(const Written& other) {
    for (const TextSpan& span : other.markup)
      markup.push_back({span.begin + text.size(), span.end + text.size()});
    text += other.text;
  }
};

void Fill(const std::vector<spec::FormPart>& form, const std::string& role,
          std::string_view content, const Written& system, Written* out) {
  for (const spec::FormPart& part : form) {
    switch (part.kind) {
      case Kind::kText:
        out->AddMarkup(part.text);
        break;
      case Kind::kRole:
        out->Add(role);
        break;
      case Kind::kContent:
        out->Add(content);
        break;
      case Kind::kTrimmed:
        out->Add(Stripped(content));
        break;
      case Kind::kSystem:
        out->Add(system);
        break;
    }
  }
}

bool TakesSystem(const std::vector<spec::FormPart>& form) {
  return std::any_of(form.begin(), form.end(),
                     [](const spec::FormPart& part) { return part.kind == Kind::kSystem; });
}

// The parts of a form that was checked when the settings were read.
std::vector<spec::FormPart> Parsed(const std::string& form) {
  return spec::ParseForm(form).value();
}

Status Wrong(const std::string& place, const std::string& path, const std::string& why) {
  return InvalidArgument(place + ": field \"" + path + "\" " + why);
}

std::string KeysOf(const Json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return keys.empty() ? "it is empty" : "it has " + Excerpt(Join(keys, ", "));
}

Result<std::string> TextIn(const Json& message, const std::string& key, const std::string& place,
                           const std::string& path) {
  const auto at = message.find(key);
  if (at == message.end()) return Wrong(place, path, "has no " + key + "; " + KeysOf(message));
  if (at->is_string()) return at->get<std::string>();
  return Wrong(place, path + "." + key,
               "is not text, but " + ShownValue(*at) +
                   (at->is_array() ? "; of messages in parts, texts alone can be trained on: join "
                                     "them to one text, or leave the row out"
                                   : ""));
}

}  // namespace

std::string MessagesField(const spec::Chat& chat,
                          const std::function<bool(const std::string&)>& has) {
  if (!chat.field.empty()) return chat.field;
  return !has("messages") && has("conversations") ? "conversations" : "messages";
}

ChatWriter::ChatWriter(const spec::Chat& chat, std::string corpus)
    : corpus_(std::move(corpus)), trim_(chat.forms().trim), system_in_(chat.forms().system_in) {
  const spec::ChatForms& forms = chat.forms();
  begin_ = Parsed(forms.begin);
  end_ = Parsed(forms.end);
  message_ = Parsed(forms.message);
  takes_system_ = TakesSystem(message_);
  for (const auto& [role, form] : forms.roles) {
    const Form& parsed = roles_[role] = Parsed(form);
    takes_system_ = takes_system_ || TakesSystem(parsed);
  }
  template_ = chat.name ? "the template " + NameOf(*chat.name)
                        : "corpora." + corpus_ + ".chat.roles";
}

Result<ChatWriter::Message> ChatWriter::ReadMessage(const Json& value, const std::string& place,
                                                    const std::string& path) {
  if (!value.is_object()) return Wrong(place, path, "is no message, but " + ShownValue(value));
  Message message;
  const bool from = !value.contains("role") && value.contains("from");
  message.role_key = from ? "from" : "role";
  BRAID_ASSIGN_OR_RETURN(message.role, TextIn(value, message.role_key, place, path));
  BRAID_ASSIGN_OR_RETURN(message.content, TextIn(value, from ? "value" : "content", place, path));
  if (!from) return message;
  for (const auto& [other, role] : kOtherRoles) {
    if (message.role == other) {
      message.role = role;
      break;
    }
  }
  return message;
}

const ChatWriter::Form* ChatWriter::FormOf(const std::string& role) const {
  if (const auto own = roles_.find(role); own != roles_.end()) return &own->second;
  return message_.empty() ? nullptr : &message_;
}

size_t ChatWriter::LastThatTakesSystem(const std::vector<Message>& messages) const {
  for (size_t i = messages.size(); i > 0; --i) {
    const Form* form = FormOf(messages[i - 1].role);
    if (form != nullptr && TakesSystem(*form)) return i - 1;
  }
  return messages.size();
}

Status ChatWriter::NoForm(const Message& message, const std::string& place,
                          const std::string& path) const {
  std::vector<std::string> known;
  for (const auto& [role, form] : roles_) known.push_back(role);
  return Wrong(place, path + "." + message.role_key,
               "is \"" + Excerpt(message.role, kShownRole) + "\", and " + template_ +
                   " has only forms for " + Join(known, ", ") + " (corpora." + corpus_ +
                   ".chat.message would be one for all other roles, and roles one for each)");
}

Result<Document> ChatWriter::Write(const Json& messages, const std::string& place,
                                   const std::string& field) const {
  if (!messages.is_array())
    return Wrong(place, field, "is no list of messages, but " + ShownValue(messages));
  if (messages.empty()) return Wrong(place, field, "has no messages");
  // The system message that waits for the form that takes it in, and its place.
  Written all, system;
  std::string waiting;
  Fill(begin_, "", "", system, &all);
  const auto path_of = [&field](size_t i) { return field + "[" + std::to_string(i) + "]"; };
  std::vector<Message> read;
  for (size_t i = 0; i < messages.size(); ++i) {
    BRAID_ASSIGN_OR_RETURN(Message message, ReadMessage(messages[i], place, path_of(i)));
    read.push_back(std::move(message));
  }
  const bool at_last = system_in_ == spec::SystemIn::kLast;
  const size_t last = at_last ? LastThatTakesSystem(read) : 0;
  for (size_t i = 0; i < read.size(); ++i) {
    const Message& message = read[i];
    const std::string path = path_of(i);
    const Form* form = FormOf(message.role);
    if (form == nullptr) return NoForm(message, place, path);
    const bool takes = TakesSystem(*form) && (!at_last || i == last);
    const std::string_view content = trim_ ? Stripped(message.content) : message.content;
    const bool waits = takes_system_ && message.role == "system";
    Fill(*form, message.role, content, takes ? system : Written(), waits ? &system : &all);
    if (waits && !form->empty()) waiting = path;
    if (!takes) continue;
    system = {};
    waiting.clear();
  }
  if (!waiting.empty()) {
    return Wrong(
        place, waiting,
        "is a system message, and no message behind it takes it in, as " + template_ + " wants it");
  }
  Fill(end_, "", "", system, &all);
  Document document;
  document.text = std::move(all.text);
  document.markup = std::move(all.markup);
  return document;
}

std::vector<std::string> ChatWriter::Words() const {
  std::vector<std::string> words;
  const auto add = [&words](const Form& form) {
    for (const spec::FormPart& part : form) {
      if (part.kind == Kind::kText) words.push_back(part.text);
    }
  };
  for (const Form* form : {&begin_, &end_, &message_}) add(*form);
  for (const auto& [role, form] : roles_) add(form);
  return words;
}

}  // namespace braid::corpus
