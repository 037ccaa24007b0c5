#include "corpus/corpus.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/corpus/packed.h"

namespace braid::corpus {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class CorpusTest : public ::testing::Test {
 protected:
  std::string Put(const std::string& name, const std::string& content) {
    const std::string path = folder_.path() + "/" + name;
    EXPECT_TRUE(WriteFileAtomic(path, content).ok());
    return path;
  }
  Status Read(const CorpusSpec& spec, const std::string& path, std::vector<std::string>* texts) {
    return ReadDocuments(spec, {path}, 42, [&](Document document) {
      texts->push_back(document.text);
      return OkStatus();
    });
  }
  std::string Error(const CorpusSpec& spec, const std::string& path) {
    std::vector<std::string> texts;
    return Read(spec, path, &texts).message();
  }
  CorpusSpec Spec() const {
    CorpusSpec spec;
    spec.name = "c";
    return spec;
  }
  TemporaryFolder folder_ = TemporaryFolder::Create().value();
};

TEST_F(CorpusTest, RowsFieldsAndCompression) {
  const std::string rows =
      "{\"text\":\"one\",\"q\":\"Q\",\"a\":\"A\"}\n\n{\"text\":\"two\",\"q\":\"R\",\"a\":\"B\"}";
  for (const std::string& path :
       {Put("a.jsonl", rows), Put("b.jsonl.gz", Gzip(rows)), Put("c.jsonl.zst", Zstd(rows)),
        Put("two.jsonl.gz", Gzip(rows.substr(0, 20)) + Gzip(rows.substr(20)))}) {
    std::vector<std::string> texts;
    ASSERT_TRUE(Read(Spec(), path, &texts).ok()) << path;
    EXPECT_THAT(texts, ElementsAre("one", "two")) << path;
  }
  CorpusSpec joined = Spec();
  joined.join = {"q", "a"};
  joined.joiner = " - ";
  std::vector<std::string> texts;
  ASSERT_TRUE(Read(joined, Put("a.jsonl", rows), &texts).ok());
  EXPECT_THAT(texts, ElementsAre("Q - A", "R - B"));
}

TEST_F(CorpusTest, PlainTextWholeOrCut) {
  const std::string path = Put("a.txt", "first\nstory\n<|end|>\nsecond\n<|end|>\n");
  std::vector<std::string> whole, cut;
  ASSERT_TRUE(Read(Spec(), path, &whole).ok());
  EXPECT_EQ(whole.size(), 1u);
  CorpusSpec spec = Spec();
  spec.separator = "<|end|>";
  ASSERT_TRUE(Read(spec, path, &cut).ok());
  EXPECT_THAT(cut, ElementsAre("first\nstory", "second"));
}

TEST_F(CorpusTest, CapsAndSamples) {
  std::string rows;
  for (int i = 0; i < 1000; ++i) rows += "{\"text\":\"document " + std::to_string(i) + "\"}\n";
  const std::string path = Put("a.jsonl", rows);
  CorpusSpec spec = Spec();
  spec.documents = 7;
  std::vector<std::string> texts;
  ASSERT_TRUE(Read(spec, path, &texts).ok());
  EXPECT_EQ(texts.size(), 7u);
  spec.documents = 0;
  spec.sample = 0.2;
  std::vector<std::string> a, b;
  ASSERT_TRUE(Read(spec, path, &a).ok());
  ASSERT_TRUE(Read(spec, path, &b).ok());
  EXPECT_EQ(a, b);
  EXPECT_NEAR(static_cast<double>(a.size()), 200, 40);
}

TEST_F(CorpusTest, ErrorsNameFileAndLine) {
  EXPECT_THAT(Error(Spec(), Put("a.jsonl", "{\"text\":\"x\"}\n{\"story\":\"y\"}\n")),
              HasSubstr("a.jsonl:2: the row has no field \"text\"; it has story"));
  EXPECT_THAT(Error(Spec(), Put("b.jsonl", "{\"text\":3}\n")),
              HasSubstr("b.jsonl:1: field \"text\" is not text"));
  EXPECT_THAT(Error(Spec(), Put("c.jsonl", "{\"text\":\n")),
              HasSubstr("c.jsonl:1 is not valid JSON"));
  EXPECT_THAT(Error(Spec(), Put("d.jsonl", "[1]\n")),
              HasSubstr("d.jsonl:1: the row is not a JSON object"));
  EXPECT_THAT(Error(Spec(), Put("e.txt", " \n ")), HasSubstr("corpus c is empty"));
  const std::string gz = Gzip(std::string(100'000, 'x'));
  EXPECT_THAT(Error(Spec(), Put("f.txt.gz", gz.substr(0, gz.size() / 2))),
              HasSubstr("f.txt.gz is cut short"));
  std::string damaged = Gzip(
      "some text that is long enough to be damaged in the middle of its data");
  damaged[20] = static_cast<char>(~damaged[20]);
  EXPECT_THAT(Error(Spec(), Put("g.txt.gz", damaged)), HasSubstr("g.txt.gz"));
  EXPECT_THAT(CorpusFiles(Spec(), "").status().message(), HasSubstr("corpus c has no files"));
}

// Rows are read for the fields that are named: what stands in the others harms nobody.
TEST_F(CorpusTest, OddValuesBesideTheTextAreNotLookedAt) {
  const std::string path = Put(
      "a.jsonl",
      "{\"text\":\"one\",\"score\":NaN}\n{\"score\":[-Infinity,{\"n\":1e999}],\"text\":\"two\"}\n"
      "{\"text\":\"three\",\"id\":007}\n{\"text\":\"four\",\"by\":\"\\ud800\"}\n{\"text\":\"five\","
      "\"x\":1,\"x\":2}\n"
      "{\"text\":\"six\",\"raw\":\"\xE9\"}\n{\"text\":\"seven\",\"deep\":" +
          std::string(500, '[') + std::string(500, ']') + "}\n");
  std::vector<std::string> texts;
  const Status status = Read(Spec(), path, &texts);
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_THAT(texts, ElementsAre("one", "two", "three", "four", "five", "six", "seven"));
}

constexpr char kBadRows[] =
    "{\"text\":\"one\"}\n{\"text\":null}\n{\"text\":\"\\ud83d\"}\n{\"story\":\"x\"}\n{\"text\":"
    "\"two\"\n[1]\n{\"text\":\"a\",\"text\":\"b\"}\n{\"text\":\"three\"}\n";

TEST_F(CorpusTest, ABadRowFailsUnlessItIsSkipped) {
  const std::string path = Put("a.jsonl", kBadRows);
  EXPECT_THAT(Error(Spec(), path),
              HasSubstr("a.jsonl:2: field \"text\" is not text, but null (column 9)"));
  CorpusSpec spec =
      CorpusFromJson({{"name", "c"}, {"text", "text"}, {"on_bad_row", "skip"}}, "corpus").value();
  std::vector<std::string> texts;
  LeftOut left_out;
  ASSERT_TRUE(ReadDocuments(
                  spec, {{path, "data/a.jsonl"}}, 42,
                  [&](Document document) {
                    texts.push_back(document.text);
                    return OkStatus();
                  },
                  {}, &left_out)
                  .ok());
  EXPECT_THAT(texts, ElementsAre("one", "three"));
  EXPECT_EQ(left_out.bad_rows, 6);
  EXPECT_THAT(
      left_out.first_bad_rows,
      ElementsAre("data/a.jsonl:2: field \"text\" is not text, but null (column 9)",
                  AllOf(HasSubstr("data/a.jsonl:3 is not valid JSON: column 16, field \"text\""),
                        HasSubstr("surrogate")),
                  "data/a.jsonl:4: the row has no field \"text\"; it has story (corpora.c.text or "
                  ".join names the field)",
                  "data/a.jsonl:5 is not valid JSON: column 14: the line ends within its object",
                  "data/a.jsonl:6: the row is not a JSON object; it begins with [1] (one object a "
                  "line; this is a list)"));
  EXPECT_EQ(CorpusFromJson(ToJson(spec), "corpus")->on_bad_row, spec::OnBadRow::kSkip);
  // Nothing but bad rows is an empty corpus, which says why.
  EXPECT_THAT(Error(spec, Put("b.jsonl", "{\"text\":1}\n{\"text\":2}\n")),
              HasSubstr("2 rows could not be read and were skipped, the first: "));
  // A file that is cut is no row.
  EXPECT_THAT(Error(spec, Put("c.jsonl.gz", Gzip(kBadRows).substr(0, 60))),
              HasSubstr("c.jsonl.gz is cut short"));
}

TEST_F(CorpusTest, ABadRowOfMegabytesIsNotTheMessage) {
  const std::string much(5'000'000, 'x');
  const std::string rows[] = {"{\"text\": \"" + much,      "{\"text\": \"" + much + "\\ud800\"}",
                              "{\"" + much + "\": 1}",     "{\"text\": [\"" + much + "\"]}",
                              "{\"text\": " + much + "}",  much,
                              "{\"text\": \"a\"} " + much, "{\"text\": \"" + much + "\xE9\"}",
                              "[\"" + much + "\"]"};
  for (const std::string& row : rows) {
    const std::string path = Put("a.jsonl", "{\"text\":\"one\"}\n" + row + "\n");
    std::vector<std::string> texts;
    const Status status = ReadDocuments(Spec(), {{path, "data/a.jsonl"}}, 42,
                                        [](Document) { return OkStatus(); });
    EXPECT_THAT(status.message(), StartsWith("data/a.jsonl:2")) << row.substr(0, 40);
    EXPECT_LT(status.message().size(), 600u) << row.substr(0, 40);
    EXPECT_THAT(status.message(), Not(HasSubstr(folder_.path())));
  }
}

TEST_F(CorpusTest, BlankDocumentsAreCountedOrKept) {
  const std::string path = Put(
      "a.jsonl",
      "{\"text\":\"one\"}\n\n{\"text\":\"\"}\n{\"text\":\" \\n\"}\n{\"text\":\"two\"}\n");
  const auto read = [&](const CorpusSpec& spec, const std::string& file, LeftOut* left_out) {
    std::vector<std::string> texts;
    EXPECT_TRUE(ReadDocuments(
                    spec, {file}, 42,
                    [&](Document document) {
                      texts.push_back(document.text);
                      return OkStatus();
                    },
                    {}, left_out)
                    .ok());
    return texts;
  };
  LeftOut dropped, kept, cut;
  EXPECT_THAT(read(Spec(), path, &dropped), ElementsAre("one", "two"));
  EXPECT_EQ(dropped.blank_documents, 2);
  CorpusSpec spec = Spec();
  spec.blank_documents = spec::BlankDocuments::kKeep;
  EXPECT_THAT(read(spec, path, &kept), ElementsAre("one", "", " \n", "two"));
  EXPECT_EQ(kept.blank_documents, 0);
  // Between two separators there is a document; behind the last there need be none.
  spec = Spec();
  spec.separator = "--";
  EXPECT_THAT(read(spec, Put("a.txt", "one\n--\n\n--\ntwo\n--\n\n"), &cut),
              ElementsAre("one", "two"));
  EXPECT_EQ(cut.blank_documents, 1);
}

TEST_F(CorpusTest, FilesThatAreLinksAreReadThrough) {
  Put("blob", "{\"text\":\"one\"}\n");
  ASSERT_TRUE(MakeFolder(folder_.path() + "/snapshot").ok());
  ASSERT_EQ(::symlink("../blob", (folder_.path() + "/snapshot/a.jsonl").c_str()), 0);
  CorpusSpec spec = Spec();
  spec.files = {folder_.path() + "/snapshot/*.jsonl"};
  EXPECT_EQ(CorpusFiles(spec, "")->size(), 1u);
  EXPECT_EQ(CorpusFiles(spec, folder_.path() + "/snapshot")->size(), 1u);
  ASSERT_EQ(::symlink("../gone", (folder_.path() + "/snapshot/b.jsonl").c_str()), 0);
  for (const std::string& folder : {std::string(), folder_.path() + "/snapshot"}) {
    EXPECT_THAT(CorpusFiles(spec, folder).status().message(),
                HasSubstr("snapshot/b.jsonl is a link to ../gone, which is not there"));
  }
}

// A worker lays the manifest of an artifact beside its folder.
TEST_F(CorpusTest, FilesOfAnArtifactHaveTheUsersNames) {
  ASSERT_TRUE(MakeFolder(folder_.path() + "/0f").ok());
  Put("0f/a.jsonl", "{\"text\":1}\n");
  Put("0f/b.jsonl", "");
  Put("0f.manifest.json",
      R"({"files": [], "metadata": {"source": "source.c", "files": {"a.jsonl": "../data/a.jsonl"}}})");
  const auto files = CorpusFiles(Spec(), folder_.path() + "/0f").value();
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files[0].name, "../data/a.jsonl");
  EXPECT_EQ(files[1].name, "b.jsonl");
  EXPECT_THAT(CheckCorpus(Spec(), files).front().message(),
              StartsWith("../data/a.jsonl:1: field \"text\" is not text"));
  Put("0f.manifest.json",
      R"({"files": [], "metadata": {"source": "source.c", "folder": "data/deep", "files": {"a.jsonl": "other/a.jsonl"}}})");
  EXPECT_EQ(CorpusFiles(Spec(), folder_.path() + "/0f")->front().name, "other/a.jsonl");
  EXPECT_EQ(CorpusFiles(Spec(), folder_.path() + "/0f")->back().name, "data/deep/b.jsonl");
  EXPECT_EQ(FileNames::Read(folder_.path() + "/0f")->folder(), "data/deep");
  Put("0f.manifest.json", "{}");
  EXPECT_EQ(FileNames::Read(folder_.path() + "/0f")->folder(), "artifact 0f");
  EXPECT_EQ(FileNames::Read(folder_.path())->folder(), folder_.path());
}

TEST_F(CorpusTest, SpecsAreReadStrictly) {
  EXPECT_THAT(CorpusFromJson({{"name", "c"}, {"format", "csv"}}, "corpus").status().message(),
              HasSubstr("corpus.format"));
  EXPECT_THAT(CorpusFromJson({{"name", "c"}, {"format", "text"}, {"text", "a"}}, "corpus")
                  .status()
                  .message(),
              HasSubstr("corpus.text: does nothing with format: text; plain text has no rows"));
  EXPECT_THAT(CorpusFromJson({{"name", "c"}, {"format", "rows"}, {"separator", "-"}}, "corpus")
                  .status()
                  .message(),
              HasSubstr("corpus.separator"));
  EXPECT_THAT(CorpusFromJson({{"name", "c"}, {"on_bad_row", "drop"}}, "corpus").status().message(),
              HasSubstr("corpus.on_bad_row"));
  EXPECT_THAT(
      CorpusFromJson({{"name", "c"}, {"blank_documents", "keep"}, {"input_ids", "ids"}}, "corpus")
          .status()
          .message(),
      HasSubstr("corpus.blank_documents"));

  EXPECT_THAT(
      CorpusFromJson({{"name", "c"}, {"text", "a"}, {"join", {"b"}}}, "corpus").status().message(),
      HasSubstr("exclude each other"));
  EXPECT_THAT(CorpusFromJson({{"name", "c"}, {"sample", 2}}, "corpus").status().message(),
              HasSubstr("corpus.sample"));
  EXPECT_THAT(CorpusFromJson({{"name", "c"}, {"tokns", 2}}, "corpus").status().message(),
              HasSubstr("corpus.tokns"));
  for (const Json& other : {Json{{"text", "a"}}, Json{{"join", {"a"}}}, Json{{"separator", "-"}}}) {
    Json both = {{"name", "c"}, {"input_ids", "ids"}};
    both.update(other);
    EXPECT_THAT(CorpusFromJson(both, "corpus").status().message(),
                HasSubstr(": rows of input_ids are tokens already"));
  }
  EXPECT_THAT(CorpusFromJson({{"name", "c"}, {"input_ids", "ids"}, {"bytes", 9}}, "corpus")
                  .status()
                  .message(),
              HasSubstr("corpus.bytes: cannot cap rows of input_ids; give tokens"));
  const auto import = CorpusFromJson({{"name", "c"}, {"input_ids", "ids"}}, "corpus");
  EXPECT_EQ(CorpusFromJson(ToJson(*import), "corpus")->input_ids, "ids");
}

}  // namespace
}  // namespace braid::corpus
