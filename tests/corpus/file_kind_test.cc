#include "corpus/file_kind.h"

#include <gmock/gmock.h>

#include "base/file.h"
#include "tests/corpus/packed.h"

namespace braid::corpus {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kRows[] = "{\"text\":\"one\"}\n{\"text\":\"two\"}\n";

class FileKindTest : public ::testing::Test {
 protected:
  CorpusFile Put(const std::string& name, const std::string& content) {
    const std::string path = folder_.path() + "/" + name;
    EXPECT_TRUE(WriteFileAtomic(path, content).ok());
    return {path, name};
  }
  // The documents, or the error, of files of a corpus that is `fields` besides its name.
  std::vector<std::string> Read(Json fields, const std::vector<CorpusFile>& files) {
    fields["name"] = "c";
    const auto spec = CorpusFromJson(fields, "corpus");
    EXPECT_TRUE(spec.ok()) << spec.status().message();
    std::vector<std::string> texts;
    const Status status = ReadDocuments(*spec, files, 42, [&](Document document) {
      return texts.push_back(document.text), OkStatus();
    });
    const std::vector<Status> faults = CheckCorpus(*spec, files);  // known at submit
    EXPECT_EQ(faults.empty() ? "" : faults.front().message(), status.message());
    return status.ok() ? texts : std::vector<std::string>{status.message()};
  }
  std::string Error(Json fields, const std::vector<CorpusFile>& files) {
    return Read(std::move(fields), files).front();
  }

