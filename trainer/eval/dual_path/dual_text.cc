#include "trainer/eval/dual_path/dual_text.h"

#include <algorithm>

#include "base/text.h"
#include "corpus/dataset.h"
#include "trainer/loop/settings.h"
#include "trainer/loop/validation.h"

namespace braid::trainer {
namespace {

// Sequences in one pass. Small, because the read-outs of all blocks are kept for each token.
constexpr int64_t kTextBatch = 8;

// Cuts `count` sequences into batches; `fill` writes sequence i to ids and classes, [sequence]
// each.
template <typename Fill>
std::vector<DualText::Batch> Batches(int64_t count, int64_t sequence, int32_t pad,
                                     const Fill& fill) {
  std::vector<DualText::Batch> batches;
  for (int64_t first = 0; first < count; first += kTextBatch) {
    DualText::Batch batch;
    batch.first = first;
    batch.sequences = std::min(kTextBatch, count - first);
    batch.ids.resize(static_cast<size_t>(batch.sequences * sequence));
    batch.labels.resize(batch.ids.size());
    batch.classes.resize(batch.ids.size());
    for (int64_t i = 0; i < batch.sequences; ++i) {
      fill(first + i, batch.ids.data() + i * sequence, batch.classes.data() + i * sequence);
      MakeLabels(batch.ids.data() + i * sequence, sequence, pad,
                 batch.labels.data() + i * sequence);
    }
    batches.push_back(std::move(batch));
  }
  return batches;
}

}  // namespace

Result<DualText> TextOfShards(const corpus::Shards& set, int64_t sequence, int64_t sequences,
                              int32_t pad, const std::vector<corpus::TokenClass>& classes) {
  BRAID_RETURN_IF_ERROR(CheckSetAside(set, sequence));
  const int64_t count = std::min(sequences, corpus::ValidationSequences(set, sequence));
  // An id that the vocabulary does not have, or 0. The transformation cannot return an error, so it
  // is noted here.
  int32_t beyond = 0;
  const auto class_of = [&](int32_t id) {
    if (id >= 0 && static_cast<size_t>(id) < classes.size())
      return classes[static_cast<size_t>(id)];
    beyond = id;
    return corpus::TokenClass::kOther;
  };
  const auto fill = [&](int64_t i, int32_t* ids, corpus::TokenClass* of_ids) {
    corpus::ReadValidation(set, sequence, i, ids);
    std::transform(ids, ids + sequence, of_ids, class_of);
  };
  DualText text{set.corpus, false, Batches(count, sequence, pad, fill)};
  if (beyond == 0) return text;
  return InvalidArgument(
      Format("corpus %s: its shards hold token %d, the vocabulary ends at %zu; the shards are "
             "damaged, prepare them again",
             set.corpus.c_str(), beyond, classes.size() - 1));
}

Result<DualText> TextOfTags(const corpus::TaggedText& tagged, int64_t sequence, int64_t sequences,
                            int32_t pad) {
  const int64_t count = std::min(sequences, static_cast<int64_t>(tagged.ids.size()) / sequence);
  if (count == 0) {
    return InvalidArgument(
        Format("tagged text %s: its %zu tokens are not one sequence of %lld; give more text",
               tagged.name.c_str(), tagged.ids.size(), (long long)sequence));
  }
  const auto fill = [&](int64_t i, int32_t* ids, corpus::TokenClass* of_ids) {
    std::copy_n(tagged.ids.data() + i * sequence, sequence, ids);
    std::copy_n(tagged.classes.data() + i * sequence, sequence, of_ids);
  };
  return DualText{tagged.name, true, Batches(count, sequence, pad, fill)};
}

}  // namespace braid::trainer
