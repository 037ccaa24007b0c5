// The API over HTTP: /api/v1/SERVICE/METHOD for each method that JSON callers may use, as a POST
// with the request as JSON or, if the method only reads, a GET with its fields in the query. Of a
// streaming method, the replies come as server-sent events if the client accepts these, otherwise
// as one JSON document a line.
#pragma once

#include <httplib.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "coordinator/http/reception.h"
#include "coordinator/http/request_guard.h"
#include "coordinator/services/json_calls.h"

namespace braid::coordinator {

// Counts the open streams of each token.
class StreamCounts {
 public:
  static constexpr int kMostOfOne = 16;
  // A stream of `token`, until it is destroyed; null if the token has too many.
  std::shared_ptr<void> Open(const std::string& token);

 private:
  struct Counted {
    Mutex mutex;
    std::map<std::string, int> open BRAID_GUARDED_BY(mutex);
  };
  const std::shared_ptr<Counted> counted_ = std::make_shared<Counted>();
};

class JsonApi {
 public:
  static constexpr std::string_view kPrefix = "/api/v1/";
  static constexpr char kBlobs[] = "/api/v1/blobs/";

  // `calls` outlives it.
  explicit JsonApi(JsonCalls* calls) : calls_(calls) {}

  // Null if the path is no method's.
  const JsonMethod* MethodOf(std::string_view path) const;
  // Whether the answer to this path may take long.
  bool IsLong(std::string_view path) const;

  void Answer(const JsonMethod& method, const httplib::Request& request, const Received& received,
              const ShownToken& token, httplib::Response* response);
  // /api/v1/blobs/SHA256?name=FILE&artifact=ID: the bytes of a blob, as a file to keep; `as=page`
  // shows a report in a frame, without scripts; `as=text` shows it as text. Of an artifact that is
  // named and bound to its site, the error says where its files are.
  void AnswerBlob(const httplib::Request& request, const ShownToken& token,
                  httplib::Response* response);
  // POST /api/v1/blobs/SHA256?size=BYTES&offset=BYTES: a piece of a blob as the body. Pieces come
  // in order; the answer is that of QueryUpload.
  void TakeBlob(const httplib::Request& request, const Received& received, const ShownToken& token,
                httplib::Response* response);
  // All methods, by name.
  void AnswerList(httplib::Response* response) const;

 private:
  // One of the token's streams, waits and downloads, which is over when the result is gone. Null
  // with an error in `response` if the token has as many as it may.
  std::shared_ptr<void> Count(const std::string& token, httplib::Response* response);
  void AnswerStream(const JsonMethod& method, const httplib::Request& request, const JsonCall& call,
                    httplib::Response* response);

  JsonCalls* const calls_;
  StreamCounts streams_;
};

}  // namespace braid::coordinator
