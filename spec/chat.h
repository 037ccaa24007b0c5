// How rows of messages become documents: `chat` of a corpus, in recipes and tasks.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "schema/schema.h"

namespace braid::spec {

// The templates that braid has.
enum class ChatTemplate { kChatml, kLlama3, kMistral, kPlain, kMistralV3, kMistralTekken };
const schema::Words& WordsOf(ChatTemplate);

// Which of the messages behind a system message takes it in, of those whose form has {system}: the
// next one, or the last one of the chat.
enum class SystemIn { kNext, kLast };
const schema::Words& WordsOf(SystemIn);

// The parts of a template. A form is text in which {role}, {content}, {trimmed} and {system} stand
// for parts of a message, and {{ and }} for braces (ParseForm).
struct ChatForms {
  // Before the first message, and behind the last one.
  std::string begin;
  std::string end;
  // The form of messages whose role is not in `roles`; empty: no other roles are allowed.
  std::string message;
  // The forms of single roles; an empty one leaves the messages of its role out.
  std::map<std::string, std::string> roles;
  // Whether white space is taken off both ends of each content.
  bool trim = false;
  SystemIn system_in = SystemIn::kNext;

  static const schema::Schema& Fields();
};

// The forms of a template that braid has.
const ChatForms& FormsOf(ChatTemplate name);

struct Chat : ChatForms {
  // The field with the list of messages; empty: "messages", or else "conversations".
  std::string field;
  // One of the templates that braid has; absent: the forms that are given.
  std::optional<ChatTemplate> name;

  // Those that count.
  const ChatForms& forms() const { return name ? FormsOf(*name) : *this; }

  static const schema::Schema& Fields();
};

// A part of a form: text as it is, or the place of a part of a message.
struct FormPart {
  enum class Kind : uint8_t { kText, kRole, kContent, kTrimmed, kSystem };
  Kind kind = Kind::kText;
  // Of kText: what stands there.
  std::string text;
};

// The parts of a form, adjacent text in one. kInvalidArgument says what is wrong with its braces.
Result<std::vector<FormPart>> ParseForm(std::string_view form);

}  // namespace braid::spec
