#include "coordinator/http/http.h"

#include <algorithm>
#include <map>
#include <optional>
#include <thread>

#include "base/clock.h"
#include "base/endpoint.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/text.h"
#include "coordinator/api/queries.h"
#include "coordinator/bulk/curves.h"
#include "coordinator/core/core.h"
#include "coordinator/core/pass.h"
#include "coordinator/http/assets.h"
#include "coordinator/http/bounded_server.h"
#include "coordinator/http/http_status.h"
#include "coordinator/http/json_api.h"
#include "coordinator/http/metrics.h"
#include "coordinator/http/page_data.h"
#include "coordinator/http/plain_request.h"
#include "coordinator/http/run_views.h"
#include "coordinator/http/sign_in.h"

namespace braid::coordinator {
namespace {

using httplib::Request;
using httplib::Response;

constexpr char kRuns[] = "/api/v1/runs";

constexpr char kSignIn[] = "/sign-in";
constexpr char kSignOut[] = "/sign-out";
constexpr char kCurves[] = "/api/v1/curves";
constexpr char kCheck[] = "/api/v1/check";
constexpr char kOpenApi[] = "/api/v1/openapi.json";
constexpr char kPages[] = "/web/";
constexpr size_t kMostColumns = 4096;

// Nothing but what this server sends may run or be shown in its pages.
constexpr char kPolicy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'";

Status MethodNotAllowed(const Request& request, const std::string& allowed, Response* response) {
  response->set_header("Allow", allowed);
  return Status(StatusCode::kUnimplemented,
                request.method + " is not served at " + request.path + ", but " + allowed);
}

// An id in an address of a page is whatever somebody has typed.
Result<size_t> ColumnsOf(const Request& request) {
  const std::string text = request.get_param_value("columns");
  if (text.empty()) return CurveRequest().columns;
  const bool number = text.size() <= 6 && text.find_first_not_of("0123456789") == std::string::npos;
  const size_t columns = number ? static_cast<size_t>(std::stoul(text)) : 0;
  if (columns >= 1 && columns <= kMostColumns) return columns;
  return InvalidArgument("columns is a number from 1 to " + std::to_string(kMostColumns) +
                         ", not " + text);
}

// 0 if it was not given.
Result<int64_t> StepOf(const char* name, const Request& request) {
  const std::string text = request.get_param_value(name);
  const bool number = text.size() <= 15 &&
                      text.find_first_not_of("0123456789") == std::string::npos;
  if (number) return text.empty() ? 0 : std::stoll(text);
  return InvalidArgument(std::string(name) + " is a step, a whole number, not " + text);
}

Result<int64_t> PageSizeOf(const std::string& text) {
  const bool number = !text.empty() && text.size() <= 6 &&
                      text.find_first_not_of("0123456789") == std::string::npos;
  if (number) return std::stoll(text);
  return InvalidArgument("page_size is a number, not " + text);
}

// The sizes of a recipe's sources, as a client knows them.
Result<std::map<std::string, int64_t>> BytesOf(const Json& json) {
  std::map<std::string, int64_t> bytes;
  if (!json.is_object()) return InvalidArgument("bytes: expected an object of source to bytes");
  for (const auto& [source, size] : json.items()) {
    constexpr int64_t kMost = int64_t{1} << 50;
    const bool whole = size.is_number_integer() && size >= 0 && size <= kMost;
    if (!whole) return InvalidArgument("bytes." + source + ": expected a whole number of bytes");
    bytes[source] = size.get<int64_t>();
  }
  return bytes;
}

class LibServer final : public HttpServer {
 public:
  LibServer(Options options, std::unique_ptr<rpc::SessionFactory> tls, Core* core)
      : options_(std::move(options)),
        core_(core),
        api_(options_.calls == nullptr ? nullptr : std::make_unique<JsonApi>(options_.calls)),
        server_([this](const Request& request, const Received& received,
                       Response* response) { Answer(request, received, response); },
                [this](std::string_view path) { return api_ != nullptr && api_->IsLong(path); },
                std::move(tls)) {}
  ~LibServer() override { LibServer::Stop(); }

