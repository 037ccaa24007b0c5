// braid's side of the benchmarks of tokenizers. scripts/bench starts it (turns.h).
//
//   tokenizer_turns encode TOKENIZER.json TEXT
//       encodes all documents of TEXT, on one thread, with an empty cache each time. Values: MB/s
//       (10^6 bytes); also the number of tokens and the SHA-256 of all ids.
//   tokenizer_turns train TEXT ENTRIES THREADS OUT
//       trains a tokenizer on all documents and writes it to OUT. Values: MB/s.
//
// TEXT is a file of documents separated by NUL bytes. Whatever its seconds, a turn is one pass.
#include <cstdio>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/guarded_main.h"
#include "base/sha256.h"
#include "base/text.h"
#include "bench/turns.h"
#include "corpus/bpe_trainer.h"
#include "corpus/tokenizer.h"

namespace braid::corpus {
namespace {

using bench::Now;

Status EncodeTurns(const std::string& tokenizer_path, const std::string& text_path) {
  BRAID_ASSIGN_OR_RETURN(const auto tokenizer, Tokenizer::Load(tokenizer_path));
  BRAID_ASSIGN_OR_RETURN(const std::string text, ReadFile(text_path));
  const std::vector<std::string> documents = Split(text, '\0');
  std::vector<int32_t> ids;
  return bench::ServeTurns({{"ready", true}}, [&](double) -> Result<Json> {
    ids.clear();
    const double start = Now();
    // A new encoder, hence an empty cache: a corpus is encoded once.
    Encoder encoder(tokenizer);
    for (const std::string& document : documents) encoder.Encode(document, &ids);
    const double rate = static_cast<double>(text.size()) / 1e6 / (Now() - start);
    const std::string_view bytes(reinterpret_cast<const char*>(ids.data()),
                                 ids.size() * sizeof(int32_t));
    return Json{{"values", {rate}}, {"tokens", ids.size()}, {"sha256", Sha256Hex(bytes)}};
  });
}

Status TrainTurns(const std::string& text_path, int64_t entries, size_t threads,
                  const std::string& out) {
  BRAID_ASSIGN_OR_RETURN(const std::string text, ReadFile(text_path));
  const std::vector<std::string> documents = Split(text, '\0');
  return bench::ServeTurns({{"ready", true}}, [&](double) -> Result<Json> {
    const double start = Now();
    BpeTrainer trainer(threads);
    trainer.Add(documents);
    BRAID_ASSIGN_OR_RETURN(const Json json, trainer.Train(entries));
    const double rate = static_cast<double>(text.size()) / 1e6 / (Now() - start);
    BRAID_RETURN_IF_ERROR(
        WriteFileAtomic(out, json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n"));
    return Json{{"values", {rate}}};
  });
}

Status Run(const std::vector<std::string>& words) {
  if (words.size() == 3 && words[0] == "encode") return EncodeTurns(words[1], words[2]);
  if (words.size() == 5 && words[0] == "train") {
    BRAID_ASSIGN_OR_RETURN(const int64_t entries, ParseInt(words[2]));
    BRAID_ASSIGN_OR_RETURN(const int64_t threads, ParseInt(words[3]));
    if (threads >= 1) return TrainTurns(words[1], entries, static_cast<size_t>(threads), words[4]);
  }
  return InvalidArgument(
      "usage: tokenizer_turns encode TOKENIZER.json TEXT | train TEXT ENTRIES THREADS OUT");
}

int Main(int argc, char** argv) {
  const Status status = Run({argv + 1, argv + argc});
  if (!status.ok()) std::fprintf(stderr, "tokenizer_turns: %s\n", status.message().c_str());
  return status.ok() ? 0 : 1;
}

}  // namespace
}  // namespace braid::corpus

int main(int argc, char** argv) {
  return braid::GuardedMain("tokenizer_turns", braid::corpus::Main, argc, argv);
}
