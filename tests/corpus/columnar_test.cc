// Parquet and Arrow files as corpora, against pyarrow: columnar_files.py writes them, and what it
// reads in them.
#include "corpus/columnar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "base/file.h"
#include "corpus/file_kind.h"
#include "tests/corpus/packed.h"

namespace braid::corpus {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ColumnarTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
#ifndef BRAID_ARROW_PYTHON
#define BRAID_ARROW_PYTHON ""
    GTEST_SKIP() << "this build has no plug-in for Parquet and Arrow";
#endif
    ASSERT_TRUE(LoadColumnarPlugin().ok()) << LoadColumnarPlugin().status().message();
    folder_ = new TemporaryFolder(TemporaryFolder::Create().value());
    const std::string line = std::string("'") + BRAID_ARROW_PYTHON + "' '" + BRAID_SOURCE_DIR +
                             "/tests/corpus/columnar_files.py' '" + folder_->path() + "'";
    ASSERT_EQ(std::system(line.c_str()), 0);
    expected_ = ReadJsonFile(JoinPath(folder_->path(), "expected.json")).value();
  }
  static void TearDownTestSuite() { delete std::exchange(folder_, nullptr); }
  static CorpusFile File(const std::string& name) {
    return {JoinPath(folder_->path(), name), name};
  }
  static CorpusFile Put(const std::string& name, const std::string& content) {
    // Hundreds are written, and none has to outlive a crash.
    std::ofstream(File(name).path, std::ios::binary) << content;
    return File(name);
  }
  static std::string Content(const std::string& name) {
    return braid::ReadFile(File(name).path).value();
  }
  static CorpusSpec Spec(Json fields) {
    fields["name"] = "c";
    return CorpusFromJson(fields, "corpus").value();
  }
  // The documents, or the error.
  static std::vector<std::string> Read(const Json& fields, const std::vector<CorpusFile>& files,
                                       LeftOut* left_out = nullptr) {
    std::vector<std::string> texts;
    const Status status = ReadDocuments(
        Spec(fields), files, 42,
        [&](Document document) {
          for (const int32_t id : document.ids) document.text += std::to_string(id) + " ";
          return texts.push_back(document.text), OkStatus();
        },
        {.entries = 100}, left_out);
    return status.ok() ? texts : std::vector<std::string>{status.message()};
  }
  static std::string Error(const Json& fields, const std::string& name) {
    return Read(fields, {File(name)}).front();
  }

  static inline TemporaryFolder* folder_ = nullptr;
  static inline Json expected_;
};

