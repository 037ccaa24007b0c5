// The part of a corpus that may leave the site to which the rest is bound.
#pragma once

#include <string>

#include "base/json.h"
#include "base/status.h"
#include "spec/corpus.h"

namespace braid::corpus {

// Writes shards to the folder `shared` that have, of those in the folder `whole`, the validation
// documents and the documents of the joint phase. All others are there without a single token, so
// that every document keeps its index: whoever reads the joint part of either reads the same
// sequences in the same order. Returns the metadata of the artifact. kInvalidArgument, naming the
// corpus, if the joint phase gets no document.
Result<Json> WriteSharedShards(const std::string& whole, const spec::SharedPart& part,
                               const std::string& shared);

}  // namespace braid::corpus
