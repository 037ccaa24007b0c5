#include "corpus/shared_shards.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "base/file.h"
#include "corpus/dataset.h"
#include "corpus/shards.h"
#include "storage/files/artifact_files.h"

namespace braid::corpus {
namespace {

// Writes a set with the documents of `set` for which `stays_in` is true, and the others empty.
Result<std::unique_ptr<ShardWriter>> WriteSet(const ShardSet& set, int64_t vocab,
                                              const std::vector<bool>& stays_in,
                                              const std::string& folder) {
  BRAID_ASSIGN_OR_RETURN(std::unique_ptr<ShardWriter> writer, ShardWriter::Create(folder, vocab));
  std::vector<int32_t> ids;
  for (int64_t document = 0; document < set.documents(); ++document) {
    ids.clear();
    if (stays_in[static_cast<size_t>(document)]) {
      const uint64_t begin = set.DocumentBegin(document);
      ids.resize(set.DocumentEnd(document) - begin);
      set.Copy(begin, ids.size(), ids.data());
    }
    BRAID_RETURN_IF_ERROR(writer->Append(ids));
  }
  BRAID_RETURN_IF_ERROR(writer->Finish());
  return writer;
}

}  // namespace

Result<Json> WriteSharedShards(const std::string& whole, const spec::SharedPart& part,
                               const std::string& shared) {
  BRAID_ASSIGN_OR_RETURN(const Shards shards, Shards::Open(whole));
  DataSpec spec;
  spec.sources = {{"", spec::SplitPart::kJoint}};
  spec.split = part.split;
  spec.seed = part.seed;
  const std::vector<bool> joint = DocumentsOfShare(spec, 0, shards);
  const auto documents = std::count(joint.begin(), joint.end(), true);
  if (documents == 0) {
    return InvalidArgument("corpus " + shards.corpus +
                           ": the joint part of its split has not one document; give more text, or "
                           "lower split.paths");
  }
  const std::vector<bool> all(static_cast<size_t>(shards.validation.documents()), true);
  BRAID_ASSIGN_OR_RETURN(const auto train,
                         WriteSet(shards.train, shards.vocab, joint, JoinPath(shared, "train")));
  BRAID_RETURN_IF_ERROR(
      WriteSet(shards.validation, shards.vocab, all, JoinPath(shared, "validation")).status());
  Json description = shards.description;
  description["tokens"] = train->tokens();
  BRAID_RETURN_IF_ERROR(WriteJsonFile(JoinPath(shared, artifact_files::kShards), description));
  return Json{{"part", "joint"},
              {"corpus", shards.corpus},
              {"tokens", train->tokens()},
              {"documents", documents},
              {"validation_tokens", shards.validation.tokens()},
              {"validation_documents", shards.validation.documents()},
              {"tokenizer", shards.tokenizer}};
}

}  // namespace braid::corpus
