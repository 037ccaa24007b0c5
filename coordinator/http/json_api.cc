#include "coordinator/http/json_api.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>

#include <optional>
#include <utility>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "coordinator/http/http_status.h"

namespace braid::coordinator {
namespace {

using httplib::DataSink;
using httplib::Request;
using httplib::Response;

constexpr int64_t kFirstMs = 300;  // an error at the beginning is the answer's own
constexpr int64_t kBlobFirstMs = 10'000;
constexpr int64_t kStreamLookMs = 250;  // how soon it is noticed that a client is gone
constexpr int64_t kSilenceMs = 15'000;  // then a comment is sent, so that others notice it too
constexpr int kRetryMs = 2'000;
constexpr char kLastEventId[] = "last_event_id";

// "event: end" has the status of the stream's end as its data.
std::string EventOf(const JsonStream::Next& next) {
  if (next.state == JsonStream::State::kEnd) {
    const Json end = next.status.ok() ? Json::object() : ErrorJson(next.status);
    return "event: end\ndata: " + end.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n\n";
  }
  std::string event;
  if (!next.id.empty()) event += "id: " + next.id + "\n";
  return event + "data: " + next.json + "\n\n";  // JSON in one line
}

std::string LineOf(const JsonStream::Next& next) {
  if (next.state != JsonStream::State::kEnd) return next.json + "\n";
  if (next.status.ok()) return "";
  return Json({{"error", ErrorJson(next.status)}})
             .dump(-1, ' ', false, Json::error_handler_t::replace) +
         "\n";
}

bool Write(DataSink& sink, const std::string& text) {
  return text.empty() || sink.write(text.data(), text.size());
}

// Sends the replies of one stream, at the client's pace.
class Sender {
 public:
  Sender(std::unique_ptr<JsonStream> stream, JsonStream::Next first, bool events,
         std::shared_ptr<void> counted)
      : stream_(std::move(stream)),
        next_(std::move(first)),
        events_(events),
        counted_(std::move(counted)),
        spoke_ms_(SystemClock().MonotonicMs()) {}

  // One piece; false: the client is gone.
  bool Send(DataSink& sink) {
    if (std::exchange(begun_, true) == false && events_ &&
        !Write(sink, "retry: " + std::to_string(kRetryMs) + "\n\n"))
      return false;
    if (next_.state == JsonStream::State::kNothingYet) return WaitMore(sink);
    spoke_ms_ = SystemClock().MonotonicMs();
    if (!Write(sink, events_ ? EventOf(next_) : LineOf(next_))) return false;
    if (next_.state == JsonStream::State::kEnd) {
      sink.done();
      return true;
    }
    next_ = stream_->Read(kStreamLookMs);
    return true;
  }

 private:
  bool WaitMore(DataSink& sink) {
    if (!sink.is_writable()) return false;
    if (events_ && SystemClock().MonotonicMs() - spoke_ms_ >= kSilenceMs) {
      spoke_ms_ = SystemClock().MonotonicMs();
      if (!Write(sink, ": still here\n\n")) return false;
    }
    next_ = stream_->Read(kStreamLookMs);
    return true;
  }

