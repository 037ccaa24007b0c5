#include "corpus/corpus.h"

#include <gmock/gmock.h>
#include <zlib.h>
#include <zstd.h>

#include "base/file.h"

namespace braid::corpus {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

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

std::string Gzip(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string Zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

TEST_F(CorpusTest, RowsFieldsAndCompression) {
  const std::string rows = "{\"text\":\"one\",\"q\":\"Q\",\"a\":\"A\"}\n\n{\"text\":\"two\",\"q\":\"R\",\"a\":\"B\"}";
  for (const std::string& path : {Put("a.jsonl", rows), Put("b.jsonl.gz", Gzip(rows)), Put("c.jsonl.zst", Zstd(rows)),
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
  EXPECT_THAT(Error(Spec(), Put("b.jsonl", "{\"text\":3}\n")), HasSubstr("b.jsonl:1: field \"text\" is not text"));
  EXPECT_THAT(Error(Spec(), Put("c.jsonl", "{\"text\":\n")), HasSubstr("c.jsonl:1 is not valid JSON"));
  EXPECT_THAT(Error(Spec(), Put("d.jsonl", "[1]\n")), HasSubstr("d.jsonl:1: the row is not a JSON object"));
  EXPECT_THAT(Error(Spec(), Put("e.txt", " \n ")), HasSubstr("corpus c is empty"));
  const std::string gz = Gzip(std::string(100'000, 'x'));
  EXPECT_THAT(Error(Spec(), Put("f.txt.gz", gz.substr(0, gz.size() / 2))), HasSubstr("f.txt.gz is cut short"));
  std::string damaged = Gzip("some text that is long enough to be damaged in the middle of its data");
  damaged[20] = static_cast<char>(~damaged[20]);
  EXPECT_THAT(Error(Spec(), Put("g.txt.gz", damaged)), HasSubstr("g.txt.gz"));
  EXPECT_THAT(CorpusFiles(Spec(), "").status().message(), HasSubstr("corpus c has no files"));
}

TEST_F(CorpusTest, SpecsAreReadStrictly) {
  EXPECT_THAT(CorpusFromJson({{"name", "c"}, {"text", "a"}, {"join", {"b"}}}, "corpus").status().message(), HasSubstr("exclude each other"));
  EXPECT_THAT(CorpusFromJson({{"name", "c"}, {"sample", 2}}, "corpus").status().message(), HasSubstr("corpus.sample"));
  EXPECT_THAT(CorpusFromJson({{"name", "c"}, {"tokns", 2}}, "corpus").status().message(), HasSubstr("corpus.tokns"));
  for (const Json& other : {Json{{"text", "a"}}, Json{{"join", {"a"}}}, Json{{"separator", "-"}}}) {
    Json both = {{"name", "c"}, {"input_ids", "ids"}};
    both.update(other);
    EXPECT_THAT(CorpusFromJson(both, "corpus").status().message(), HasSubstr("corpus.input_ids: the rows hold ids, not text"));
  }
  EXPECT_THAT(CorpusFromJson({{"name", "c"}, {"input_ids", "ids"}, {"bytes", 9}}, "corpus").status().message(),
              HasSubstr("corpus.bytes: ids have none; tokens caps an import"));
  const auto import = CorpusFromJson({{"name", "c"}, {"input_ids", "ids"}}, "corpus");
  EXPECT_EQ(CorpusFromJson(ToJson(*import), "corpus")->input_ids, "ids");
}

}  // namespace
}  // namespace braid::corpus
