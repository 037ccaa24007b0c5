#include "spec/chat.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/excerpt.h"
#include "base/text.h"
#include "schema/builder.h"

namespace braid::spec {
namespace {

using schema::Builder;
using schema::Fail;
using schema::Schema;

using Kind = FormPart::Kind;

constexpr std::array<std::pair<std::string_view, Kind>, 4> kPlaces = {{{"role", Kind::kRole},
                                                                       {"content", Kind::kContent},
                                                                       {"trimmed", Kind::kTrimmed},
                                                                       {"system", Kind::kSystem}}};

bool Holds(const std::vector<FormPart>& parts, Kind kind) {
  return std::any_of(parts.begin(), parts.end(),
                     [kind](const FormPart& part) { return part.kind == kind; });
}

// Checks the form of a message, under the field `field`; whether it has a place for {system}.
bool CheckForm(const std::string& field, const std::string& form, const Fail& fail) {
  const auto parts = ParseForm(form);
  if (!parts.ok()) {
    fail({field}, parts.status().message());
    return false;
  }
  if (!form.empty() && !Holds(*parts, Kind::kContent) && !Holds(*parts, Kind::kTrimmed))
    fail({field}, "has no {content}, so that the text of the message would be lost");
  return Holds(*parts, Kind::kSystem);
}

void CheckForms(const ChatForms& chat, const Fail& fail) {
  for (const auto& [field, form] : {std::pair{"begin", &chat.begin}, std::pair{"end", &chat.end}}) {
    const auto parts = ParseForm(*form);
    if (!parts.ok()) {
      fail({field}, parts.status().message());
    } else if (parts->size() > 1 || (parts->size() == 1 && parts->front().kind != Kind::kText)) {
      fail({field},
           "belongs to no message: it may have none of {role}, {content}, {trimmed} and {system}");
    }
  }
  bool takes_system = CheckForm("message", chat.message, fail);
  for (const auto& [role, form] : chat.roles) {
    const bool takes = CheckForm("roles." + role, form, fail);
    if (takes && role == "system") fail({"roles.system"}, "cannot hold {system}, which is itself");
    takes_system = takes_system || takes;
  }
  if (takes_system && !chat.roles.contains("system")) {
    fail({"roles"},
         "a form has {system}, so that roles.system must say what stands there, such as "
         "\"{content}\\n\\n\"");
  }
  if (!takes_system && chat.system_in != ChatForms().system_in)
    fail({"system_in"}, "does nothing, as no form has {system}");
}

void CheckChat(const Chat& chat, const Fail& fail) {
  if (!chat.name) {
    if (chat.message.empty() && chat.roles.empty()) {
      fail({"template"}, "name one of the templates (" + Join(WordsOf(ChatTemplate{}), ", ") +
                             "), or write one: message, or roles, says what a message becomes");
    }
    return;
  }
  for (const auto& [field, given] : {std::pair{"message", !chat.message.empty()},
                                     {"roles", !chat.roles.empty()},
                                     {"begin", !chat.begin.empty()},
                                     {"end", !chat.end.empty()},
                                     {"trim", chat.trim},
                                     {"system_in", chat.system_in != ChatForms().system_in}}) {
    if (given) fail({field}, "does nothing beside template, which says all of it");
  }
}

}  // namespace

const schema::Words& WordsOf(ChatTemplate) {
  static const schema::Words words = {"chatml", "llama3",     "mistral",
                                      "plain",  "mistral_v3", "mistral_tekken"};
  return words;
}
const schema::Words& WordsOf(SystemIn) {
  static const schema::Words words = {"next", "last"};
  return words;
}

const ChatForms& FormsOf(ChatTemplate name) {
  static const ChatForms chatml = {.message = "<|im_start|>{role}\n{content}<|im_end|>\n"};
  static const ChatForms llama3 = {
      .begin = "<|begin_of_text|>",
      .message = "<|start_header_id|>{role}<|end_header_id|>\n\n{content}<|eot_id|>",
      .trim = true};
  static const ChatForms mistral = {.begin = "<s>",
                                    .roles = {{"system", "{content}\n\n"},
                                              {"user", "[INST] {system}{content} [/INST]"},
                                              {"assistant", " {content}</s>"}}};
  static const ChatForms mistral_v3 = {.begin = "<s>",
                                       .roles = {{"system", "{content}\n\n"},
                                                 {"user", "[INST] {system}{content}[/INST]"},
                                                 {"assistant", " {trimmed}</s>"}},
                                       .system_in = SystemIn::kLast};
  static const ChatForms mistral_tekken = {.begin = "<s>",
                                           .roles = {{"system", "{content}\n\n"},
                                                     {"user", "[INST]{system}{content}[/INST]"},
                                                     {"assistant", "{content}</s>"}},
                                           .system_in = SystemIn::kLast};
  static const ChatForms plain = {.message = "{role}: {content}\n\n"};
  switch (name) {
    case ChatTemplate::kChatml:
      return chatml;
    case ChatTemplate::kLlama3:
      return llama3;
    case ChatTemplate::kMistral:
      return mistral;
    case ChatTemplate::kMistralV3:
      return mistral_v3;
    case ChatTemplate::kMistralTekken:
      return mistral_tekken;
    case ChatTemplate::kPlain:
      break;
  }
  return plain;
}

Result<std::vector<FormPart>> ParseForm(std::string_view form) {
  std::vector<FormPart> parts;
  const auto add = [&](std::string_view text) {
    if (parts.empty() || parts.back().kind != Kind::kText) parts.emplace_back();
    parts.back().text += text;
  };
  while (!form.empty()) {
    const size_t brace = std::min(form.find_first_of("{}"), form.size());
    if (brace > 0) add(form.substr(0, brace));
    form.remove_prefix(brace);
    if (form.empty()) break;
    if (form.starts_with("{{") || form.starts_with("}}")) {
      add(form.substr(0, 1));
      form.remove_prefix(2);
      continue;
    }
    const size_t end = form.find('}');
    const std::string_view name = form.starts_with('{') && end != std::string_view::npos
                                      ? form.substr(1, end - 1)
                                      : "";
    const auto place = std::find_if(kPlaces.begin(), kPlaces.end(),
                                    [&](const auto& known) { return known.first == name; });
    if (place == kPlaces.end()) {
      return InvalidArgument(
          "{role}, {content}, {trimmed} and {system} stand for parts of a message, {{ and "
          "}} for braces; here is " +
          Excerpt(form.substr(0, name.empty() ? 20 : end + 1), 40));
    }
    parts.push_back({place->second, ""});
    form.remove_prefix(end + 1);
  }
  return parts;
}

const Schema& ChatForms::Fields() {
  static const Schema fields = [] {
    Builder<ChatForms> field("chat", "A template that is written in the recipe.");
    field("message", &ChatForms::message,
          "Without `template`: what a message becomes whose role is not in `roles`. `{role}` and "
          "`{content}` stand for its parts, `{trimmed}` for the content without white space at its "
          "ends, `{{` and `}}` for braces.")
        .OmitDefault();
    field("roles", &ChatForms::roles,
          "Without `template`: what messages of single roles become. `{system}` stands for the "
          "system message before this one, which then has no place of its own; an empty text "
          "leaves the messages of a role out.")
        .OmitDefault();
    field("begin", &ChatForms::begin, "Without `template`: what stands before the first message.")
        .OmitDefault();
    field("end", &ChatForms::end, "Without `template`: what stands behind the last message.")
        .OmitDefault();
    field("trim", &ChatForms::trim,
          "Without `template`: white space at both ends of each content is left out.")
        .OmitDefault();
    field("system_in", &ChatForms::system_in,
          "Without `template`: which message takes in the system message before it, of those whose "
          "form has `{system}`: the `next` one, or the `last` one of the chat.")
        .OmitDefault();
    field.Check(CheckForms);
    return field.Done();
  }();
  return fields;
}

const Schema& Chat::Fields() {
  static const Schema fields = [] {
    Builder<Chat> setting("chat", "Of rows of messages: what makes a document of them.");
    setting("template", &Chat::name,
            "How messages are written: `chatml` (Qwen, SmolLM), `llama3`, `mistral` (7B v0.1 and "
            "v0.2, 8x7B), `mistral_v3` (7B v0.3, 8x22B), `mistral_tekken` (Nemo, Ministral), or "
            "`plain`, which needs no tokens of its own. Their forms are below.");
    setting("field", &Chat::field,
            "The field with the list of messages, each with `role` and `content`, or `from` and "
            "`value`.")
        .DefaultText("`messages`, or else `conversations`")
        .OmitDefault();
    setting.Include<ChatForms>();
    setting.Check(CheckChat);
    return setting.Done();
  }();
  return fields;
}

}  // namespace braid::spec
