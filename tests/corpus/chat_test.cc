// Rows of messages: which fields make a chat, and what is said of those that make none. Texts and
// ids are compared with transformers in tests/peers/chat_test.py.
#include "corpus/chat.h"

#include <gmock/gmock.h>

#include "base/file.h"

namespace braid::corpus {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ChatTest : public ::testing::Test {
 protected:
  // The documents of rows, or the error.
  std::vector<std::string> Read(const Json& chat, const std::string& rows,
                                LeftOut* left_out = nullptr, const char* name = "talks.jsonl") {
    const std::string path = JoinPath(folder_.path(), name);
    EXPECT_TRUE(WriteFileAtomic(path, rows).ok());
    Json corpus = {{"name", "c"}, {"chat", chat}};
    if (left_out != nullptr) corpus["on_bad_row"] = "skip";
    const auto spec = CorpusFromJson(corpus, "corpus");
    if (!spec.ok()) return {spec.status().message()};
    std::vector<std::string> texts;
    const Status status = ReadDocuments(
        *spec, {{path, name}}, 42,
        [&](const Document& document) {
          texts.push_back(document.text);
          return OkStatus();
        },
        {}, left_out);
    return status.ok() ? texts : std::vector<std::string>{status.message()};
  }
  std::string Error(const Json& chat, const std::string& row) {
    return Read(chat, row + "\n").front();
  }

