// One file where it is: a server of the web, or an object of a bucket.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/status.h"
#include "storage/bucket/http.h"

namespace braid::storage {

// Takes a piece of a good answer's body.
using Sink = std::function<Status(const HttpAnswer& answer, std::string_view piece)>;

// Not thread-safe.
class Origin {
 public:
  virtual ~Origin() = default;
  // One try of a request for the file; `range` is the value of that header, `unchanged` that of
  // If-Range, both perhaps empty. The result is a good answer, or one of 416 (no such range), or an
  // error that names the file and says what to do: kUnavailable if another try may help.
  virtual Result<HttpAnswer> Ask(const std::string& method, const std::string& range,
                                 const std::string& unchanged, const Sink& sink) = 0;
  // How long the last answer asked to wait before another try, in ms; 0: it did not.
  virtual int64_t wait_ms() const { return 0; }
};

// What an answer says of the file as a whole.
struct FileFacts {
  int64_t size = -1;  // unknown
  std::string etag, modified;
};
FileFacts FactsOf(const HttpAnswer& answer);

}  // namespace braid::storage