  const std::unique_ptr<JsonStream> stream_;
  JsonStream::Next next_;
  const bool events_;
  const std::shared_ptr<void> counted_;
  int64_t spoke_ms_;
  bool begun_ = false;
};

// The first piece of a blob; none if the answer is an error instead.
std::optional<JsonStream::Next> FirstPiece(JsonStream* stream, Response* response) {
  JsonStream::Next first = stream->Read(kBlobFirstMs);
  if (first.state == JsonStream::State::kNothingYet) {
    SetError(Unavailable("the blob is not read yet; try again"), response);
    return std::nullopt;
  }
  if (first.state == JsonStream::State::kEnd && !first.status.ok()) {
    SetError(first.status, response);
    return std::nullopt;
  }
  return first;
}

// The pieces of a blob as they come, with nothing between them. A client sees by the end of the
// connection that they are not all.
void SendPieces(std::unique_ptr<JsonStream> stream, JsonStream::Next first, const std::string& type,
                std::shared_ptr<void> counted, Response* response) {
  const std::shared_ptr<JsonStream> rest = std::move(stream);
  const auto next = std::make_shared<JsonStream::Next>(std::move(first));
  response->set_chunked_content_provider(type, [rest, next, counted](size_t, DataSink& sink) {
    switch (next->state) {
      case JsonStream::State::kReply:
        if (!Write(sink, next->json)) return false;
        break;
      case JsonStream::State::kNothingYet:
        if (!sink.is_writable()) return false;
        break;
      case JsonStream::State::kEnd:
        if (!next->status.ok()) return false;
        sink.done();
        return true;
    }
    *next = rest->Read(kStreamLookMs);
    return true;
  });
}

// A name that may stand in a header.
std::string PercentEncoded(const std::string& name) {
  std::string encoded;
  for (const char c : name) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == '_')
      encoded += c;
    else
      encoded += Format("%%%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
  }
  return encoded;
}

}  // namespace

std::shared_ptr<void> StreamCounts::Open(const std::string& token) {
  {
    MutexLock lock(counted_->mutex);
    int& open = counted_->open[token];
    if (open >= kMostOfOne) return nullptr;
    ++open;
  }
  return {counted_.get(), [counted = counted_, token](void*) {
            MutexLock lock(counted->mutex);
            if (--counted->open[token] == 0) counted->open.erase(token);
          }};
}

const JsonMethod* JsonApi::MethodOf(std::string_view path) const {
  if (!path.starts_with(kPrefix)) return nullptr;
  path.remove_prefix(kPrefix.size());
  const size_t slash = path.find('/');
  if (slash == std::string_view::npos) return nullptr;
  return calls_->Find(path.substr(0, slash), path.substr(slash + 1));
}

bool JsonApi::IsLong(std::string_view path) const {
  if (path.starts_with(kBlobs)) return true;
  const JsonMethod* method = MethodOf(path);
  return method != nullptr && method->waits;
}

void JsonApi::Answer(const JsonMethod& method, const Request& request, const Received& received,
                     const ShownToken& token, Response* response) {
  JsonCall call{token.token,
                received.body,
                {},
                request.get_header_value("Last-Event-ID"),
                received.gone,
                request.get_header_value("traceparent")};
  if (request.method == "GET" || request.method == "HEAD") {
    call.json.clear();
    for (const auto& [name, value] : request.params) {
      // As the header, for clients that cannot set one.
      if (name == kLastEventId)
        call.resume_after = call.resume_after.empty() ? value : call.resume_after;
      else
        call.fields.emplace_back(name, value);
    }
  } else if (!received.body.empty() &&
             !absl::StartsWithIgnoreCase(request.get_header_value("Content-Type"),
                                         "application/json")) {
    // What a form of another page could send without being asked is not JSON.
    return SetError(415,
                    InvalidArgument("the body of a request is JSON: send it with \"Content-Type: "
                                    "application/json\""),
                    response);
  }
  if (method.streams) return AnswerStream(method, request, call, response);
  const std::shared_ptr<void> counted = method.waits ? Count(call.token, response) : nullptr;
  if (method.waits && counted == nullptr) return;
  const Result<std::string> reply = calls_->Call(method, call);
  if (!reply.ok()) return SetError(reply.status(), response);
  response->set_content(*reply + "\n", "application/json");
}

std::shared_ptr<void> JsonApi::Count(const std::string& token, Response* response) {
  std::shared_ptr<void> counted = streams_.Open(token);
  if (counted == nullptr) {
    SetError(ResourceExhausted("this token has " + std::to_string(StreamCounts::kMostOfOne) +
                               " open streams, waits and downloads: close one of them"),
             response);
  }
  return counted;
}

