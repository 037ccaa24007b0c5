#include "coordinator/http/http.h"

#include <httplib.h>

#include <algorithm>
#include <thread>

#include "base/json.h"
#include "coordinator/core/core.h"
#include "coordinator/http/metrics.h"

namespace braid::coordinator {
namespace {

Json RunJson(const RunRecord& run, const State& state) {
  Json jobs = Json::array();
  for (const JobRecord* job : state.JobsOf(run.id)) {
    jobs.push_back({{"name", job->key.job}, {"kind", job->kind}, {"state", Name(job->state)}, {"parents", job->parents},
                    {"error", job->error}, {"endedMs", job->ended_ms}});
  }
  return {{"id", run.id}, {"name", run.name}, {"state", Name(run.state)}, {"createdMs", run.created_ms},
          {"endedMs", run.ended_ms}, {"error", run.error}, {"retryOf", run.retry_of}, {"jobs", jobs}};
}

class LibServer final : public HttpServer {
 public:
  explicit LibServer(Core* core) : core_(core) {}
  ~LibServer() override { Stop(); }

  Status Listen(const std::string& address) {
    const size_t colon = address.rfind(':');
    const std::string host = address.substr(0, colon);
    // The library wants an IPv6 address without its brackets.
    const std::string bare = host.starts_with('[') && host.ends_with(']') ? host.substr(1, host.size() - 2) : host;
    const int wanted = std::atoi(address.c_str() + colon + 1);
    server_.new_task_queue = [] { return new httplib::ThreadPool(4); };
    server_.set_keep_alive_timeout(1);
    // Not the library's SO_REUSEPORT: a second coordinator on the same port must fail, not share it.
    server_.set_socket_options([](socket_t socket) {
      const int yes = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    Routes();
    const int port = wanted == 0 ? server_.bind_to_any_port(bare) : (server_.bind_to_port(bare, wanted) ? wanted : -1);
    if (port <= 0) return Unavailable("cannot listen on " + address + " for HTTP: is another program using that port?");
    address_ = host + ":" + std::to_string(port);
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();  // stop() before that would do nothing
    return OkStatus();
  }

  std::string address() const override { return address_; }
  void Stop() override {
    if (!thread_.joinable()) return;
    server_.stop();
    thread_.join();
  }

 private:
  using Request = httplib::Request;
  using Response = httplib::Response;

  void Routes() {
    server_.Get("/healthz", [](const Request&, Response& response) { response.set_content("ok\n", "text/plain"); });
    server_.Get("/readyz", [](const Request&, Response& response) { response.set_content("ok\n", "text/plain"); });
    server_.Get("/metrics", [this](const Request&, Response& response) {
      response.set_content(MetricsText(core_), "text/plain; version=0.0.4");
    });
    server_.Get("/api/v1/runs", [this](const Request&, Response& response) {
      Json runs = Json::array();
      core_->Read([&](const State& state) {
        for (const auto& [id, run] : state.image().runs) {
          Json one = RunJson(run, state);
          one.erase("jobs");
          runs.push_back(std::move(one));
        }
      });
      response.set_content(Json{{"runs", runs}}.dump() + "\n", "application/json");
    });
    server_.Get(R"(/api/v1/runs/([^/]+))", [this](const Request& request, Response& response) {
      const std::string text = request.matches[1];
      core_->Read([&](const State& state) {
        const auto run = state.ResolveRun(text);
        if (run.ok()) {
          response.set_content(RunJson(**run, state).dump() + "\n", "application/json");
        } else {
          response.status = 404;
          response.set_content(Json{{"error", run.status().message()}}.dump() + "\n", "application/json");
        }
      });
    });
  }

  Core* const core_;
  httplib::Server server_;
  std::thread thread_;
  std::string address_;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::Start(const std::string& address, Core* core) {
  auto server = std::make_unique<LibServer>(core);
  BRAID_RETURN_IF_ERROR(server->Listen(address));
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace braid::coordinator
