#include "worker/io/direct_way.h"

#include "base/text.h"
#include "storage/bucket/answers.h"

namespace braid::worker {
namespace {

// Who got so many bytes before a cut goes on in the same way.
constexpr uint64_t kProgress = uint64_t{64} << 10;

// Whether these are the bytes that were asked for, and not all from the first on.
Status CheckRange(const storage::HttpAnswer& answer, uint64_t offset) {
  const std::string begins = Format("bytes %llu-", (unsigned long long)offset);
  const bool right = answer.status == 206 ? answer.Header("content-range").starts_with(begins)
                                          : offset == 0;
  return right ? OkStatus() : Internal("the server does not know ranges");
}

}  // namespace

DirectWay::DirectWay(Options options)
    : http_({.ca_file = options.ca_file, .idle_ms = options.idle_ms}),
      passage_({.blocked = "files come through the coordinator, and not directly from its bucket",
                .again = "files come directly from the coordinator's bucket again",
                .closed_ms = options.closed_ms,
                .clock = options.clock}) {}

DirectWay::Read DirectWay::Get(const std::string& url, uint64_t offset, uint64_t size,
                               const std::function<Status(std::string_view)>& use) {
  Read read;
  storage::HttpRequest request;
  request.method = "GET";
  request.url = url;
  request.headers["range"] = Format("bytes=%llu-%llu", (unsigned long long)offset,
                                    (unsigned long long)(size - 1));
  request.sink = [&](const storage::HttpAnswer& answer, std::string_view piece) -> Status {
    if (read.bytes == 0) BRAID_RETURN_IF_ERROR(CheckRange(answer, offset));
    if (piece.size() > size - offset - read.bytes)
      return Internal("the server sends more bytes than the file has");
    read.used = use(piece);
    BRAID_RETURN_IF_ERROR(read.used);
    read.bytes += piece.size();
    return OkStatus();
  };
  const Result<storage::HttpAnswer> answer = http_.Send(request);
  if (!read.used.ok()) {
    // A digest is a fault of the way if all bytes came by it; all else is of this machine, or
    // nobody wants the blob any more.
    if (read.used.Is(ErrorReason::kDigestMismatch) && offset == 0)
      passage_.Close(read.used.message());
    return read;
  }
  read.go_on = read.bytes >= kProgress;
  if (answer.ok() && answer->good() && read.bytes == size - offset) {
    passage_.Worked();
  } else if (answer.ok() && storage::Element(answer->body, "Code") == "NoSuchKey") {
    return read;  // of this blob alone; the coordinator looks what became of it
  } else if (!read.go_on) {
    passage_.Close(!answer.ok()     ? answer.status().message()
                   : answer->good() ? "the file ends early there"
                                    : WhyRefused(*answer));
  }
  return read;
}

}  // namespace braid::worker