void JsonApi::AnswerStream(const JsonMethod& method, const Request& request, const JsonCall& call,
                           Response* response) {
  std::shared_ptr<void> counted = Count(call.token, response);
  if (counted == nullptr) return;
  auto stream = calls_->Open(method, call);
  if (!stream.ok()) return SetError(stream.status(), response);
  if (method.bytes) {
    std::optional<JsonStream::Next> piece = FirstPiece(stream->get(), response);
    if (piece.has_value())
      SendPieces(*std::move(stream), *std::move(piece), "application/octet-stream", counted,
                 response);
    return;
  }
  JsonStream::Next first = (*stream)->Read(kFirstMs);
  if (first.state == JsonStream::State::kEnd && !first.status.ok())
    return SetError(first.status, response);
  const bool events = absl::StrContains(absl::AsciiStrToLower(request.get_header_value("Accept")),
                                        "text/event-stream");
  const auto sender = std::make_shared<Sender>(*std::move(stream), std::move(first), events,
                                               std::move(counted));
  response->set_chunked_content_provider(
      events ? "text/event-stream" : "application/x-ndjson",
      [sender](size_t, DataSink& sink) { return sender->Send(sink); });
}

void JsonApi::AnswerBlob(const Request& request, const ShownToken& token, Response* response) {
  const std::shared_ptr<void> counted = Count(token.token, response);
  if (counted == nullptr) return;
  const JsonMethod* method = calls_->Find("Artifacts", "DownloadBlob");
  const std::string sha256 = request.path.substr(std::string_view(kBlobs).size());
  JsonCall call{token.token, "", {{"sha256", sha256}}, "", {}};
  if (const std::string artifact = request.get_param_value("artifact"); !artifact.empty())
    call.fields.emplace_back("artifact", artifact);
  auto stream = calls_->Open(*method, call);
  if (!stream.ok()) return SetError(stream.status(), response);
  std::optional<JsonStream::Next> first = FirstPiece(stream->get(), response);
  if (!first.has_value()) return;
  const std::string as = request.get_param_value("as");
  std::string type = "application/octet-stream";
  if (as == "page") {
    type = "text/html; charset=utf-8";
    response->set_header("Content-Security-Policy",
                         "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
                         "frame-ancestors 'self'");
  } else if (as == "text") {
    type = "text/plain; charset=utf-8";
  } else {
    const std::string name = request.get_param_value("name");
    response->set_header("Content-Disposition", "attachment; filename*=UTF-8''" +
                                                    PercentEncoded(name.empty() ? sha256 : name));
  }
  SendPieces(*std::move(stream), *std::move(first), type, counted, response);
}

void JsonApi::TakeBlob(const Request& request, const Received& received, const ShownToken& token,
                       Response* response) {
  BlobPiece piece{request.path.substr(std::string_view(kBlobs).size()), 0, 0, received.body};
  if (!absl::SimpleAtoi(request.get_param_value("size"), &piece.size) ||
      (request.has_param("offset") &&
       !absl::SimpleAtoi(request.get_param_value("offset"), &piece.offset)))
    return SetError(InvalidArgument("a piece of a blob needs its size, and perhaps its offset: "
                                    "/api/v1/blobs/SHA256?size=BYTES&offset=BYTES"),
                    response);
  const Result<std::string> reply = calls_->Upload(token.token, piece);
  if (!reply.ok()) return SetError(reply.status(), response);
  response->set_content(*reply + "\n", "application/json");
}

void JsonApi::AnswerList(Response* response) const {
  Json methods = Json::array();
  for (const JsonMethod* method : calls_->All()) {
    const std::string name = method->path.substr(std::string_view("/braid.v1.").size());
    methods.push_back({{"path", std::string(kPrefix) + name},
                       {"streams", method->streams},
                       {"reads", method->reads}});
  }
  SetJson({{"methods", std::move(methods)}}, response);
}

}  // namespace braid::coordinator
