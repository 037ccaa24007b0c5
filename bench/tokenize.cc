// Measures the tokenizer's encoder on one thread.
//
//   tokenize TOKENIZER.json TEXT ROUNDS
//
// TEXT is a file of documents separated by NUL bytes. Prints one JSON line: bytes, tokens, a digest
// of the ids, and the seconds of each round. bench/encode.py runs it together with the `tokenizers`
// package.
#include <chrono>
#include <cstdio>

#include "base/file.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/text.h"
#include "corpus/tokenizer.h"

namespace braid::corpus {
namespace {

Status Run(const std::string& tokenizer_path, const std::string& text_path, int64_t rounds) {
  BRAID_ASSIGN_OR_RETURN(const auto tokenizer, Tokenizer::Load(tokenizer_path));
  BRAID_ASSIGN_OR_RETURN(const std::string text, ReadFile(text_path));
  const std::vector<std::string> documents = Split(text, '\0');
  Json seconds = Json::array();
  std::vector<int32_t> ids;
  for (int64_t round = 0; round < rounds; ++round) {
    ids.clear();
    const auto start = std::chrono::steady_clock::now();
    // A new encoder, hence an empty cache, in each round: a corpus is encoded once.
    Encoder encoder(tokenizer);
    for (const std::string& document : documents) encoder.Encode(document, &ids);
    seconds.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  const std::string_view bytes(reinterpret_cast<const char*>(ids.data()),
                               ids.size() * sizeof(int32_t));
  const Json line = {{"bytes", text.size()},
                     {"tokens", ids.size()},
                     {"sha256", Sha256Hex(bytes)},
                     {"seconds", seconds}};
  std::printf("%s\n", line.dump().c_str());
  return OkStatus();
}

}  // namespace
}  // namespace braid::corpus

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: tokenize TOKENIZER.json TEXT ROUNDS\n");
    return 2;
  }
  const auto rounds = braid::ParseInt(argv[3]);
  const braid::Status status = rounds.ok() ? braid::corpus::Run(argv[1], argv[2], *rounds)
                                           : rounds.status();
  if (!status.ok()) std::fprintf(stderr, "tokenize: %s\n", status.message().c_str());
  return status.ok() ? 0 : 1;
}