  Status Listen() {
    const std::string host(HostOf(options_.address));
    // The library wants an IPv6 address without its brackets.
    const std::string bare = host.starts_with('[') && host.ends_with(']')
                                 ? host.substr(1, host.size() - 2)
                                 : host;
    const int wanted = std::atoi(options_.address.c_str() + options_.address.rfind(':') + 1);
    // Not the library's SO_REUSEPORT: a second coordinator on the same port must fail, not share
    // it.
    server_.set_socket_options([](socket_t socket) {
      const int yes = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    const int port = wanted == 0 ? server_.bind_to_any_port(bare)
                                 : (server_.bind_to_port(bare, wanted) ? wanted : -1);
    if (port <= 0) {
      return Unavailable("cannot listen on " + options_.address +
                         " for HTTP: is another program using that port? (port 0 takes a free one) "
                         "Is it an address "
                         "of this machine?");
    }
    server_.WidenBacklog();
    address_ = host + ":" + std::to_string(port);
    guard_.emplace(address_, options_.hosts, options_.tls.has_value(), &sign_in_,
                   options_.token_for);
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();  // stop() before that would do nothing
    return OkStatus();
  }

  std::string address() const override { return address_; }
  void Stop() override {
    if (!thread_.joinable()) return;
    server_.Stop();
    thread_.join();
  }

 private:
  // Every request, whatever its method and path.
  void Answer(const Request& request, const Received& received, Response* response) {
    response->set_header("Cache-Control", "no-store");
    response->set_header("X-Content-Type-Options", "nosniff");
    response->set_header("Referrer-Policy", "no-referrer");
    response->set_header("Cross-Origin-Resource-Policy", "same-origin");
    if (const Status host = guard_->CheckHost(request); !host.ok()) return SetError(host, response);
    if (options_.tls.has_value()) {
      if (!received.connection->secure()) return AnswerPlain(request, response);
      SetStrictTransport(request, options_.strict_days, response);
    }
    if (received.wrong == Received::Wrong::kBodyTooLarge)
      return SetError(413,
                      InvalidArgument("the body of a request has at most " +
                                      FormatBytes(Reception::kMaxBodyBytes)),
                      response);
    if (received.wrong == Received::Wrong::kNoLength)
      return SetError(411, InvalidArgument("the body of a request needs a Content-Length"),
                      response);
    const bool changes = request.method != "GET" && request.method != "HEAD";
    const Result<ShownToken> token = guard_->TokenOf(request, *received.connection);
    const bool by_browser = token.ok() && token->by_browser;
    if (const Status origin = guard_->CheckOrigin(request, changes, by_browser); !origin.ok())
      return SetError(origin, response);
    if (!AnswerOpen(request, received, changes, response)) {
      if (!token.ok()) return SetError(token.status(), response);
      AnswerKnown(request, received, *token, changes, response);
    }
    // The page of a report in its frame has a policy of its own.
    if (!response->has_header("Content-Security-Policy"))
      response->set_header("Content-Security-Policy", kPolicy);
  }

  // What needs no token.
  bool AnswerOpen(const Request& request, const Received& received, bool changes,
                  Response* response) {
    if (request.path == kSignIn || request.path == kSignOut) {
      if (request.method != "POST")
        SetError(405, MethodNotAllowed(request, "POST", response), response);
      else if (request.path == kSignIn)
        AnswerSignIn(received, response);
      else
        AnswerSignOut(request, response);
      return true;
    }
    if (changes) return false;
    if (request.path == "/healthz") return response->set_content("ok\n", "text/plain"), true;
    if (request.path == "/readyz") return AnswerReady(response), true;
    if (request.path == kOpenApi) return AnswerAsset(OpenApiDocument(), request, response), true;
    const bool page = request.path == "/" || request.path.starts_with(kPages);
    const Asset* asset = !page ? nullptr
                               : FindAsset(request.path == "/"
                                               ? "index.html"
                                               : request.path.substr(sizeof kPages - 1));
    if (asset == nullptr) return false;
    AnswerAsset(*asset, request, response);
    return true;
  }

  // What needs one.
  void AnswerKnown(const Request& request, const Received& received, const ShownToken& token,
                   bool changes, Response* response) {
    if (api_ != nullptr) {
      if (const JsonMethod* method = api_->MethodOf(request.path)) {
        if (request.method != "POST" && (changes || !method->reads))
          return SetError(
              405, MethodNotAllowed(request, method->reads ? "GET, HEAD, POST" : "POST", response),
              response);
        return api_->Answer(*method, request, received, token, response);
      }
      if (request.path.starts_with(JsonApi::kBlobs)) {
        if (!changes) return api_->AnswerBlob(request, token, response);
        if (request.method == "POST") return api_->TakeBlob(request, received, token, response);
      }
    }
    const bool check = request.path == kCheck;
    const Status may = options_.check(
        request.path == kCurves ? "/braid.v1.Jobs/ReadMetrics" : "/braid.v1.Runs/ListRuns",
        token.sent, token.token);
    if (!may.ok()) return SetError(may, response);
    if (check ? request.method != "POST" : changes)
      return SetError(405, MethodNotAllowed(request, check ? "POST" : "GET, HEAD", response),
                      response);
    if (check) return AnswerCheck(received, response);
    AnswerRead(request, response);
  }

  void AnswerRead(const Request& request, Response* response) {
    if (request.path == "/metrics") return AnswerMetrics(response);
    if (request.path == kCurves) return AnswerCurves(request, response);
    if (request.path == kRuns) return AnswerRuns(request, response);
    if (request.path == "/api/v1" && api_ != nullptr) return api_->AnswerList(response);
    const std::string below = std::string(kRuns) + "/";
    if (request.path.starts_with(below) && request.path.size() > below.size())
      return AnswerJson(RunJson(request.path.substr(below.size()), core_), response);
    SetError(NotFound("there is nothing at " + request.path +
                      ": there are / (the dashboard), /healthz, /readyz, /metrics and /api/v1 (the "
                      "calls of the API)"),
             response);
  }

  // ?page_size=50&page_token=...
  void AnswerRuns(const Request& request, Response* response) {
    const auto answer = [&]() -> Result<Json> {
      if (options_.reader == nullptr) return NotFound("no runs are listed here");
      PageRequest page{0, request.get_param_value("page_token")};
      if (request.has_param("page_size")) {
        BRAID_ASSIGN_OR_RETURN(page.size, PageSizeOf(request.get_param_value("page_size")));
      }
      return RunsJson(page, *options_.reader);
    }();
    AnswerJson(answer, response);
  }

  static void AnswerJson(const Result<Json>& answer, Response* response) {
    if (!answer.ok()) return SetError(answer.status(), response);
    SetJson(*answer, response);
  }

  // {"token": "..."} -> a cookie, if the token may read.
  void AnswerSignIn(const Received& received, Response* response) {
    const Result<Json> body = ParseJson(received.body, "the request");
    if (!body.ok() || !body->is_object() || !body->contains("token") ||
        !(*body)["token"].is_string())
      return SetError(InvalidArgument("the body is JSON: {\"token\": \"...\"}"), response);
    const std::string token(Trim((*body)["token"].get<std::string>()));
    const Status may = options_.check("/braid.v1.Access/WhoAmI", !token.empty(), token);
    if (!may.ok()) return SetError(may, response);
    const Result<std::string> session = sign_in_.Begin(token);
    if (!session.ok()) return SetError(session.status(), response);
    SetCookie(*session, "", response);
    SetJson(Json::object(), response);
  }

  void AnswerSignOut(const Request& request, Response* response) {
    sign_in_.End(guard_->SessionOf(request));
    SetCookie("", "; Max-Age=0", response);
    SetJson(Json::object(), response);
  }

  void SetCookie(const std::string& value, const std::string& more, Response* response) {
    response->set_header("Set-Cookie", guard_->CookieName() + "=" + value +
                                           "; Path=/; HttpOnly; SameSite=Strict" +
                                           (options_.tls.has_value() ? "; Secure" : "") + more);
  }

  // A browser asks again each time, and is told that it has the file already.
  void AnswerAsset(const Asset& asset, const Request& request, Response* response) {
    const std::string tag = "\"" + Sha256Hex(asset.content).substr(0, 16) + "\"";
    response->headers.erase("Cache-Control");
    response->set_header("Cache-Control", "no-cache");
    response->set_header("ETag", tag);
    if (request.get_header_value("If-None-Match") == tag) {
      response->status = 304;
      return;
    }
    response->set_content(std::string(asset.content), std::string(ContentTypeOf(asset.name)));
  }

  // ?run=R&job=J&name=loss&name=lr&columns=800&begin=1&end=9; with `version`, nothing if that is
  // still right.
  void AnswerCurves(const Request& request, Response* response) {
    const auto answer = [&]() -> Result<Json> {
      if (options_.curves == nullptr) return NotFound("no metrics are served here");
      CurveRequest wanted;
      BRAID_ASSIGN_OR_RETURN(wanted.columns, ColumnsOf(request));
      BRAID_ASSIGN_OR_RETURN(wanted.range.begin, StepOf("begin", request));
      BRAID_ASSIGN_OR_RETURN(wanted.range.end, StepOf("end", request));
      const auto [first, last] = request.params.equal_range("name");
      for (auto param = first; param != last; ++param) wanted.names.push_back(param->second);
      Result<JobStanding> standing = NotFound("");
      BRAID_RETURN_IF_ERROR(core_->Query([&](const State& state) {
        standing = StandingOf(request.get_param_value("run"), request.get_param_value("job"),
                              state);
      }));
      BRAID_RETURN_IF_ERROR(standing.status());
      BRAID_ASSIGN_OR_RETURN(const CurvesOfJob curves, options_.curves->Read(*standing, wanted));
      const bool known = request.get_param_value("version") == std::to_string(curves.version);
      Json json = known ? Json{{"version", curves.version}, {"unchanged", true}}
                        : CurvesJson(curves);
      json["runId"] = standing->key.run;
      json["job"] = standing->key.job;
      json["ended"] = standing->ended;
      return json;
    }();
    AnswerJson(answer, response);
  }

  // {"recipe": "...", "recipeName": "recipe.yaml", "bytes": {"source.tales": 1000}}
  void AnswerCheck(const Received& received, Response* response) {
    const auto answer = [&]() -> Result<Json> {
      BRAID_ASSIGN_OR_RETURN(const Json body, ParseJson(received.body, "the request"));
      if (!body.is_object() || !body.contains("recipe") || !body["recipe"].is_string())
        return InvalidArgument("the body is JSON: {\"recipe\": \"...\"}");
      const std::string name = body.value("recipeName", Json("recipe.yaml")).is_string()
                                   ? body.value("recipeName", "recipe.yaml")
                                   : "recipe.yaml";
      BRAID_ASSIGN_OR_RETURN(const auto bytes, BytesOf(body.value("bytes", Json::object())));
      return CheckJson(body["recipe"].get<std::string>(), name, bytes);
    }();
    AnswerJson(answer, response);
  }

  // As gRPC's health of "coordinator" says it.
  void AnswerReady(Response* response) {
    bool recovering = false;
    const Status status = core_->Query([&](const State& state) {
      recovering = Recovering(state, core_->options(), core_->options().clock->MonotonicMs());
    });
    if (!status.ok()) return SetError(status, response);
    if (recovering)
      return SetError(Status(StatusCode::kUnavailable, ErrorReason::kRecovering,
                             "the coordinator has just started and waits for its workers to come "
                             "back"),
                      response);
    response->set_content("ok\n", "text/plain");
  }

  void AnswerMetrics(Response* response) {
    const Result<std::string> text = MetricsText(core_, options_.call_durations, options_.spans,
                                                 options_.loads);
    if (!text.ok()) return SetError(text.status(), response);
    response->set_content(*text, "text/plain; version=0.0.4");
  }

  const Options options_;
  Core* const core_;
  SignIn sign_in_{&SystemClock()};
  std::optional<RequestGuard> guard_;  // once the port is known
  const std::unique_ptr<JsonApi> api_;
  std::string address_;
  BoundedServer server_;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::Start(const Options& options, Core* core) {
  if (!options.check) return FailedPrecondition("a server without a check would be open to all");
  std::unique_ptr<rpc::SessionFactory> tls;
  if (options.tls.has_value()) {
    BRAID_ASSIGN_OR_RETURN(tls, rpc::SessionFactory::Open(*options.tls));
  } else if (!IsLoopbackHost(HostOf(options.address))) {
    return PermissionDenied("HTTP on " + options.address +
                            ", which is not a loopback address, needs TLS");
  }
  auto server = std::make_unique<LibServer>(options, std::move(tls), core);
  BRAID_RETURN_IF_ERROR(server->Listen());
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace braid::coordinator
