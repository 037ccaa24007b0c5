#include "coordinator/http/http.h"

#include <algorithm>
#include <optional>
#include <thread>

#include "base/endpoint.h"
#include "base/json.h"
#include "base/text.h"
#include "coordinator/core/core.h"
#include "coordinator/core/pass.h"
#include "coordinator/http/bounded_server.h"
#include "coordinator/http/metrics.h"

namespace braid::coordinator {
namespace {

using httplib::Request;
using httplib::Response;

constexpr std::string_view kScheme = "Bearer ";
constexpr char kRuns[] = "/api/v1/runs";

// A run as the loop hands it out, without what is large. The text is made by the thread that
// answers: nothing that can go wrong with it is the loop's.
struct JobView {
  std::string name, kind;
  catalog::JobState state;
  std::vector<std::string> parents;
  std::string error;
  int64_t ended_ms;
};
struct RunView {
  std::string id, name;
  catalog::RunState state;
  int64_t created_ms, ended_ms;
  std::string error, retry_of;
  std::vector<JobView> jobs;
};

RunView ViewOf(const RunRecord& run) {
  return {run.id, run.name, run.state, run.created_ms, run.ended_ms, run.error, run.retry_of, {}};
}
JobView ViewOf(const JobRecord& job) {
  return {job.key.job, job.kind, job.state, job.parents, job.error, job.ended_ms};
}

Json RunJson(const RunView& run, bool with_jobs) {
  Json json = {{"id", run.id},
               {"name", run.name},
               {"state", Name(run.state)},
               {"createdMs", run.created_ms},
               {"endedMs", run.ended_ms},
               {"error", run.error},
               {"retryOf", run.retry_of}};
  if (!with_jobs) return json;
  json["jobs"] = Json::array();
  for (const JobView& job : run.jobs) {
    json["jobs"].push_back({{"name", job.name},
                            {"kind", job.kind},
                            {"state", Name(job.state)},
                            {"parents", job.parents},
                            {"error", job.error},
                            {"endedMs", job.ended_ms}});
  }
  return json;
}

// Texts come from clients and task programs: what is not UTF-8 is shown as such.
void SetJson(const Json& json, Response* response) {
  response->set_content(json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n",
                        "application/json");
}

void SetError(int code, const std::string& message, Response* response) {
  response->status = code;
  SetJson({{"error", message}}, response);
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return lower;
}

class LibServer final : public HttpServer {
 public:
  LibServer(Options options, Core* core)
      : options_(std::move(options)),
        core_(core),
        server_(
            [this](const Request& request, Response& response) { Answer(request, &response); }) {}
  ~LibServer() override { Stop(); }

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
      return Unavailable(
          "cannot listen on " + options_.address +
          " for HTTP: is another program using that port? (port 0 takes a free one)");
    }
    address_ = host + ":" + std::to_string(port);
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
  void Answer(const Request& request, Response* response) {
    response->set_header("Cache-Control", "no-store");
    if (const std::string wrong = WrongHost(request); !wrong.empty())
      return SetError(403, wrong, response);
    if (request.method != "GET" && request.method != "HEAD") {
      response->set_header("Allow", "GET, HEAD");
      return SetError(405, "only GET is served here; what changes something goes over gRPC",
                      response);
    }
    if (request.path == "/healthz") return response->set_content("ok\n", "text/plain");
    if (request.path == "/readyz") return AnswerReady(response);
    if (const std::string wrong = WrongToken(request); !wrong.empty()) {
      response->set_header("WWW-Authenticate", "Bearer realm=\"braid\"");
      return SetError(401, wrong, response);
    }
    if (request.path == "/metrics") return AnswerMetrics(response);
    if (request.path == kRuns) return AnswerRuns(response);
    const std::string below = std::string(kRuns) + "/";
    if (request.path.starts_with(below) && request.path.size() > below.size())
      return AnswerRun(request.path.substr(below.size()), response);
    SetError(404, "there are /healthz, /readyz, /metrics, /api/v1/runs and /api/v1/runs/ID",
             response);
  }

  // A browser sends the name that it was told. Empty if it is ours.
  std::string WrongHost(const Request& request) const {
    if (request.get_header_value_count("Host") != 1) return "a request needs one Host header";
    const std::string host = LowerCase(HostOf(Trim(request.get_header_value("Host"))));
    if (IsLoopbackHost(host) || host == LowerCase(HostOf(options_.address))) return "";
    for (const std::string& name : options_.hosts) {
      if (host == LowerCase(name)) return "";
    }
    return "this server is not called \"" + host +
           "\"; --http-host of braid-coordinator and braid up adds a name";
  }

  std::string WrongToken(const Request& request) const {
    const size_t count = request.get_header_value_count("Authorization");
    const std::string value = request.get_header_value("Authorization");
    const bool bearer = count == 1 &&
                        LowerCase(value.substr(0, kScheme.size())) == LowerCase(kScheme);
    const std::string_view token = bearer ? Trim(std::string_view(value).substr(kScheme.size()))
                                          : std::string_view();
    return options_.check(count > 0, token).message();
  }

  // As gRPC's health of "coordinator" says it.
  void AnswerReady(Response* response) {
    bool recovering = false;
    const Status status = core_->Query([&](const State& state) {
      recovering = Recovering(state, core_->options(), core_->options().clock->MonotonicMs());
    });
    if (!status.ok()) return SetError(503, status.message(), response);
    if (recovering)
      return SetError(
          503, "the coordinator has just started and waits for its workers to come back", response);
    response->set_content("ok\n", "text/plain");
  }

  void AnswerMetrics(Response* response) {
    const Result<std::string> text = MetricsText(core_);
    if (!text.ok()) return SetError(503, text.status().message(), response);
    response->set_content(*text, "text/plain; version=0.0.4");
  }

  void AnswerRuns(Response* response) {
    std::vector<RunView> views;
    const Status status = core_->Query([&](const State& state) {
      for (const auto& [id, run] : state.image().runs) views.push_back(ViewOf(run));
    });
    if (!status.ok()) return SetError(503, status.message(), response);
    Json runs = Json::array();
    for (const RunView& view : views) runs.push_back(RunJson(view, false));
    SetJson({{"runs", std::move(runs)}}, response);
  }

  void AnswerRun(const std::string& id, Response* response) {
    std::optional<RunView> view;
    Status status;
    const Status asked = core_->Query([&](const State& state) {
      const auto run = state.ResolveRun(id);
      status = run.status();
      if (!run.ok()) return;
      view = ViewOf(**run);
      for (const JobRecord* job : state.JobsOf((*run)->id)) view->jobs.push_back(ViewOf(*job));
    });
    if (!asked.ok()) return SetError(503, asked.message(), response);
    if (view.has_value()) return SetJson(RunJson(*view, true), response);
    SetError(404, status.message(), response);
  }

  const Options options_;
  Core* const core_;
  BoundedServer server_;
  std::thread thread_;
  std::string address_;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::Start(const Options& options, Core* core) {
  if (!options.check) return FailedPrecondition("a server without a check would be open to all");
  auto server = std::make_unique<LibServer>(options, core);
  BRAID_RETURN_IF_ERROR(server->Listen());
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace braid::coordinator
