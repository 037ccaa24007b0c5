// Chats as documents: a list of messages is written out by a template (spec/chat.h). Internal to
// corpus/.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "corpus/corpus.h"
#include "spec/chat.h"

namespace braid::corpus {

// The field of a row that holds its messages: the one that is named, or "messages", or else
// "conversations"; `has` says whether the row has a field that is not null. "messages" if it has
// neither.
std::string MessagesField(const spec::Chat& chat,
                          const std::function<bool(const std::string&)>& has);

// Writes chats by one template. Immutable, hence thread-safe.
class ChatWriter {
 public:
  // `corpus` names the corpus in errors. REQUIRES: `chat` has passed the checks of its schema.
  ChatWriter(const spec::Chat& chat, std::string corpus);

  // The document of a list of messages: objects with texts `role` and `content`, or `from` and
  // `value` as ShareGPT has them, whose roles have other names there (docs/recipe.md#corpora).
  // Other keys are ignored. kInvalidArgument names the place of the row and the field within it.
  Result<Document> Write(const Json& messages, const std::string& place,
                         const std::string& field) const;

  // The texts of the template itself, without what stands in for messages.
  std::vector<std::string> Words() const;

 private:
  using Form = std::vector<spec::FormPart>;
  // One message, with what names its role and its content.
  struct Message {
    std::string role, content;
    std::string role_key;
  };

  static Result<Message> ReadMessage(const Json& value, const std::string& place,
                                     const std::string& path);
  // The number of the message that takes system messages in by `system_in: last`; that of all
  // messages if none does.
  size_t LastThatTakesSystem(const std::vector<Message>& messages) const;
  // Null if there is none for the role.
  const Form* FormOf(const std::string& role) const;
  Status NoForm(const Message& message, const std::string& place, const std::string& path) const;

  const std::string corpus_;
  Form begin_, end_, message_;
  std::map<std::string, Form> roles_;
  bool trim_;
  spec::SystemIn system_in_;
  // Whether a form takes the system message in.
  bool takes_system_ = false;
  // For errors: "the template mistral", or the keys of the recipe.
  std::string template_;
};

}  // namespace braid::corpus
