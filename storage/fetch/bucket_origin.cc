#include "storage/fetch/bucket_origin.h"

#include <algorithm>

#include "base/excerpt.h"
#include "base/glob.h"
#include "base/text.h"
#include "base/utf8.h"
#include "storage/bucket/answers.h"

namespace braid::storage {
namespace {

constexpr char kNoKeys[] = "keys=no";

class BucketOrigin final : public Origin {
 public:
  BucketOrigin(RemoteName name, BucketCaller& caller) : name_(std::move(name)), caller_(caller) {}

  Result<HttpAnswer> Ask(const std::string& method, const std::string& range,
                         const std::string& unchanged, const Sink& sink) override {
    BucketCall call{.method = method, .key = name_.key, .tries = 1, .sink = sink};
    if (!range.empty()) call.headers["range"] = range;
    if (!range.empty() && !unchanged.empty()) call.headers["if-range"] = unchanged;
    return caller_.Do(call, "reading " + Excerpt(name_.key));
  }

 private:
  const RemoteName name_;
  BucketCaller& caller_;
};

}  // namespace

Result<NamedBucket> ParseNamedBucket(const RemoteName& name, const Variables& variables) {
  NamedBucket named;
  std::vector<std::string> rest;
  for (const std::string& item : Split(name.query, '&')) {
    if (item == kNoKeys)
      named.anonymous = true;
    else if (!item.empty())
      rest.push_back(item);
  }
  BRAID_ASSIGN_OR_RETURN(
      named.place,
      ParseBucket("s3://" + name.bucket + (rest.empty() ? "" : "?" + Join(rest, "&")), variables));
  if (!named.place.direct)
    return InvalidArgument(ShownUrl(name.url) +
                           ": direct=no is for the bucket of --blobs: leave it out");
  named.place.named_in = "the recipe's " + ShownUrl(name.url);
  named.place.only_read = true;
  return named;
}

Result<std::vector<RemoteFile>> ListMatching(const RemoteName& name, BucketCaller& caller) {
  // Only keys that begin like the pattern are listed.
  std::map<std::string, std::string> query = {{"list-type", "2"}};
  if (const std::string fixed = name.key.substr(0, name.key.find_first_of("*[{\\")); !fixed.empty())
    query["prefix"] = fixed;
  std::vector<RemoteFile> files;
  BRAID_RETURN_IF_ERROR(
      caller.EachPage(query, "listing " + Excerpt(name.key), [&](const std::string& xml) -> Status {
        for (const std::string_view object : Elements(xml, "Contents")) {
          RemoteFile file;
          const std::string key = XmlText(Element(object, "Key"));
          if (key.ends_with('/') || !MatchesPattern(name.key, key)) continue;
          if (key.find('?') != std::string::npos || key.find('#') != std::string::npos ||
              !IsUtf8(key))
            return InvalidArgument(
                caller.place().Name() + "/" + Excerpt(key) +
                ": a key with ?, # or bytes that are not UTF-8 has no name in a recipe: rename the "
                "object, or write a pattern that leaves it out");
          file.url = "s3://" + name.bucket + "/" + key +
                     (name.query.empty() ? "" : "?" + name.query);
          BRAID_ASSIGN_OR_RETURN(file.size, ParseInt(Element(object, "Size")));
          file.etag = XmlText(Element(object, "ETag"));
          files.push_back(std::move(file));
        }
        return OkStatus();
      }));
  if (files.empty())
    return NotFound(ShownUrl(name.url) + ": no object of the bucket matches this pattern");
  std::sort(files.begin(), files.end(),
            [](const RemoteFile& a, const RemoteFile& b) { return a.url < b.url; });
  return files;
}

std::unique_ptr<Origin> OpenBucketOrigin(const RemoteName& name, BucketCaller& caller) {
  return std::make_unique<BucketOrigin>(name, caller);
}

}  // namespace braid::storage
