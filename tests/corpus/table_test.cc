// Tables: what is a field, and what a document, in CSV and TSV.
#include "corpus/table.h"

#include <gmock/gmock.h>

#include "base/file.h"
#include "base/text.h"
#include "tests/corpus/packed.h"

namespace braid::corpus {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TableTest : public ::testing::Test {
 protected:
  std::string Put(const std::string& name, const std::string& content) {
    const std::string path = folder_.path() + "/" + name;
    EXPECT_TRUE(WriteFileAtomic(path, content).ok());
    return path;
  }
  // Each record as "line: field|field", or as its error.
  std::vector<std::string> Records(const std::string& content, char separator = ',') {
    std::vector<std::string> shown;
    const Status status = ReadRecords(
        Put("records", content), "records", separator, [&](Result<Record> record, int64_t line) {
          shown.push_back(std::to_string(line) + ": " +
                          (record.ok() ? Join(*record, "|") : "! " + record.status().message()));
          return OkStatus();
        });
    if (!status.ok()) shown.push_back("! " + status.message());
    return shown;
  }
  // The documents of a corpus, or the error, with file names without their folder.
  std::vector<std::string> Read(CorpusSpec spec, const std::string& path,
                                LeftOut* left_out = nullptr) {
    spec.name = "c";
    std::vector<std::string> texts;
    const Status status = ReadDocuments(
        spec, {{path, std::string(BaseName(path))}}, 42,
        [&](Document document) {
          texts.push_back(document.text);
          return OkStatus();
        },
        {}, left_out);
    return status.ok() ? texts : std::vector<std::string>{status.message()};
  }
  static CorpusSpec Text(const std::string& column) {
    CorpusSpec spec;
    spec.text = column;
    return spec;
  }

  TemporaryFolder folder_ = TemporaryFolder::Create().value();
};

TEST_F(TableTest, RecordsAreThoseOfTheStandard) {
  EXPECT_THAT(Records("a,b\n1,2\n"), ElementsAre("1: a|b", "2: 1|2"));
  EXPECT_THAT(Records("a,b\r\n,\r\n\r\n1,2"), ElementsAre("1: a|b", "2: |", "4: 1|2"));
  EXPECT_THAT(Records("\"x\ny\",\"say \"\"hi\"\", ok\"\r\nz,w"),
              ElementsAre("1: x\ny|say \"hi\", ok", "3: z|w"));
  EXPECT_THAT(Records("\"\"\n\"\"\"\"\n"), ElementsAre("1: ", "2: \""));
  EXPECT_THAT(Records("a\"b,c\rd\n"), ElementsAre("1: a\"b|c\rd"));
  EXPECT_THAT(Records("\xEF\xBB\xBF"
                      "a\tb,c\n",
                      '\t'),
              ElementsAre("1: a|b,c"));
  EXPECT_THAT(Records("\n\n"), ElementsAre());
  EXPECT_THAT(Records("a"), ElementsAre("1: a"));
}

TEST_F(TableTest, ABrokenRecordIsNamedByItsLineAndEndsThere) {
  EXPECT_THAT(
      Records("a\n\"b\"c,d\ne\n"),
      ElementsAre("1: a", "2: ! something stands behind the quote that ends a field", "3: e"));
  EXPECT_THAT(Records("a\n\"b\nc\n"),
              ElementsAre("1: a", "! records:2: a quote that is not closed"));
  // A quote behind what is wrong opens nothing: the records behind it are read.
  EXPECT_THAT(Records("\"5\" disk\",x\n\"a\",b\n"),
              ElementsAre("1: ! something stands behind the quote that ends a field", "2: a|b"));
  EXPECT_THAT(Records("1\t\"hello there\n0\tbye\n", '\t'),
              ElementsAre("1: ! a quote that its line does not close; a .tsv has a record a line",
                          "2: 0|bye"));
}

// The content comes in pieces, wherever they end.
TEST_F(TableTest, FilesMayBePackedAndLong) {
  std::string table = "n,text\n";
  for (int i = 0; i < 60'000; ++i) table += Format("%d,\"line %d\nand \"\"more\"\"\"\n", i, i);
  for (const std::string& path :
       {Put("t.CSV", table), Put("t.csv.gz", Gzip(table)), Put("t.csv.zst", Zstd(table))}) {
    const std::vector<std::string> texts = Read(Text("text"), path);
    ASSERT_EQ(texts.size(), 60'000u) << path;
    EXPECT_EQ(texts[59'999], "line 59999\nand \"more\"");
  }
}

TEST_F(TableTest, ColumnsMakeADocument) {
  const std::string csv = Put("t.csv", "q,a\nwhy,\"so, then\"\nwho,\n");
  EXPECT_THAT(Read(Text("a"), csv), ElementsAre("so, then"));  // a blank one is dropped
  CorpusSpec joined;
  joined.join = {"a", "q"};
  joined.joiner = "-";
  EXPECT_THAT(Read(joined, csv), ElementsAre("so, then-why", "-who"));
  EXPECT_THAT(Read(Text("b"), Put("t.tsv", "a\tb\nx,y\tz\n")), ElementsAre("z"));
  // Without a column a table is text, and rows are rows under any name.
  EXPECT_THAT(Read({}, csv), ElementsAre("q,a\nwhy,\"so, then\"\nwho,\n"));
  EXPECT_THAT(Read(Text("a"), Put("r.csv", "{\"a\":\"row\"}\n")), ElementsAre("row"));
}

TEST_F(TableTest, WhatIsWrongIsNamedWithItsPlace) {
  EXPECT_THAT(
      Read(Text("c"), Put("t.csv", "\na,b\n1,2\n")),
      ElementsAre("t.csv:2: the table has no column \"c\"; it has a, b (corpora.c.text names "
                  "it)"));
  EXPECT_THAT(Read(Text("a"), Put("t.csv", "a,b,a\n1,2,3\n")),
              ElementsAre("t.csv:1: the column \"a\" appears twice"));
  EXPECT_THAT(Read(Text("a"), Put("t.csv", "a,b\n1,2\n1,2,3\n")),
              ElementsAre("t.csv:3: the record has 3 fields, and the table 2 columns"));
  EXPECT_THAT(Read(Text("a"), Put("t.csv", "a,b\n\"1\n\",\"\n")),
              ElementsAre("t.csv:2: a quote that is not closed"));
  EXPECT_THAT(Read(Text("a"), Put("t.csv", "a,b\nplain,x\n\xE9,x\n")),
              ElementsAre(HasSubstr("t.csv:3: column \"a\" is not UTF-8; convert")));
}

TEST_F(TableTest, BadRecordsAreSkippedAndCountedIfThatIsAskedFor) {
  CorpusSpec spec = Text("a");
  spec.on_bad_row = spec::OnBadRow::kSkip;
  LeftOut left_out;
  EXPECT_THAT(Read(spec, Put("t.csv", "a,b\n1,2\n1,2,3\nx,y\n"), &left_out), ElementsAre("1", "x"));
  EXPECT_EQ(left_out.bad_rows, 1);
  EXPECT_THAT(left_out.first_bad_rows,
              ElementsAre("t.csv:3: the record has 3 fields, and the table 2 columns"));
}

}  // namespace
}  // namespace braid::corpus
