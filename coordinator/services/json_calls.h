// The calls of the API as JSON, for HTTP: each method by its name, with its request and its replies
// as proto3 JSON. A call goes through the gRPC server of this process, so that its handlers, roles
// and errors are the same. No gRPC in this header.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace braid::coordinator {

// A method of the API that JSON callers may use.
struct JsonMethod {
  std::string path;      // "/braid.v1.Runs/GetRun", as access/rules.h names it
  bool streams = false;  // many replies
  bool reads = false;    // changes nothing
  bool waits = false;    // may take long to answer
  bool bytes = false;    // its replies are pieces of a file, not JSON
};

// A call with its request.
struct JsonCall {
  std::string token;  // of the caller; empty: none was shown
  std::string json;   // the request; empty: an empty one
  // Fields of the request by name, in place of `json`: scalars, repeated ones several times.
  std::vector<std::pair<std::string, std::string>> fields;
  // Of a stream: the id of the last reply that the caller has; it goes on behind that one.
  std::string resume_after;
  // Returns true once the client has gone, so that the call can be cancelled. Called from time to
  // time; may be null.
  std::function<bool()> gone;
  // The span of the caller as W3C's traceparent; empty: none was named.
  std::string traceparent = {};
};

// The replies of a streaming call, one after another.
class JsonStream {
 public:
  enum class State { kReply, kNothingYet, kEnd };
  // The result of Read.
  struct Next {
    State state = State::kEnd;
    std::string json;  // of a reply; of DownloadBlob its bytes as they are
    std::string id;    // of a reply, to resume after it; empty: cannot be resumed
    Status status;     // of the end
  };
  // Ends the call if it has not ended.
  virtual ~JsonStream() = default;
  // Waits for the next reply, for `timeout_ms` at most.
  virtual Next Read(int64_t timeout_ms) = 0;
};

// A piece of a blob that a client sends.
struct BlobPiece {
  std::string sha256;
  uint64_t size = 0;  // of the whole blob
  uint64_t offset = 0;
  std::string_view data;
};

// Thread-safe. Calls block: they are for threads that may wait.
class JsonCalls {
 public:
  virtual ~JsonCalls() = default;
  // Null if there is no such method, or none for JSON callers: those of workers, and those to which
  // a client sends a stream. `service` and `method` as in "Runs", "GetRun".
  virtual const JsonMethod* Find(std::string_view service, std::string_view method) const = 0;
  // Each method that Find knows.
  virtual std::vector<const JsonMethod*> All() const = 0;

  // One message of UploadBlob: `data` at `offset` of the blob. The reply is that of QueryUpload.
  virtual Result<std::string> Upload(const std::string& token, const BlobPiece& piece) = 0;

  // The reply. Errors: those of the call; kInvalidArgument for a request that is not the method's,
  // with the names of its fields.
  virtual Result<std::string> Call(const JsonMethod& method, const JsonCall& call) = 0;
  // Begins a streaming call. An error of the call itself is the status of its end.
  virtual Result<std::unique_ptr<JsonStream>> Open(const JsonMethod& method,
                                                   const JsonCall& call) = 0;
};

}  // namespace braid::coordinator
