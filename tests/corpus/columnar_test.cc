// Parquet and Arrow files as corpora, against pyarrow: columnar_files.py writes them, and what it
// reads in them.
#include "corpus/columnar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string_view>

#include "base/file.h"
#include "corpus/file_kind.h"
#include "tests/corpus/packed.h"
#include "tests/sanitizer.h"

#ifndef BRAID_ARROW_PYTHON
#define BRAID_ARROW_PYTHON ""
#endif

namespace braid::corpus {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ColumnarTest : public ::testing::Test {
 protected:
  static constexpr bool kHasPlugin = !std::string_view(BRAID_ARROW_PYTHON).empty();

  static void SetUpTestSuite() {
    if (!kHasPlugin) return;
    ASSERT_TRUE(LoadColumnarPlugin().ok()) << LoadColumnarPlugin().status().message();
    folder_ = new TemporaryFolder(TemporaryFolder::Create().value());
    const std::string line = std::string("'") + BRAID_ARROW_PYTHON + "' '" + BRAID_SOURCE_DIR +
                             "/tests/corpus/columnar_files.py' '" + folder_->path() + "'";
    ASSERT_EQ(std::system(line.c_str()), 0);
    expected_ = ReadJsonFile(JoinPath(folder_->path(), "expected.json")).value();
  }
  void SetUp() override {
    if (!kHasPlugin) GTEST_SKIP() << "this build has no plug-in for Parquet and Arrow";
    ASSERT_NE(folder_, nullptr) << "its files could not be made";
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
    const Json chat = {{"template", "plain"}};
    EXPECT_THAT(Read({{"chat", chat}}, {File("union" + std::string(name).substr(6))}),
                ElementsAre("user: C\n\n", "user: M\n\n"));
    LeftOut left_out;
    EXPECT_THAT(Read({{"chat", chat}, {"on_bad_row", "skip"}}, {File(name)}, &left_out),
                ElementsAre("user: Q\n\nassistant: A\n\n"));
    EXPECT_THAT(left_out.first_bad_rows,
                ElementsAre(std::string(name) +
                            ": row 2: field \"conversations[0].value\" is not text, but null"));
    EXPECT_THAT(Error({{"chat", {{"template", "plain"}, {"field", "talks"}}}}, name),
                HasSubstr("the table has no column \"talks\"; it has"));
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

TEST_F(ColumnarTest, AnIndexBeyondItsDictionaryIsAnErrorOfTheFile) {
  EXPECT_EQ(
      Error({{"on_bad_row", "skip"}}, "index.parquet"),
      "index.parquet: the file cannot be read as Parquet (an index of 3 into a dictionary of 3 "
      "entries); is it complete? Fetch or write it again");
}

TEST_F(ColumnarTest, AStreamBehindAStreamIsNotLost) {
  const std::string one = Content("None.stream");
  const CorpusFile both = Put("both.stream", one + Content("zstd.stream"));
  EXPECT_EQ(Read({}, {both}).back(),
            "both.stream: the file cannot be read as Arrow (the stream ends at byte " +
                std::to_string(one.size()) + " of " +
                std::to_string(braid::ReadFile(both.path)->size()) +
                " and another one follows: write each to its own file)");
}

TEST_F(ColumnarTest, ATextThatIsNotUtf8IsAFaultOfItsRow) {
  for (const std::string name : {"latin.stream", "latin.arrow", "latin.parquet"}) {
    for (const std::string field :
         {"text", "large", "lists[0]", "struct.text", "map[0].value", "dictionary"}) {
      // Libparquet itself refuses such a dictionary.
      if (name.ends_with("parquet") && field == "dictionary") continue;
      LeftOut left_out;
      EXPECT_THAT(Read({{"text", field}, {"on_bad_row", "skip"}}, {File(name)}, &left_out),
                  ElementsAre("one", "three"))
          << name << " " << field;
      EXPECT_THAT(left_out.first_bad_rows,
                  ElementsAre(name + ": row 2: field \"" + field +
                              "\" is not text, but 5 bytes that are not UTF-8"));
    }
  }
}

// The most memory that `work` holds, beyond what is held before.
int64_t MemoryOf(const std::function<void()>& work) {
  const auto most = [] {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
      int64_t kilobytes = 0;
      if (word == "VmHWM:" && status >> kilobytes) return kilobytes << 10;
    }
    return int64_t{0};
  };
  std::ofstream("/proc/self/clear_refs") << "5";
  const int64_t before = most();
  work();
  return most() - before;
}

// Each of them has 2 GB of texts of a megabyte, in some kilobytes of file.
TEST_F(ColumnarTest, RowsThatAreLargerThanTheFileSaysTakeLittleMemory) {
  if (kUnderSanitizer) GTEST_SKIP() << "the sanitizer keeps memory of its own";
  for (const std::string name : {"same.parquet", "sorted.parquet"}) {
    int64_t large = 0;
    const auto some = [&](Result<Document> document) {
      EXPECT_TRUE(document.ok()) << document.status().message();
      if (document.ok() && document->text.size() > 1000) ++large;
      return large < 300 ? OkStatus() : Cancelled("enough");
    };
    const int64_t bytes = MemoryOf([&] {
      const Status read = ReadColumnar(Spec({}), File(name), ColumnarFormat::kParquet, 1, some);
      EXPECT_EQ(read.message(), "enough");
    });
    EXPECT_LT(bytes, int64_t{800} << 20) << name;
  }
}

TEST_F(ColumnarTest, ATextAboveTheLimitIsRefusedBeforeItIsCopied) {
  const int64_t bytes = MemoryOf([] {
    LeftOut left_out;
    EXPECT_THAT(Read({{"on_bad_row", "skip"}}, {File("large.stream")}, &left_out),
                ElementsAre("here"));
    EXPECT_THAT(left_out.first_bad_rows,
                ElementsAre("large.stream: row 1: field \"text\" is not text, but 268435457 bytes, "
                            "more than the 256 MiB of a document"));
  });
  EXPECT_TRUE(kUnderSanitizer || bytes < int64_t{600} << 20) << bytes;
}

TEST_F(ColumnarTest, AFileThatIsOpenedStaysPacked) {
  const int64_t bytes = MemoryOf([] {
    const auto table = OpenColumnar(File("large.stream"), ColumnarFormat::kArrowStream);
    ASSERT_TRUE(table.ok());
    EXPECT_EQ((*table)->rows(), 2);
  });
  EXPECT_LT(bytes, int64_t{100} << 20);
}

// What the machine lacks is no fault of the file: such a job is tried again.
TEST_F(ColumnarTest, FaultsOfTheMachineAreToldFromThoseOfTheFile) {
  const auto missing = OpenColumnar(File("missing"), ColumnarFormat::kParquet);
  EXPECT_EQ(missing.status().code(), StatusCode::kNotFound) << missing.status().ToString();
  EXPECT_THAT(missing.status().message(), HasSubstr("reading " + File("missing").path));
  // The length of a packed buffer, as eight bytes before it: 64 TiB.
  std::string huge = Content("zstd.stream");
  const size_t packed = huge.find("\x28\xB5\x2F\xFD");
  ASSERT_NE(packed, std::string::npos);
  huge.replace(packed - 8, 8, std::string("\0\0\0\0\0\x40\0\0", 8));
  const auto table = OpenColumnar(Put("huge", huge), ColumnarFormat::kArrowStream);
  EXPECT_TRUE(table.status().Is(ErrorReason::kOutOfMemory)) << table.status().ToString();
  EXPECT_THAT(table.status().message(),
              StartsWith(File("huge").path + ": out of memory while the file was read ("));
  const auto whole = OpenColumnar(File("zstd.parquet"), ColumnarFormat::kParquet);
  ASSERT_TRUE(whole.ok());
  EXPECT_THROW((void)(*whole)->Read({1}, [](const auto&) -> Status { throw std::bad_alloc(); }),
               std::bad_alloc);
}

TEST_F(ColumnarTest, AFileThatChangesMeanwhileIsAnError) {
  const std::vector<CorpusFile> files = {Put("first", Content("zstd.parquet")),
                                         Put("second", Content("zstd.parquet"))};
  bool changed = false;
  const Status read = ReadDocuments(Spec({}), files, 42, [&](const Document&) {
    if (!std::exchange(changed, true)) Put("second", "another text");
    return OkStatus();
  });
  EXPECT_EQ(read.message(),
            files[1].name +
                ": the file was Parquet or Arrow and is not any more, or cannot be read; leave "
                "files as they are while they are prepared");
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
    ASSERT_TRUE(size.ok()) << name;
    EXPECT_NEAR(static_cast<double>(size->rows), 2'500, name[0] == 'N' ? 50 : 0) << name;
    EXPECT_NEAR(size->text_bytes, bytes, bytes / 20) << name;
  }
  EXPECT_EQ(SizeOfColumnar(Spec({{"text", "none"}}), File("zstd.parquet")).status().message(),
            "zstd.parquet: the table has no column \"none\"; it has id, text (corpora.c.text names "
            "it)");
  EXPECT_EQ(SizeOfColumnar(Spec({}), Put("plain.txt", "text\n")).status().message(),
            "plain.txt is neither Parquet nor Arrow");
}

}  // namespace
}  // namespace braid::corpus
