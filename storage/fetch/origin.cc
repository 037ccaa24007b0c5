#include "storage/fetch/origin.h"

#include "base/text.h"

namespace braid::storage {

FileFacts FactsOf(const HttpAnswer& answer) {
  FileFacts facts;
  facts.etag = answer.Header("etag");
  facts.modified = answer.Header("last-modified");
  // "bytes 0-0/1234" of a part, "bytes */1234" of none.
  const std::string range = answer.Header("content-range");
  const size_t slash = range.rfind('/');
  const bool whole = answer.status == 200;
  const Result<int64_t> size = ParseInt(whole ? answer.Header("content-length")
                                        : slash == std::string::npos ? ""
                                                                     : range.substr(slash + 1));
  if (size.ok() && *size >= 0) facts.size = *size;
  return facts;
}

}  // namespace braid::storage
