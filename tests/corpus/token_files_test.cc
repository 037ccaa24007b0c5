// Files of token ids: where documents end, and what is said about files that are damaged or of
// another tokenizer. tests/peers/token_files_test.py compares with numpy and real tokenizers.
#include "corpus/token_files.h"

#include <gmock/gmock.h>

#include "base/file.h"
#include "base/text.h"
#include "corpus/megatron_index.h"

namespace braid::corpus {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr TokenIds kHundred{.entries = 100, .end_of_text = 99};

template <typename T>
std::string BytesOf(std::initializer_list<int64_t> numbers) {
  std::string bytes;
  for (const int64_t number : numbers) {
    const T value = static_cast<T>(number);
    bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  return bytes;
}

std::string LlmcHeader(int32_t magic, int32_t count) {
  std::string header = BytesOf<int32_t>({magic, 1, count});
  header.resize(256 * sizeof(int32_t));
  return header;
}

// A whole index: code of the type, lengths, offsets in bytes, and with which sequence each document
// begins.
std::string Index(uint8_t code, std::initializer_list<int64_t> lengths,
                  std::initializer_list<int64_t> offsets, std::initializer_list<int64_t> documents,
                  int64_t version = 1) {
  return std::string(kMegatronMagic) + BytesOf<uint64_t>({version}) + BytesOf<uint8_t>({code}) +
         BytesOf<uint64_t>(
             {static_cast<int64_t>(lengths.size()), static_cast<int64_t>(documents.size())}) +
         BytesOf<int32_t>(lengths) + BytesOf<int64_t>(offsets) + BytesOf<int64_t>(documents);
}

class TokenFilesTest : public ::testing::Test {
 protected:
  void Put(const std::string& name, const std::string& content) {
    const std::string path = JoinPath(folder_.path(), name);
    EXPECT_TRUE(WriteFileAtomic(path, content).ok());
    std::erase_if(files_, [&](const CorpusFile& file) { return file.name == name; });
    files_.push_back({path, name});
  }
  // The documents as "1 2 99", or the error.
  std::vector<std::string> Read(const char* kind, const TokenIds& ids = kHundred) {
    std::vector<std::string> shown;
    const Status status = ReadDocuments(
        Spec(kind), files_, 42,
        [&](Document document) {
          std::vector<std::string> parts;
          for (const int32_t id : document.ids) parts.push_back(std::to_string(id));
          shown.push_back(Join(parts, " "));
          return OkStatus();
        },
        ids);
    return status.ok() ? shown : std::vector<std::string>{status.message()};
  }
  std::string Error(const char* kind) {
    const std::vector<std::string> shown = Read(kind);
    EXPECT_EQ(shown.size(), 1u);
    return shown.front();
  }
  // What `submit` says of the same files.
  std::string Fault(const char* kind) {
    const std::vector<Status> faults = CheckCorpus(Spec(kind), files_);
    return faults.empty() ? "" : faults.front().message();
  }
  static CorpusSpec Spec(const std::string& kind) {
    return CorpusSpec{
        spec::Corpus(CorpusFromJson({{"name", "c"}, {"token_files", kind}}, "corpus").value())};
  }

  const TemporaryFolder folder_ = TemporaryFolder::Create().value();
  std::vector<CorpusFile> files_;
};

TEST_F(TokenFilesTest, ADocumentEndsAtTheEndOfText) {
  // With the token behind each document, in front of each, twice, and missing at the end.
  Put("a.bin", BytesOf<uint16_t>({1, 2, 99, 3, 99}));
  Put("b.bin", BytesOf<uint16_t>({99, 4, 5, 99, 99, 6}));
  EXPECT_THAT(Read("nanogpt"), ElementsAre("1 2 99", "3 99", "4 5 99", "6 99"));
  EXPECT_EQ(Fault("nanogpt"), "");
}

// As llm.c's scripts cut them: files of one size, wherever a document is.
TEST_F(TokenFilesTest, ADocumentGoesOnInTheNextFile) {
  Put("a.bin", BytesOf<uint16_t>({99, 1, 2, 99, 3}));
  Put("b.bin", BytesOf<uint16_t>({4, 99, 5}));
  EXPECT_THAT(Read("nanogpt"), ElementsAre("1 2 99", "3 4 99", "5 99"));
  Put("b.bin", BytesOf<uint16_t>({4, 100}));
  EXPECT_THAT(Error("nanogpt"), HasSubstr("b.bin: token 1, the id 100"));
  files_.clear();
  Put("a.bin", LlmcHeader(20240520, 3) + BytesOf<uint16_t>({99, 1, 2}));
  Put("b.bin", LlmcHeader(20240520, 2) + BytesOf<uint16_t>({3, 99}));
  EXPECT_THAT(Read("llm_c"), ElementsAre("1 2 3 99"));
}

// With a large tokenizer every 16 bits are an id.
TEST_F(TokenFilesTest, WhatIsNoPlainFileOfIdsIsNamed) {
  Put("a.bin", LlmcHeader(20240520, 1) + BytesOf<uint16_t>({1}));
  EXPECT_EQ(Fault("nanogpt"), "a.bin: it has the header of llm.c; its files are `llm_c`");
  EXPECT_EQ(Error("nanogpt"), Fault("nanogpt"));
  Put("a.bin", "\x1F\x8B\x08\x01");
  EXPECT_EQ(Fault("nanogpt"),
            "a.bin: it is packed; unpack it, since files of ids are not read packed");
  Put("a.bin", "\x93NUMPY12");
  EXPECT_THAT(Fault("nanogpt"),
              HasSubstr("a.bin: it is a NumPy array with a header; write the ids"));
}

TEST_F(TokenFilesTest, IdsAreCounted) {
  Put("a.bin", BytesOf<uint16_t>({1, 2, 99}));
  Put("b.bin", BytesOf<uint16_t>({3}));
  EXPECT_EQ(CountTokens(Spec("nanogpt"), files_), 4);
  EXPECT_EQ(CountTokens(Spec("llm_c"), files_), 0);
  files_.clear();
  Put("web.bin", BytesOf<int32_t>({1, 2, 3}));
  Put("web.idx", Index(4, {1, 2}, {0, 4}, {0, 2}));
  EXPECT_EQ(CountTokens(Spec("megatron"), files_), 3);
}

TEST_F(TokenFilesTest, LlmcSaysItsWidth) {
  Put("gpt2.bin", LlmcHeader(20240520, 3) + BytesOf<uint16_t>({99, 1, 2}));
  EXPECT_THAT(Read("llm_c"), ElementsAre("1 2 99"));
  Put("gpt2.bin", LlmcHeader(20240801, 2) + BytesOf<uint32_t>({70000, 128}));
  EXPECT_THAT(Read("llm_c", {.entries = 100'000, .end_of_text = 99}), ElementsAre("70000 128 99"));
}

TEST_F(TokenFilesTest, AHeaderThatContradictsItsFileIsNamed) {
  Put("a.bin", LlmcHeader(20240520, 4) + BytesOf<uint16_t>({1, 2, 99}));
  EXPECT_EQ(Error("llm_c"), "a.bin: its header says 4 ids, and 3 follow; is the file whole?");
  EXPECT_EQ(Fault("llm_c"), Error("llm_c"));
  Put("a.bin", BytesOf<uint16_t>({1, 2, 99}));
  EXPECT_EQ(Error("llm_c"),
            "a.bin: it does not begin with the header of llm.c, the number 20240520 or 20240801; "
            "files of ids alone are `nanogpt`");
  Put("a.bin", LlmcHeader(20240520, 1) + "xyz");
  EXPECT_EQ(Error("llm_c"), "a.bin: 3 bytes are no ids of 2 bytes each; is the file whole?");
}

TEST_F(TokenFilesTest, AFileThatIsNotWholeIdsIsNamed) {
  Put("a.bin", "xyz");
  EXPECT_EQ(Error("nanogpt"), "a.bin: 3 bytes are no ids of 2 bytes each; is the file whole?");
  EXPECT_EQ(Fault("nanogpt"), Error("nanogpt"));
  Put("a.bin", "");
  EXPECT_THAT(Error("nanogpt"), HasSubstr("a.bin: 0 bytes are no ids"));
}

TEST_F(TokenFilesTest, AnIdOfAnotherTokenizerIsNamed) {
  Put("a.bin", BytesOf<uint16_t>({1, 99, 100}));
  EXPECT_EQ(Error("nanogpt"),
            "a.bin: token 2, the id 100, is none of the tokenizer, which has 0 .. 99; "
            "tokenizer.file must be the one that made the file");
}

TEST_F(TokenFilesTest, MegatronsIndexSaysWhereDocumentsEnd) {
  // Sequences of any order in the file; a document of two of them; one without ids.
  // An end of text within a document ends none.
  Put("web.bin", BytesOf<uint16_t>({1, 99, 2, 99, 3, 4, 5}));
  Put("web.idx", Index(8, {4, 1, 2, 0}, {0, 12, 8, 14}, {0, 1, 3, 4}));
  EXPECT_THAT(Read("megatron"), ElementsAre("1 99 2 99", "5 3 4 99"));
  EXPECT_EQ(Fault("megatron"), "");
}

TEST_F(TokenFilesTest, MegatronsTypesAreReadWithTheirSigns) {
  for (const auto& [code, bytes] : {std::pair{1, BytesOf<uint8_t>({7})},
                                    {2, BytesOf<int8_t>({7})},
                                    {3, BytesOf<int16_t>({7})},
                                    {4, BytesOf<int32_t>({7})},
                                    {5, BytesOf<int64_t>({7})},
                                    {8, BytesOf<uint16_t>({7})}}) {
    Put("web.bin", bytes);
    Put("web.idx", Index(static_cast<uint8_t>(code), {1}, {0}, {0, 1}));
    EXPECT_THAT(Read("megatron"), ElementsAre("7 99")) << code;
  }
  Put("web.bin", BytesOf<int32_t>({-1}));
  Put("web.idx", Index(4, {1}, {0}, {0, 1}));
  EXPECT_THAT(Error("megatron"),
              HasSubstr("web.bin: token 0, the id -1, is none of the tokenizer"));
  Put("web.idx", Index(7, {1}, {0}, {0, 1}));
  EXPECT_EQ(Error("megatron"), "web.idx: type 7 of Megatron's index is none of whole numbers");
}

TEST_F(TokenFilesTest, AMegatronFileWithoutItsOtherHalfIsNamed) {
  Put("web.bin", BytesOf<uint16_t>({1}));
  EXPECT_EQ(Error("megatron"),
            "web.bin: web.idx is missing beside it; name both files of a Megatron dataset");
  EXPECT_EQ(Fault("megatron"), Error("megatron"));
  files_.clear();
  Put("web.idx", Index(8, {}, {}, {0}));
  EXPECT_THAT(Error("megatron"), HasSubstr("web.idx: web.bin is missing"));
  Put("notes.txt", "x");
  Put("web.bin", "");
  EXPECT_EQ(Error("megatron"),
            "notes.txt: corpora.c.token_files: megatron reads files NAME.idx and NAME.bin");
}

TEST_F(TokenFilesTest, AnIndexThatContradictsItselfIsNamed) {
  const std::string together =
      "; the two files of a Megatron dataset, NAME.idx and NAME.bin, must be of the same run of "
      "its "
      "preprocessing";
  Put("web.bin", BytesOf<uint16_t>({1, 2, 3}));
  const auto with = [&](const std::string& index) {
    Put("web.idx", index);
    return Error("megatron");
  };
  EXPECT_EQ(with("MMIDIDX"), "web.idx: no index of a Megatron dataset, which begins with MMIDIDX");
  EXPECT_EQ(with(Index(8, {3}, {0}, {0, 1}, 2)),
            "web.idx: version 2 of Megatron's index; braid reads version 1");
  EXPECT_EQ(with(Index(8, {4}, {0}, {0, 1})),
            "web.idx: sequence 0, 4 ids from byte 0 on, is not within the 6 bytes of the file of "
            "ids" +
                together);
  EXPECT_THAT(with(Index(8, {1}, {-2}, {0, 1})), HasSubstr("1 ids from byte -2 on"));
  EXPECT_THAT(with(Index(8, {-1}, {0}, {0, 1})), HasSubstr("-1 ids from byte 0 on"));
  EXPECT_EQ(with(Index(8, {1, 2}, {0, 2}, {0, 2, 1, 2})),
            "web.idx: document 1 ends before it begins" + together);
  EXPECT_EQ(with(Index(8, {1, 2}, {0, 2}, {0, 1})),
            "web.idx: the documents end at sequence 1 of 2" + together);
  EXPECT_EQ(with(Index(8, {1, 2}, {0, 2}, {1, 2})),
            "web.idx: the first document begins at sequence 1" + together);
  std::string cut = Index(8, {1, 2}, {0, 2}, {0, 1, 2});
  cut.pop_back();
  EXPECT_EQ(with(cut), "web.idx: 2 sequences and 3 documents do not fit into 81 bytes" + together);
  std::string huge = Index(8, {1}, {0}, {0, 1});
  huge[18] = huge[25] = '\x7f';  // the number of sequences
  EXPECT_THAT(with(huge), HasSubstr("do not fit into 62 bytes"));
}

// Every truncation and every changed byte of an index gives documents or an error, and no crash.
TEST_F(TokenFilesTest, NoIndexIsReadBeyondItsFiles) {
  Put("web.bin", BytesOf<uint8_t>({1, 2, 3, 4}));
  const std::string index = Index(1, {1, 3}, {0, 1}, {0, 1, 2});
  // Zeros behind the end, as a map of the file has them, would be ids.
  const auto is_within = [](const std::string& shown) {
    return shown.starts_with("web.") || shown.starts_with("corpus c is empty") ||
           (" " + shown + " ").find(" 0 ") == std::string::npos;
  };
  for (size_t at = 0; at < index.size(); ++at) {
    Put("web.idx", index.substr(0, at));
    EXPECT_FALSE(Fault("megatron").empty()) << at;
    for (const char byte : {'\0', '\1', '\x7f', '\xff'}) {
      std::string changed = index;
      changed[at] = byte;
      Put("web.idx", changed);
      for (const std::string& shown : Read("megatron"))
        EXPECT_TRUE(is_within(shown)) << at << ": " << shown;
    }
  }
}

TEST_F(TokenFilesTest, SettingsOfTextAreRefused) {
  const auto error = [](const char* key, const Json& value) {
    return CorpusFromJson({{"name", "c"}, {"token_files", "nanogpt"}, {key, value}}, "corpus")
        .status()
        .message();
  };
  EXPECT_EQ(error("text", "body"),
            "corpus.text: does nothing with token_files; they have ids and no text");
  EXPECT_THAT(error("separator", "--"), HasSubstr("corpus.separator: does nothing"));
  EXPECT_THAT(error("format", "rows"), HasSubstr("corpus.format: does nothing"));
  EXPECT_EQ(error("bytes", 5), "corpus.bytes: cannot cap files of ids; give tokens instead");
  EXPECT_EQ(error("tokens", 5), "");
}

// Nobody trains on ids as if they were letters because a line of the recipe is missing.
TEST_F(TokenFilesTest, TheyAreRecognisedWhereTheyAreTakenForText) {
  CorpusSpec text;
  text.name = "c";
  const auto said = [&] {
    return ReadDocuments(text, files_, 42, [](Document) { return OkStatus(); }).message();
  };
  Put("a.bin", LlmcHeader(20240520, 2) + BytesOf<uint16_t>({1, 2}));
  EXPECT_THAT(said(), HasSubstr("a.bin is tokens of llm.c, which braid does not read; unless the "
                                "corpus says so: corpora.NAME.token_files"));
  files_.clear();
  Put("a.idx", Index(8, {1}, {0}, {0, 1}));
  EXPECT_THAT(said(), HasSubstr("a.idx is the index of a Megatron dataset"));
}

}  // namespace
}  // namespace braid::corpus
