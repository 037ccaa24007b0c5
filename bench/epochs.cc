// Measures what an epoch costs before its first chunk and for each chunk, with and without an index
// (`split.shuffle`).
//
//   epochs DOCUMENTS FOLDER
//
// Writes a corpus of so many documents of 40 to 60 tokens into FOLDER (about 110 bytes each) unless
// it is there, and prints one JSON line for each way to shuffle. The index is built anew each time.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "base/file.h"
#include "base/guarded_main.h"
#include "base/json.h"
#include "corpus/dataset.h"

namespace braid::corpus {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kSequence = 256, kReads = 100'000;
constexpr int32_t kVocab = 50'000;

double Seconds(Clock::time_point from) {
  return std::chrono::duration<double>(Clock::now() - from).count();
}

Status WriteCorpus(const std::string& folder, int64_t documents) {
  BRAID_ASSIGN_OR_RETURN(const auto train, ShardWriter::Create(folder + "/train", kVocab));
  BRAID_ASSIGN_OR_RETURN(const auto validation,
                         ShardWriter::Create(folder + "/validation", kVocab));
  for (int64_t d = 0; d < documents; ++d) {
    BRAID_RETURN_IF_ERROR(train->Append(
        std::vector<int32_t>(static_cast<size_t>(40 + d % 21), static_cast<int32_t>(d % kVocab))));
  }
  BRAID_RETURN_IF_ERROR(train->Finish());
  BRAID_RETURN_IF_ERROR(validation->Finish());
  return WriteJsonFile(folder + "/shards.json", {{"format", 1},
                                                 {"corpus", "bench"},
                                                 {"tokenizer", "bench"},
                                                 {"vocab", kVocab},
                                                 {"dtype", "uint16"},
                                                 {"tokens", train->tokens()},
                                                 {"validation_tokens", 0}});
}

Result<Json> Measure(const std::string& folder, spec::Shuffle shuffle) {
  DataSpec spec;
  spec.sequence = kSequence;
  spec.split.shuffle = shuffle;
  spec.sources = {{"data.bench", spec::SplitPart::kAll}};
  BRAID_ASSIGN_OR_RETURN(const TemporaryFolder cache, TemporaryFolder::Create());
  BRAID_ASSIGN_OR_RETURN(const auto dataset, Dataset::Open(spec, {folder}, cache.path()));
  Clock::time_point begun = Clock::now();
  BRAID_ASSIGN_OR_RETURN(const auto epoch, dataset->OpenEpoch(1));
  const double open = Seconds(begun);
  begun = Clock::now();
  std::vector<int32_t> ids(kSequence);
  for (int64_t i = 0; i < kReads; ++i) epoch->Read(i % epoch->sequences(), ids.data());
  int64_t index_bytes = 0;
  BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> files, ListFolder(cache.path()));
  for (const std::string& name : files) {
    BRAID_ASSIGN_OR_RETURN(const int64_t bytes, FileSize(JoinPath(cache.path(), name)));
    index_bytes += bytes;
  }
  return Json{{"shuffle", schema::NameOf(shuffle)},
              {"chunks", epoch->sequences()},
              {"open_s", open},
              {"chunk_us", Seconds(begun) / kReads * 1e6},
              {"index_bytes", index_bytes}};
}

int Main(int argc, char** argv) {
  if (argc != 3) return std::fprintf(stderr, "epochs DOCUMENTS FOLDER\n"), 2;
  const std::string folder = argv[2];
  Status status = PathExists(folder + "/shards.json") ? OkStatus()
                                                      : WriteCorpus(folder, std::atoll(argv[1]));
  for (const spec::Shuffle shuffle : {spec::Shuffle::kGroups, spec::Shuffle::kDocuments}) {
    if (!status.ok()) break;
    const Result<Json> measured = Measure(folder, shuffle);
    status = measured.ok() ? OkStatus() : measured.status();
    if (measured.ok()) std::printf("%s\n", measured->dump().c_str());
  }
  if (!status.ok()) return std::fprintf(stderr, "epochs: %s\n", status.message().c_str()), 1;
  return 0;
}

}  // namespace
}  // namespace braid::corpus

int main(int argc, char** argv) {
  return braid::GuardedMain("epochs", braid::corpus::Main, argc, argv);
}