  const Json plain_ = {{"template", "plain"}};
  TemporaryFolder folder_ = TemporaryFolder::Create().value();
};

TEST_F(ChatTest, MessagesAreFoundAsPeopleHaveThem) {
  const std::string rows =
      R"({"id":1,"messages":[{"role":"user","content":"a","weight":0},{"role":"x","content":"b"}]})"
      "\n"
      R"({"conversations":[{"from":"human","value":"c"},{"from":"gpt","value":"d"}]})"
      "\n"
      R"({"conversations":1,"messages":[{"from":"system","value":"e"}]})"
      "\n"
      R"({"messages":null,"conversations":[{"from":"model","value":"n"},{"from":"observation","value":"o"}]})"
      "\n";
  EXPECT_THAT(Read(plain_, rows), ElementsAre("user: a\n\nx: b\n\n", "user: c\n\nassistant: d\n\n",
                                              "system: e\n\n", "assistant: n\n\ntool: o\n\n"));
  EXPECT_THAT(Read({{"template", "plain"}, {"field", "data.talks[1]"}},
                   R"({"data":{"talks":[0,[{"role":"user","content":"f"}]]}})"),
              ElementsAre("user: f\n\n"));
}

TEST_F(ChatTest, ATemplateOfOnesOwn) {
  const Json own = {
      {"begin", "<{{"},
      {"end", "}}>"},
      {"message", "[{role}|{content}]"},
      {"roles", {{"user", "({system}{content})"}, {"system", "{content};"}, {"tool", ""}}}};
  const auto talk = [](const std::string& messages) { return "{\"messages\":[" + messages + "]}"; };
  const std::string system = R"({"role":"system","content":"S"})",
                    tool = R"({"role":"tool","content":"T"})",
                    user = R"({"role":"user","content":"{role}"})";
  EXPECT_THAT(Read(own, talk(system + "," + tool + "," + user + "," + user)),
              ElementsAre("<{(S;{role})({role})}>"));
  EXPECT_THAT(Read(own, talk(system + "," + system + "," + user)), ElementsAre("<{(S;S;{role})}>"));
  EXPECT_THAT(Read(own, talk(user + "," + system)).front(),
              HasSubstr("field \"messages[1]\" is a system message, and no message behind it takes "
                        "it in, as corpora.c.chat.roles wants it"));
}

TEST_F(ChatTest, TheSystemMessageGoesIntoTheLastMessageThatTakesIt) {
  const std::string user = R"({"role":"user","content":" u "},)",
                    answer = R"({"role":"assistant","content":"\u2028 a\t"})";
  const std::string talk = R"({"messages":[{"role":"system","content":"S"},)" + user + answer +
                           "," + user + answer + "]}";
  EXPECT_THAT(Read({{"template", "mistral_v3"}}, talk),
              ElementsAre("<s>[INST]  u [/INST] a</s>[INST] S\n\n u [/INST] a</s>"));
  EXPECT_THAT(Read({{"template", "mistral_tekken"}}, talk),
              ElementsAre("<s>[INST] u [/INST]\u2028 a\t</s>[INST]S\n\n u [/INST]\u2028 a\t</s>"));
  const Json own = {{"message", "{system}{trimmed}."},
                    {"roles", {{"system", "({content})"}}},
                    {"system_in", "last"}};
  EXPECT_THAT(Read(own, talk), ElementsAre("u.a.u.(S)a."));
  EXPECT_THAT(Error({{"template", "mistral_v3"}},
                    R"({"messages":[{"role":"system","content":"S"},)" + answer + "]}"),
              HasSubstr("field \"messages[0]\" is a system message, and no message behind it takes "
                        "it in, as the template mistral_v3 wants it"));
}

TEST_F(ChatTest, WhatIsNoChatIsNamedWithFileLineAndField) {
  EXPECT_EQ(Error(plain_, R"({"text":"a"})"),
            "talks.jsonl:1: the row has no field \"messages\"; it has text (corpora.c.chat.field "
            "names the field)");
  EXPECT_EQ(Error(plain_, R"({"messages":"hello"})"),
            "talks.jsonl:1: field \"messages\" is no list of messages, but \"hello\" (column 13)");
  EXPECT_THAT(Error(plain_, R"({"messages":[]})"), HasSubstr("field \"messages\" has no messages"));
  EXPECT_THAT(Error(plain_, R"({"messages":[3]})"),
              HasSubstr("field \"messages[0]\" is no message, but 3"));
  EXPECT_THAT(Error(plain_, R"({"messages":[{"content":"a"}]})"),
              HasSubstr("field \"messages[0]\" has no role; it has content"));
  EXPECT_THAT(Error(plain_, R"({"messages":[{"role":"user"}]})"),
              HasSubstr("field \"messages[0]\" has no content; it has role"));
  EXPECT_THAT(Error(plain_, R"({"conversations":[{"from":"gpt"}]})"),
              HasSubstr("field \"conversations[0]\" has no value; it has from"));
  EXPECT_THAT(Error(plain_, R"({"messages":[{"role":2,"content":"a"}]})"),
              HasSubstr("field \"messages[0].role\" is not text, but 2"));
  EXPECT_THAT(
      Error(plain_, R"({"messages":[{"role":"assistant","content":null,"tool_calls":[]}]})"),
      HasSubstr("field \"messages[0].content\" is not text, but null"));
  EXPECT_THAT(Error(plain_, R"({"messages":[{"role":"user","content":[{"type":"image"}]}]})"),
              HasSubstr("field \"messages[0].content\" is not text, but [{\"type\":\"image\"}]; of "
                        "messages in parts, texts alone can be trained on"));
  EXPECT_EQ(Error({{"template", "mistral"}}, R"({"messages":[{"role":"tool","content":"a"}]})"),
            "talks.jsonl:1: field \"messages[0].role\" is \"tool\", and the template mistral has "
            "only forms for assistant, system, user (corpora.c.chat.message would be one for all "
            "other roles, and roles one for each) (column 13)");
  EXPECT_THAT(Read(plain_, "messages,b\n1,2\n", nullptr, "t.csv").front(),
              StartsWith("t.csv: corpora.c.chat names a field of rows, but the lines of this file "
                         "are no JSON objects (the first is messages,b); plain text has no"));
}

TEST_F(ChatTest, BadRowsAreSkippedIfAsked) {
  const std::string good = R"({"messages":[{"role":"user","content":"a"}]})";
  LeftOut left_out;
  EXPECT_THAT(Read(plain_, good + "\n{\"messages\":[]}\n" + good + "\n{\"messages\":\n", &left_out),
              ElementsAre("user: a\n\n", "user: a\n\n"));
  EXPECT_EQ(left_out.bad_rows, 2);
  EXPECT_THAT(left_out.first_bad_rows.front(), StartsWith("talks.jsonl:2: field \"messages\""));
  const std::string none = "{\"text\":\"a\"}\n{\"text\":\"b\"}\n";
  EXPECT_THAT(Read(plain_, none, &left_out).front(),
              HasSubstr("no row at the front of this file has the field messages, which "
                        "corpora.c.chat names; the first has text"));
}

TEST_F(ChatTest, RowsOfMessagesWithoutASettingAreToldWhatMakesDocumentsOfThem) {
  const std::string path = JoinPath(folder_.path(), "talks");
  ASSERT_TRUE(WriteFileAtomic(path, "{\"messages\":[]}\n").ok());
  CorpusSpec spec;
  spec.name = "c";
  EXPECT_THAT(ReadDocuments(spec, {path}, 42, [](const Document&) { return OkStatus(); }).message(),
              HasSubstr("corpora.c.chat: {template: chatml} makes documents of messages"));
}

TEST_F(ChatTest, SettingsThatMakeNoTemplateAreErrors) {
  const auto wrong = [this](const Json& chat) { return Read(chat, "{}\n").front(); };
  EXPECT_EQ(wrong(Json::object()),
            "corpus.chat.template: name one of the templates (chatml, llama3, mistral, plain, "
            "mistral_v3, mistral_tekken), or write one: message, or roles, says what a message "
            "becomes");
  EXPECT_EQ(wrong({{"template", "llama4"}}),
            "corpus.chat.template: expected chatml or llama3 or mistral or plain or mistral_v3 or "
            "mistral_tekken, found "
            "\"llama4\"; did you mean llama3?");
  EXPECT_EQ(wrong({{"message", "{content}"}, {"system_in", "last"}}),
            "corpus.chat.system_in: does nothing, as no form has {system}");
  EXPECT_EQ(wrong({{"template", "chatml"}, {"system_in", "last"}}),
            "corpus.chat.system_in: does nothing beside template, which says all of it");
  EXPECT_EQ(wrong({{"template", "chatml"}, {"message", "{content}"}}),
            "corpus.chat.message: does nothing beside template, which says all of it");
  EXPECT_EQ(wrong({{"message", "<{rolle}>{content}"}}),
            "corpus.chat.message: {role}, {content}, {trimmed} and {system} stand for parts of a "
            "message, {{ and }} for braces; here is {rolle}");
  EXPECT_THAT(wrong({{"message", "{content} }"}}), EndsWith("here is }"));
  EXPECT_THAT(wrong({{"message", "{content} {"}}), EndsWith("here is {"));
  EXPECT_EQ(wrong({{"message", "{role}"}}),
            "corpus.chat.message: has no {content}, so that the text of the message would be lost");
  EXPECT_EQ(wrong({{"message", "{content}"}, {"begin", "{content}"}}),
            "corpus.chat.begin: belongs to no message: it may have none of {role}, {content}, "
            "{trimmed} and {system}");
  EXPECT_EQ(wrong({{"message", "{system}{content}"}}),
            "corpus.chat.roles: a form has {system}, so that roles.system must say what stands "
            "there, such as \"{content}\\n\\n\"");
  EXPECT_EQ(wrong({{"roles", {{"system", "{system}{content}"}}}}),
            "corpus.chat.roles.system: cannot hold {system}, which is itself");
}

}  // namespace
}  // namespace braid::corpus
