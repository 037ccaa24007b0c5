#include "bench/service/rows.h"

#include <httplib.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <memory>
#include <thread>

#include "base/json.h"
#include "base/random.h"
#include "base/text.h"
#include "bench/service/load.h"
#include "braid/v1/admin.grpc.pb.h"
#include "braid/v1/runs.grpc.pb.h"
#include "braid/v1/worker.grpc.pb.h"
#include "rpc/channel.h"

namespace braid::bench {
namespace {

// How often a row of reads reads.
constexpr int kReads = 100;

// In milliseconds, of times in seconds.
double Percentile(std::vector<double> seconds, double part) {
  if (seconds.empty()) return 0;
  std::sort(seconds.begin(), seconds.end());
  const auto at = static_cast<size_t>(part * static_cast<double>(seconds.size()));
  return seconds[std::min(at, seconds.size() - 1)] * 1000;
}

std::map<std::string, double> Latencies(const std::vector<double>& seconds) {
  return {{"p50_ms", Percentile(seconds, 0.5)}, {"p99_ms", Percentile(seconds, 0.99)}};
}

void Sleep(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

// CPU in percent of a core for so long, and the memory afterwards.
std::map<std::string, double> Load(const Coordinator& coordinator, double seconds) {
  const double before = coordinator.Cpu();
  const auto begin = SteadyClock::now();
  Sleep(seconds);
  return {{"cpu_percent", 100 * (coordinator.Cpu() - before) / Since(begin)},
          {"memory_mb", static_cast<double>(coordinator.Memory()) / 1e6}};
}

}  // namespace

void Rows::Add(Row row) {
  std::string text;
  for (const auto& [name, value] : row.values)
    text += "  " + name + " " + Format(value < 10 ? "%.2f" : "%.0f", value);
  std::fprintf(stderr, "%-9s %7lld jobs %s\n", row.name.c_str(), static_cast<long long>(row.jobs),
               text.c_str());
  Json json(row.values);
  json["row"] = row.name;
  json["jobs"] = row.jobs;
  std::printf("%s\n", json.dump().c_str());
  std::fflush(stdout);
  rows_.push_back(std::move(row));
}

int64_t MeasureSubmit(const Coordinator& coordinator, const Settings& settings, int64_t jobs,
                      Rows* rows) {
  const double cpu = coordinator.Cpu();
  const auto begin = SteadyClock::now();
  const std::vector<double> latencies = Submit(coordinator, settings.callers, settings.seconds,
                                               INT64_MAX / 2, "nowhere");
  const double seconds = Since(begin);
  const auto count = static_cast<double>(latencies.size());
  Row row{"submit", jobs, Latencies(latencies)};
  row.values["per_s"] = count / seconds;
  row.values["cpu_ms_each"] = 1000 * (coordinator.Cpu() - cpu) / count;
  rows->Add(std::move(row));
  return static_cast<int64_t>(latencies.size()) * kJobsOfARun;
}

void MeasureStart(const Coordinator& coordinator, int64_t jobs, Rows* rows) {
  constexpr int kStarts = 200;
  TakingWorker worker(coordinator, "here", 4096);
  const auto runs = v1::Runs::NewStub(coordinator.channel());
  std::vector<double> latencies;
  for (int i = 0; i < kStarts; ++i) {
    const auto begin = SteadyClock::now();
    if (!worker.WaitFor(SubmitOne(*runs, "here", "starter")))
      Fail("a job did not reach an idle worker within ten seconds");
    latencies.push_back(Since(begin));
  }
  rows->Add({"start", jobs, Latencies(latencies)});
}

void MeasureLease(const Coordinator& coordinator, const Settings& settings, int64_t jobs,
                  Rows* rows) {
  constexpr int kSlots = 8;
  const auto runs = v1::Runs::NewStub(coordinator.channel());
  std::vector<std::string> ids;
  for (int i = 0; i < settings.callers * kSlots; ++i)
    ids.push_back(SubmitOne(*runs, "lease", "leaser"));
  std::atomic<int64_t> ended{0};
  std::vector<std::unique_ptr<Leaser>> workers;
  for (int i = 0; i < settings.callers; ++i)
    workers.push_back(std::make_unique<Leaser>(coordinator, "lease", kSlots, &ended));
  Sleep(1);
  const int64_t before = ended;
  const double cpu = coordinator.Cpu(), own_cpu = CpuOfThis();
  const auto begin = SteadyClock::now();
  Sleep(settings.seconds);
  const auto count = static_cast<double>(ended - before);
  const double per_s = count / Since(begin);
  Row row{"lease", jobs, {{"per_s", per_s}}};
  row.values["cpu_ms_each"] = 1000 * (coordinator.Cpu() - cpu) / count;
  row.values["load_cpu_ms_each"] = 1000 * (CpuOfThis() - own_cpu) / count;
  workers.clear();
  rows->Add(std::move(row));
  for (const std::string& id : ids) {
    v1::CancelRunRequest request;
    request.set_id(id);
    request.set_request_id(RandomUuid());
    grpc::ClientContext context;
    v1::Run run;
    (void)runs->CancelRun(&context, request, &run);
  }
}

void MeasureIdle(const Coordinator& coordinator, const Settings& settings, int64_t jobs,
                 Rows* rows) {
  Sleep(1);
  rows->Add({"idle", jobs, Load(coordinator, std::max(5.0, settings.seconds))});
}

void MeasureReads(const Coordinator& coordinator, int64_t jobs, Rows* rows) {
  const auto runs = v1::Runs::NewStub(coordinator.channel());
  const auto admin = v1::Admin::NewStub(coordinator.channel());
  httplib::Client http("http://" + coordinator.http());
  http.set_bearer_token_auth(coordinator.endpoint().token.c_str());
  std::vector<double> lists, metrics, others;
  std::atomic<bool> stop{false};
  std::thread other([&] {
    while (!stop) {
      const auto begin = SteadyClock::now();
      grpc::ClientContext context;
      v1::ServerInfo info;
      if (!admin->GetServerInfo(&context, {}, &info).ok()) Fail("a read failed");
      others.push_back(Since(begin));
      Sleep(0.002);
    }
  });
  for (int i = 0; i < kReads; ++i) {
    auto begin = SteadyClock::now();
    grpc::ClientContext context;
    v1::ListRunsResponse page;
    if (!runs->ListRuns(&context, {}, &page).ok()) Fail("listing runs failed");
    lists.push_back(Since(begin));
    begin = SteadyClock::now();
    const auto answer = http.Get("/metrics");
    if (!answer || answer->status != 200) Fail("GET /metrics failed");
    metrics.push_back(Since(begin));
  }
  stop = true;
  other.join();
  rows->Add({"list", jobs, Latencies(lists)});
  rows->Add({"metrics", jobs, Latencies(metrics)});
  rows->Add({"others", jobs, Latencies(others)});
}

void MeasureRestart(Coordinator& coordinator, int64_t jobs, Rows* rows) {
  rows->Add({"restart", jobs, {{"seconds", coordinator.Restart()}}});
}

void MeasureEnded(Coordinator& coordinator, const Settings& settings, int64_t jobs, Rows* rows) {
  const std::vector<std::string> ids = EndAll(coordinator, settings.callers);
  Row row{"ended", jobs, {{"seconds", coordinator.Restart()}}};
  const auto runs = v1::Runs::NewStub(coordinator.channel());
  std::vector<double> lists, describes;
  const size_t stride = std::max<size_t>(1, ids.size() / size_t{kReads});
  for (size_t i = 0; i < ids.size(); i += stride) {
    auto begin = SteadyClock::now();
    grpc::ClientContext list_context, context;
    v1::ListRunsRequest request;
    request.set_page_token(ids[i]);
    v1::ListRunsResponse page;
    if (!runs->ListRuns(&list_context, request, &page).ok()) Fail("listing runs failed");
    lists.push_back(Since(begin));
    begin = SteadyClock::now();
    v1::GetRunRequest one;
    one.set_id(ids[i]);
    v1::Run run;
    if (!runs->GetRun(&context, one, &run).ok()) Fail("describing a run failed");
    describes.push_back(Since(begin));
  }
  row.values["memory_mb"] = static_cast<double>(coordinator.Memory()) / 1e6;
  rows->Add(std::move(row));
  rows->Add({"ended_list", jobs, Latencies(lists)});
  rows->Add({"describe", jobs, Latencies(describes)});
}

void MeasureCrowd(const Settings& settings, Rows* rows) {
  const Coordinator coordinator(settings, /*tls=*/true);
  (void)Submit(coordinator, settings.callers, 3600, settings.workers, "crowd");
  const Crowd crowd(coordinator, settings.workers, "crowd");
  const auto begin = SteadyClock::now();
  while (crowd.ranks() < settings.workers) {
    if (Since(begin) > 300) Fail("only " + std::to_string(crowd.ranks()) + " of so many ranks run");
    Sleep(0.2);
  }
  Sleep(10);
  Row row{"crowd", settings.workers * kJobsOfARun, Load(coordinator, 20)};
  row.values["workers"] = settings.workers;
  if (crowd.lost() > 0) Fail(std::to_string(crowd.lost()) + " sessions of workers have ended");
  rows->Add(std::move(row));
}

}  // namespace braid::bench