  TemporaryFolder folder_ = TemporaryFolder::Create().value();
};

TEST_F(FileKindTest, RowsAreRowsWhateverTheFileIsCalled) {
  for (const char* name : {"part-00000", "a.JSONL", "a.jsonlines", "a.ndjson", "a.json", "a.NDJSON",
                           "a.txt", "a", "a.data", "a.csv"}) {
    EXPECT_THAT(Read({{"text", "text"}}, {Put(name, kRows)}), ElementsAre("one", "two")) << name;
    EXPECT_THAT(Read({{"text", "text"}}, {Put(name, Gzip(kRows))}), ElementsAre("one", "two"))
        << name;
    EXPECT_THAT(Read({{"join", {"text", "text"}}, {"joiner", "+"}}, {Put(name, Zstd(kRows))}),
                ElementsAre("one+one", "two+two"))
        << name;
  }
  const std::string rows = kRows;
  for (const std::string& content : std::vector<std::string>{
           "\xEF\xBB\xBF" + rows, "\n  \n" + rows,
           "{\"text\":\"one\"}\r\n\r\n{\"text\":\"two\"}\r\n",
           " \t{\"text\":\"one\"}\n{\"text\":\"two\"}", "\xEF\xBB\xBF\n" + rows}) {
    for (const char* name : {"part-00000", "a.jsonl", "a.jsonl.gz"}) {
      EXPECT_THAT(Read({{"text", "text"}}, {Put(name, content)}), ElementsAre("one", "two"))
          << name << ": " << content;
    }
  }
  // A row that is longer than what is looked at.
  EXPECT_EQ(Read({{"text", "text"}},
                 {Put("part-0", "{\"text\":\"" + std::string(2'000'000, 'x') + "\"}\n")})
                .front()
                .size(),
            2'000'000u);
}

TEST_F(FileKindTest, AFieldOfWhatHasNoRowsIsAnError) {
  EXPECT_EQ(Error({{"text", "text"}}, {Put("notes.txt", "One day.\n{\n")}),
            "notes.txt: corpora.c.text names a field of rows, but the lines of this file are no "
            "JSON objects (the first is One day.); plain text has no "
            "fields, and stands in a corpus of its own without this key");
  for (const char* name : {"table.txt", "part-00000"}) {
    const std::string error = Error({{"text", "text"}}, {Put(name, "text,label\n\"one\",1\n")});
    EXPECT_THAT(error, StartsWith(std::string(name) + ": corpora.c.text names a field of rows"));
    EXPECT_THAT(error, HasSubstr("(the first is text,label); a table whose first line names"));
  }
  EXPECT_THAT(Error({{"join", {"a", "b"}}}, {Put("notes.txt", "One day.")}),
              StartsWith("notes.txt: corpora.c.join names"));
  // Beside rows too: nobody sees that one of many is something else.
  EXPECT_THAT(Error({{"text", "text"}}, {Put("a.jsonl", kRows), Put("README", "Read me.")}),
              StartsWith("README: corpora.c.text"));
  // What Spark leaves beside its parts is empty.
  EXPECT_THAT(Read({{"text", "text"}}, {Put("_SUCCESS", ""), Put("part-00000", kRows)}),
              ElementsAre("one", "two"));
}

TEST_F(FileKindTest, RowsWithoutAFieldAreNotTrainedOnAsTheyStand) {
  const std::string error = Error(Json::object(), {Put("part-00000", kRows)});
  EXPECT_EQ(error,
            "part-00000: its lines are JSON objects; corpora.c.text (or join) names the field that "
            "holds a document, here one of text; with "
            "corpora.c.format: text the lines are trained on as they stand");
  EXPECT_THAT(Error(Json::object(), {Put("a.txt", "{\"text\":\"one\"}")}),
              StartsWith("a.txt: its lines are JSON objects"));
  EXPECT_THAT(Read({{"format", "text"}}, {Put("a.txt", kRows)}), ElementsAre(kRows));
  EXPECT_THAT(Read({{"format", "text"}}, {Put("a.json", kRows)}), ElementsAre(kRows));
  // Names that stand for rows go on to mean the field `text`.
  for (const char* name : {"a.jsonl", "a.JSONL", "a.jsonlines", "a.json.gz"})
    EXPECT_THAT(Read(Json::object(), {Put(name, kRows)}), ElementsAre("one", "two"));
  EXPECT_THAT(Error(Json::object(), {Put("a.jsonlines", "{\"story\":\"one\"}\n")}),
              StartsWith("a.jsonlines:1: the row has no field \"text\"; it has story"));
}

// Nor is what was meant as rows and is none: braces would be trained on in silence.
TEST_F(FileKindTest, WhatIsMeantAsRowsIsNoText) {
  for (const char* text :
       {"[{\"text\":\"one\"},\n{\"text\":\"two\"}]", "[\n {\n  \"text\": \"one\"\n }\n]\n",
        "{\n \"text\": \"one\"\n}\n", "[\n\"one\",\n\"two\"]",
        "{\"text\":\"one\"}\n{\"text\": broken\n", "{\"text\": broken\n{\"text\":\"two\"}\n"}) {
    EXPECT_THAT(Error(Json::object(), {Put("p1", text)}),
                StartsWith("p1: its lines are JSON objects; corpora.c.text"))
        << text;
    CorpusSpec mixed =
        CorpusFromJson({{"name", "c"}, {"text", "text"}, {"separator", "--"}}, "corpus").value();
    const std::vector<CorpusFile> files = {Put("p1", text), Put("good.jsonl", kRows),
                                           Put("plain.txt", "x\n--\ny\n")};
    EXPECT_THAT(ReadDocuments(mixed, files, 42, [](Document) { return OkStatus(); }).message(),
                StartsWith("p1"))
        << text;
  }
}

TEST_F(FileKindTest, PlainTextStaysPlainText) {
  for (const char* text : {"One day.\nTwo days.\n", "[Chapter 1]\nOne day.", "{\n  int i;\n}\n",
                           "{'a': 1}\n{'a': 2}\n", "\"quoted\"", "{\"a\": 1}\nis what he wrote"}) {
    for (const char* name : {"a.txt", "a", "part-00000"})
      EXPECT_THAT(Read(Json::object(), {Put(name, text)}), ElementsAre(text)) << name;
  }
  EXPECT_THAT(Read({{"separator", "--"}}, {Put("a.txt", "{\"a\":1}\n--\n{\"b\":2}\n--\n")}),
              ElementsAre("{\"a\":1}", "{\"b\":2}"));
}

TEST_F(FileKindTest, ListsAndObjectsOverSeveralLinesAreNamed) {
  const std::string list = "[\n {\n  \"text\": \"one\"\n },\n {\n  \"text\": \"two\"\n }\n]\n";
  for (const char* name : {"a.json", "a.jsonl", "part-00000", "a.txt"}) {
    EXPECT_THAT(
        Error({{"text", "text"}}, {Put(name, list)}),
        StartsWith(std::string(name) +
                   ":1: the row is not a JSON object: one object a line; this file is a list"));
    EXPECT_THAT(
        Error({{"text", "text"}}, {Put(name, "\n[{\"text\":\"one\"},{\"text\":\"two\"}]")}),
        StartsWith(std::string(name) +
                   ":2: the row is not a JSON object: one object a line; this file is a list"));
    EXPECT_THAT(Error({{"text", "text"}}, {Put(name, "{\n \"text\": \"one\"\n}\n")}),
                HasSubstr("one object a line; this file is one object over several lines"));
  }
}

// Lines of a list or of an object may look like rows; all others would be counted as bad ones.
TEST_F(FileKindTest, NoLineOfAValueOverSeveralLinesIsARowToSkip) {
  const std::string list =
                        ":1: the row is not a JSON object: one object a line; this file is a list",
                    object =
                        ":1: the row is not a JSON object: one object a line; this file is one "
                        "object over several lines";
  for (const auto& [text, reason] :
       {std::pair<std::string, std::string>{
            "[\n {\n  \"text\": \"one\"\n },\n {\n  \"text\": \"two\"\n }\n]\n", list},
        {"[\n{\"text\": \"one\"},\n{\"text\": \"two\"}\n]\n", list},
        {"[\n{\"text\": \"one\"}\n,{\"text\": \"two\"}\n]\n", list},
        {"[\n{\"text\": \"one\"}\n]\n", list},
        {"[{\"text\": \"one\"},\n {\"text\": \"two\"}]", list},
        {"[{\"text\": \"one\"}, {\"text\": \"two\"}]\n", list},
        {"[\n{\"text\": \"one\", \"mean\": NaN},\n{\"text\": \"two\"}\n]\n", list},
        {"[\n{\"text\": \"one\"},\n{\"text\": \"two\"},\n", list},  // cut
        {"{\"rows\": [\n{\"text\": \"one\"},\n{\"text\": \"two\"}\n]}\n", object},
        {"{\n\"rows\":\n[\n{\"text\": \"one\"}\n]\n}\n", object},
        {"{\n \"text\": \"one\"\n}\n{\n \"text\": \"two\"\n}\n", object}}) {
    for (const char* name : {"b.json", "b.jsonl", "part-0"}) {
      for (const char* on_bad_row : {"skip", "fail"}) {
        EXPECT_THAT(Error({{"text", "text"}, {"on_bad_row", on_bad_row}},
                          {Put("a.jsonl", kRows), Put(name, text)}),
                    StartsWith(name + reason))
            << on_bad_row << ": " << text;
      }
    }
  }
  // Lists that are longer than what is looked at.
  std::string many = "[\n";
  for (int i = 0; i < 20'000; ++i) many += "{\"text\": \"one and two\"},\n";
  EXPECT_THAT(Error({{"text", "text"}, {"on_bad_row", "skip"}},
                    {Put("a.jsonl", kRows), Put("b.json", many + "{\"text\": \"three\"}\n]\n")}),
              StartsWith("b.json" + list));
}

// A file that would be left out whole is of another kind, or of another corpus.
TEST_F(FileKindTest, SkippingIsForRowsAndNotForFiles) {
  const CorpusFile good = Put("a.jsonl", kRows);
  const auto error = [&](const std::string& text) {
    return Error({{"text", "text"}, {"on_bad_row", "skip"}}, {good, Put("b.jsonl", text)});
  };
  EXPECT_EQ(error("text,label\n\"one\",1\n"),
            "b.jsonl:1: the row is not a JSON object; it begins with text,label, and no other line "
            "at the front of this file is one; on_bad_row: skip passes over single rows that are "
            "damaged; take the file out of the corpus");
  EXPECT_THAT(error("{'text': 'one'}\n{'text': 'two'}\n"), StartsWith("b.jsonl:1: the row is not"));
  EXPECT_EQ(
      error("{\"story\": \"one\"}\n{\"story\": \"two\"}\n"),
      "b.jsonl: no row at the front of this file has the field text, which corpora.c.text "
      "names; the first has story; on_bad_row: skip passes over single rows that are damaged; "
      "take the file out of the corpus");
  for (const char* text :
       {"{\"story\": \"one\"}\n", "{\"text\": \"one\n", "{\"story\": 1}\n{\"text\": \"x\"}\n",
        "[1, 2]\n{\"text\": \"x\"}\n", "[oops\n{\"text\": \"x\"}\n",
        "{\"text\": [1, 2\n{\"text\": \"x\"}\n", "{\"text\": \"x\"},\n{\"text\": \"y\"}\n"}) {
    const CorpusFile bad = Put("b.jsonl", text);
    EXPECT_THAT(Read({{"text", "text"}, {"on_bad_row", "skip"}}, {good, bad}),
                testing::Contains("two"))
        << text;
  }
}

TEST_F(FileKindTest, AFirstRowThatIsDamagedIsARow) {
  EXPECT_THAT(Error({{"text", "text"}}, {Put("part-0", "{\"text\": \"one\n{\"text\": \"two\"}\n")}),
              StartsWith("part-0:1 is not valid JSON: column 10"));
  EXPECT_THAT(Read({{"text", "text"}, {"on_bad_row", "skip"}},
                   {Put("part-0", "garbage\n{\"text\": \"two\"}\n")}),
              ElementsAre("two"));
}

TEST_F(FileKindTest, MixedCorporaSayHowTheirTextIsCut) {
  const CorpusFile rows = Put("a.jsonl", kRows), text = Put("b.txt", "x\n--\ny\n");
  EXPECT_THAT(Read({{"text", "text"}, {"separator", "--"}}, {rows, text}),
              ElementsAre("one", "two", "x", "y"));
  EXPECT_THAT(Read(Json::object(), {rows, text}), ElementsAre("one", "two", "x\n--\ny\n"));
  EXPECT_THAT(Error({{"text", "text"}, {"separator", "--"}}, {rows}),
              HasSubstr("corpora.c.separator would do nothing: it cuts plain text, and all files "
                        "are rows (a.jsonl)"));
  EXPECT_THAT(Error({{"text", "text"}, {"separator", "--"}}, {text}),
              HasSubstr("corpora.c.text would do nothing: it names a field of rows, and all files "
                        "are plain text (b.txt)"));
  // Files that are some of the corpus may have no use for a key that others need.
  CorpusSpec spec =
      CorpusFromJson({{"name", "c"}, {"text", "text"}, {"separator", "--"}}, "corpus").value();
  spec.part = true;
  EXPECT_TRUE(CheckCorpus(spec, {rows}).empty());
  EXPECT_THAT(Error({{"on_bad_row", "skip"}}, {text}),
              HasSubstr("corpora.c.on_bad_row would do nothing"));
}

}  // namespace
}  // namespace braid::corpus
