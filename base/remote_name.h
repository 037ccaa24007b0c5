// Files that a recipe names by the place where they are fetched from, and not by a path:
//
//   https://host/dir/part-000.jsonl.zst         one file
//   s3://bucket/dir/*.parquet?endpoint=...      the objects of a bucket that match (MatchesPattern
//   in
//                                               base/glob.h)
//
// The name of one file may end with #sha256=DIGEST: it is then this content, or an error.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace braid {

struct RemoteName {
  // Whether it is s3://; otherwise https://, or http:// on this machine.
  bool in_bucket = false;
  // The name without the digest.
  std::string url;
  // The digest that the file must have; empty: any.
  std::string sha256;

  // Of s3://: the bucket; the key, or the pattern of keys; and what stands behind the question
  // mark.
  std::string bucket;
  std::string key;
  std::string query;
  // Whether the key is a pattern.
  bool is_pattern = false;
};

// Whether the text has a scheme in front, as paths have none.
bool IsRemoteName(std::string_view text);

// kInvalidArgument quotes the text and says what is wrong: another scheme, http:// to another
// machine, a login or a signature in the name, a pattern of https://, a digest of several files.
Result<RemoteName> ParseRemoteName(const std::string& text);

// The URL for messages and logs, without what stands behind a question mark, which may be a secret
// where a server has redirected.
std::string ShownUrl(std::string_view url);

// The name of the file that the URL ends with, without percent-encoding: "part 0.jsonl.zst"; empty
// if it ends with a slash.
std::string FileNameOfUrl(std::string_view url);

}  // namespace braid