TEST_F(ColumnarTest, TextsAreThoseThatPyarrowReads) {
  EXPECT_GT(expected_.size(), 15u);
  for (const auto& [name, texts] : expected_.items()) {
    ASSERT_EQ(texts.size(), 2'500u) << name;
    EXPECT_EQ(Json(Read({}, {File(name)})), texts) << name;
    EXPECT_EQ(CheckCorpus(Spec({}), {File(name)}), std::vector<Status>{}) << name;
  }
}

// By what is in it, whatever it is called; and in one corpus with rows of JSON and tables.
TEST_F(ColumnarTest, FilesAreToldByTheirContent) {
  const CorpusFile odd_name = Put("data.txt", Content("zstd.parquet"));
  EXPECT_EQ(Read({}, {odd_name}).size(), 2'500u);
  EXPECT_EQ(ColumnarFormatOf("PAR1 is a magic, and this a text"), std::nullopt);
  EXPECT_EQ(ColumnarFormatOf("\xFF\xFF\xFF\xFF"), std::nullopt);
  const std::vector<CorpusFile> files = {Put("a.jsonl", "{\"text\":\"first\"}\n"),
                                         Put("b.csv", "text\nsecond\n"), File("None.stream")};
  const std::vector<std::string> all = Read({{"text", "text"}}, files);
  ASSERT_EQ(all.size(), 2'502u);
  EXPECT_EQ(all[0] + all[1], "firstsecond");
}

TEST_F(ColumnarTest, FieldsWithinFieldsAndJoinedOnes) {
  for (const char* name : {"nested.parquet", "nested.stream"}) {
    EXPECT_THAT(Read({{"text", "answer.parts[0].text"}}, {File(name)}),
                ElementsAre("one", "three"));
    EXPECT_THAT(Read({{"text", "a.b"}}, {File(name)}), ElementsAre("own", "own"));
    EXPECT_THAT(Read({{"text", "tags[0].value"}}, {File(name)}), ElementsAre("v", "w"));
    EXPECT_THAT(
        Read({{"join", {"question", "lines[0]", "question"}}, {"joiner", "+"}}, {File(name)}),
        ElementsAre("Q1+a+Q1", "Q2+c+Q2"));
    EXPECT_THAT(Read({{"input_ids", "input_ids"}}, {File(name)}), ElementsAre("1 2 3 ", "4 "));
    EXPECT_EQ(Error({{"text", "answer.parts[1].text"}}, name),
              std::string(name) +
                  ": row 2: field \"answer.parts[1].text\": answer.parts has 1 entries, counted "
                  "from 0");
  }
}

TEST_F(ColumnarTest, RowsWithoutTextAreNamedOrCounted) {
  for (const std::string name : {"odd.parquet", "odd.stream"}) {
    const auto error = [&](const std::string& field) { return Error({{"text", field}}, name); };
    const auto no_text = [&](const std::string& field) {
      return name + ": row 1: field \"" + field + "\" is not text, but ";
    };
    EXPECT_EQ(error("none"), no_text("none") + "null");
    EXPECT_EQ(error("number"), no_text("number") + "1");
    EXPECT_EQ(error("real"), no_text("real") + "0.5");
    EXPECT_EQ(error("date"), no_text("date") + "date32[day] 1970-01-01");
    EXPECT_EQ(error("bytes"), no_text("bytes") + "2 bytes that are not UTF-8");
    EXPECT_EQ(error("flag"), no_text("flag") + "true");
    EXPECT_EQ(error("decimal"), no_text("decimal") + "decimal128(22, 2) 1.00");
    EXPECT_EQ(error("struct"), no_text("struct") + "{\"x\":1}");
    EXPECT_THAT(Error({{"input_ids", "negative"}}, name),
                StartsWith(name + ": row 2: -2 in field \"negative\" is no id of the tokenizer"));
    EXPECT_EQ(Error({}, name),
              name +
                  ": the table has no column \"text\"; it has none, number, negative, real, date, "
                  "bytes, flag, decimal, struct (corpora.c.text names it)");
    LeftOut left_out;
    EXPECT_THAT(Read({{"text", "none"}, {"on_bad_row", "skip"}}, {File(name)}, &left_out),
                ElementsAre("here"));
    EXPECT_EQ(left_out.bad_rows, 2);
    EXPECT_THAT(left_out.first_bad_rows,
                ElementsAre(no_text("none") + "null",
                            name + ": row 3: field \"none\" is not text, but null"));
    EXPECT_THAT(Error({{"text", "bytes"}, {"on_bad_row", "skip"}}, name),
                HasSubstr("3 rows could not be read and were skipped"));
  }
  EXPECT_EQ(Error({}, "twice.stream"), "twice.stream: the column \"text\" appears twice");
  EXPECT_THAT(Error({}, "empty.parquet"), StartsWith("corpus c is empty: 1 files"));
  EXPECT_THAT(Error({}, "empty.stream"), StartsWith("corpus c is empty: 1 files"));
}

// Cut at any place, and with any byte another one, a file is an error or what it was: nothing reads
// beyond it.
TEST_F(ColumnarTest, DamagedFilesAreErrors) {
  for (const std::string name : {"zstd.parquet", "None.arrow", "None.stream"}) {
    const std::string whole = Content(name);
    for (size_t bytes = 16; bytes < whole.size(); bytes += whole.size() / 23) {
      const CorpusFile cut = Put("cut", whole.substr(0, bytes));
      EXPECT_THAT(Read({}, {cut}).front(), HasSubstr("is it complete? Fetch or write it again"))
          << name << " of " << bytes << " bytes";
    }
    for (size_t at = 8; at < whole.size(); at += 1 + whole.size() / 101) {
      std::string other = whole;
      other[at] = static_cast<char>(other[at] ^ 0x55);
      (void)Read({}, {Put("other", other)});
    }
  }
  for (const char* name : {"offsets.stream", "offsets.arrow"})
    EXPECT_THAT(Error({}, name), HasSubstr("the file cannot be read as Arrow (")) << name;
}

TEST_F(ColumnarTest, WrongSettingsAreNamed) {
  EXPECT_EQ(Error({{"format", "text"}}, "none.parquet"),
            "none.parquet: corpora.c.format says text, but the file is Parquet or Arrow; leave "
            "format out");
  EXPECT_THAT(Error({{"separator", "---"}}, "none.parquet"),
              StartsWith("corpora.c.separator would do nothing"));
  EXPECT_THAT(Read({}, {Put("packed.gz", Gzip(Content("none.parquet")))}).front(),
              HasSubstr("is a Parquet table, which braid does not read; of a corpus it is read if "
                        "it is not packed once more"));
}

TEST_F(ColumnarTest, SizesAreKnownBeforeAnythingIsRead) {
  double bytes = 0;
  for (const auto& text : expected_["zstd.parquet"])
    bytes += static_cast<double>(text.get<std::string>().size());
  for (const char* name : {"zstd.parquet", "zstd.arrow", "None.stream", "two.feather"}) {
    const auto size = SizeOfColumnar(Spec({}), File(name));
    ASSERT_TRUE(size.has_value()) << name;
    EXPECT_NEAR(static_cast<double>(size->rows), 2'500, name[0] == 'N' ? 50 : 0) << name;
    EXPECT_NEAR(size->text_bytes, bytes, bytes / 20) << name;
  }
  EXPECT_EQ(SizeOfColumnar(Spec({{"text", "none"}}), File("zstd.parquet")), std::nullopt);
  EXPECT_EQ(SizeOfColumnar(Spec({}), Put("plain.txt", "text\n")), std::nullopt);
}

}  // namespace
}  // namespace braid::corpus
