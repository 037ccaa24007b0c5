// Objects of buckets as files of a corpus.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/remote_name.h"
#include "storage/bucket/caller.h"
#include "storage/fetch/origin.h"
#include "storage/files/remote_files.h"

namespace braid::storage {

// The bucket of a name s3://bucket/key?query: as ParseBucket reads it, with `keys=no` in the query
// for requests without a key (`anonymous`).
struct NamedBucket {
  BucketPlace place;
  bool anonymous = false;
};
Result<NamedBucket> ParseNamedBucket(const RemoteName& name, const Variables& variables);

// The objects whose keys match the pattern of `name`, by their keys, with sizes and ETags.
// kNotFound if there are none.
Result<std::vector<RemoteFile>> ListMatching(const RemoteName& name, BucketCaller& caller);

// One object. `caller` outlives the result.
std::unique_ptr<Origin> OpenBucketOrigin(const RemoteName& name, BucketCaller& caller);

}  // namespace braid::storage
