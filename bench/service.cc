// Measures a coordinator from outside, as its clients see it, empty and with many jobs.
//
//   service [--jobs N] [--callers N] [--seconds S] [--bin FOLDER] [--dir FOLDER]
//
// Starts braid-coordinator in a folder of its own (on the disk of --dir, by default the one of
// TMPDIR), and prints one JSON line for each row, with machine and settings in the first, and the
// same as text on standard error:
//
//   submit      durable submits of a run of five jobs, by so many callers at once
//   start       from a submit to the message at an idle worker that takes the job
//   idle        CPU of the coordinator while nobody calls, in percent of a core
//   metrics     latency of GET /metrics; list: of a page of 50 runs
//   restart     from SIGKILL to the first answer of the next process
//
// Each is measured with an empty catalog and then with at least --jobs jobs in it, none of which
// has ended: every fifth is queued for a site that has no worker.
#include <grpcpp/grpcpp.h>
#include <signal.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/endpoint.h"
#include "base/file.h"
#include "base/json.h"
#include "base/process.h"
#include "base/random.h"
#include "base/text.h"
#include "braid/v1/admin.grpc.pb.h"
#include "braid/v1/runs.grpc.pb.h"
#include "braid/v1/worker.grpc.pb.h"
#include "rpc/channel.h"

namespace braid {
namespace {

using SteadyClock = std::chrono::steady_clock;

struct Settings {
  int64_t jobs = 10'000;
  int callers = 64;
  double seconds = 5;
  std::string bin;
  std::string dir;
};

constexpr int kJobsOfARun = 5;

double Since(SteadyClock::time_point begin) {
  return std::chrono::duration<double>(SteadyClock::now() - begin).count();
}

// Milliseconds.
double Percentile(std::vector<double> seconds, double part) {
  if (seconds.empty()) return 0;
  std::sort(seconds.begin(), seconds.end());
  const auto at = static_cast<size_t>(part * static_cast<double>(seconds.size()));
  return seconds[std::min(at, seconds.size() - 1)] * 1000;
}

[[noreturn]] void Fail(const std::string& why) {
  std::fprintf(stderr, "service: %s\n", why.c_str());
  std::exit(1);
}

// tokenizer, prepare:c, m, evaluate:m, report.
std::string Recipe(const std::string& site) {
  return "run: bench\ntokenizer: {train: {vocab: 300}}\n"
         "corpora: {c: {site: " +
         site +
         ", files: [/data/a.jsonl]}}\n"
         "baselines: [{name: m, d: 8, heads: 2, blocks: 1}]\nevaluate: [{loss: all}]\n";
}

// A coordinator in a process of its own.
class Coordinator {
 public:
  explicit Coordinator(const Settings& settings) : settings_(settings) {
    const std::string home = settings.dir.empty() ? "" : settings.dir + "/braid-bench";
    if (home.empty()) {
      folder_ = std::make_unique<TemporaryFolder>(TemporaryFolder::Create().value());
      dir_ = folder_->path();
    } else {
      (void)RemoveTree(home);
      if (const Status made = MakeFolder(home); !made.ok()) Fail(made.message());
      dir_ = home;
    }
    Start();
  }
  ~Coordinator() {
    process_.reset();
    (void)RemoveTree(dir_ + "/coordinator");
  }

  void Start() {
    const std::string address = dir_ + "/address.json";
    (void)RemoveFile(address);
    process_ = Process::Start({{settings_.bin + "/braid-coordinator", "--dir",
                                dir_ + "/coordinator", "--address-file", address},
                               {},
                               dir_ + "/coordinator.log"})
                   .value();
    // A tight loop: the time of the restart is measured by it.
    while (!PathExists(address)) {
      if (process_->Wait(0))
        Fail("the coordinator ended: " + ReadFile(dir_ + "/coordinator.log").value());
      usleep(1000);
    }
    endpoint_ = FindEndpoint({"", address, ""}).value();
    http_ = Json::parse(ReadFile(address).value())["http"];
    channel_ = rpc::MakeChannel(endpoint_.address, endpoint_.token);
    const auto admin = v1::Admin::NewStub(channel_);
    v1::ServerInfo info;
    grpc::Status status;
    do {
      grpc::ClientContext context;
      status = admin->GetServerInfo(&context, {}, &info);
    } while (!status.ok());
  }
  double Restart() {
    const auto begin = SteadyClock::now();
    process_->Signal(SIGKILL);
    (void)process_->Wait(-1);
    Start();
    return Since(begin);
  }
  // Seconds of CPU, and bytes of memory, of the process.
  double Cpu() const {
    const std::string stat = ReadFile("/proc/" + std::to_string(process_->pid()) + "/stat").value();
    const std::vector<std::string> fields = Split(stat.substr(stat.rfind(')') + 2), ' ');
    return static_cast<double>(std::stoll(fields[11]) + std::stoll(fields[12])) /
           static_cast<double>(sysconf(_SC_CLK_TCK));
  }
  int64_t Memory() const {
    const std::string statm =
        ReadFile("/proc/" + std::to_string(process_->pid()) + "/statm").value();
    return std::stoll(Split(statm, ' ')[1]) * sysconf(_SC_PAGESIZE);
  }

  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  const Endpoint& endpoint() const { return endpoint_; }
  const std::string& http() const { return http_; }
  const std::string& dir() const { return dir_; }

 private:
  const Settings settings_;
  std::unique_ptr<TemporaryFolder> folder_;
  std::string dir_;
  std::unique_ptr<Process> process_;
  Endpoint endpoint_;
  std::string http_;
  std::shared_ptr<grpc::Channel> channel_;
};

void Print(const std::string& row, int64_t jobs, Json values) {
  std::string text;
  for (const auto& [key, value] : values.items()) {
    const double number = value.get<double>();
    text += "  " + key + " " + Format(number < 10 ? "%.2f" : "%.0f", number);
  }
  values["row"] = row;
  values["jobs"] = jobs;
  std::printf("%s\n", values.dump().c_str());
  std::fflush(stdout);
  std::fprintf(stderr, "%-8s %7lld jobs %s\n", row.c_str(), (long long)jobs, text.c_str());
}

// Submits by so many callers until `seconds` are over or `most` were sent; their latencies. Each
// caller has a connection of its own.
std::vector<double> Submit(const Coordinator& coordinator, int callers, double seconds,
                           int64_t most, const std::string& site) {
  std::atomic<int64_t> left{most};
  std::vector<std::vector<double>> latencies(static_cast<size_t>(callers));
  std::vector<std::thread> threads;
  const auto begin = SteadyClock::now();
  for (int caller = 0; caller < callers; ++caller) {
    threads.emplace_back([&, caller] {
      grpc::ChannelArguments arguments;
      const auto channel = rpc::MakeChannel(coordinator.endpoint().address,
                                            coordinator.endpoint().token);
      const auto runs = v1::Runs::NewStub(channel);
      v1::SubmitRunRequest request;
      request.set_recipe(Recipe(site));
      request.set_user("user-" + std::to_string(caller % 8));
      while (Since(begin) < seconds && --left >= 0) {
        request.set_request_id(RandomUuid());
        const auto sent = SteadyClock::now();
        grpc::ClientContext context;
        v1::Run run;
        const grpc::Status status = runs->SubmitRun(&context, request, &run);
        if (!status.ok()) Fail("submitting: " + status.error_message());
        latencies[static_cast<size_t>(caller)].push_back(Since(sent));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<double> all;
  for (const auto& some : latencies) all.insert(all.end(), some.begin(), some.end());
  return all;
}

int64_t MeasureSubmit(const Coordinator& coordinator, const Settings& settings, int64_t jobs) {
  const auto begin = SteadyClock::now();
  const std::vector<double> latencies = Submit(coordinator, settings.callers, settings.seconds,
                                               INT64_MAX / 2, "nowhere");
  Print("submit", jobs,
        {{"runs_per_s", static_cast<double>(latencies.size()) / Since(begin)},
         {"p50_ms", Percentile(latencies, 0.5)},
         {"p99_ms", Percentile(latencies, 0.99)}});
  return static_cast<int64_t>(latencies.size()) * kJobsOfARun;
}

// A worker that takes every job that it is given and never ends one.
class IdleWorker {
 public:
  explicit IdleWorker(const Coordinator& coordinator, const std::string& site)
      : stub_(v1::Workers::NewStub(coordinator.channel())), stream_(stub_->Session(&context_)) {
    v1::WorkerHello& hello = *signal_.mutable_hello();
    hello.set_worker_id("w-" + RandomUuid());
    hello.set_boot_id(RandomUuid());
    hello.set_site(site);
    hello.set_cpu_slots(4096);
    stream_->Write(signal_);
    signal_.clear_hello();
    reader_ = std::thread([this] { Read(); });
  }
  ~IdleWorker() {
    context_.TryCancel();
    reader_.join();
    (void)stream_->Finish();
  }
  // Waits until some job of the run is here; false after ten seconds.
  bool WaitFor(const std::string& run) {
    const auto begin = SteadyClock::now();
    std::unique_lock lock(mutex_);
    while (std::find(runs_.begin(), runs_.end(), run) == runs_.end()) {
      if (Since(begin) > 10) return false;
      changed_.wait_for(lock, std::chrono::seconds(1));
    }
    return true;
  }

 private:
  void Read() {
    v1::DesiredState state;
    while (stream_->Read(&state)) {
      if (state.unchanged()) continue;
      signal_.clear_ranks();
      signal_.set_applied_version(state.version());
      {
        const std::lock_guard lock(mutex_);
        runs_.clear();
        for (const v1::RankAssignment& rank : state.ranks()) {
          runs_.push_back(rank.id().run_id());
          *signal_.add_ranks()->mutable_id() = rank.id();
        }
        changed_.notify_all();
      }
      stream_->Write(signal_);
    }
  }

  std::unique_ptr<v1::Workers::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::WorkerSignal, v1::DesiredState>> stream_;
  v1::WorkerSignal signal_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> runs_;
  std::thread reader_;
};

void MeasureStart(const Coordinator& coordinator, int64_t jobs) {
  constexpr int kStarts = 100;
  IdleWorker worker(coordinator, "here");
  const auto runs = v1::Runs::NewStub(coordinator.channel());
  std::vector<double> latencies;
  for (int i = 0; i < kStarts; ++i) {
    v1::SubmitRunRequest request;
    request.set_recipe(Recipe("here"));
    request.set_request_id(RandomUuid());
    const auto begin = SteadyClock::now();
    grpc::ClientContext context;
    v1::Run run;
    const grpc::Status status = runs->SubmitRun(&context, request, &run);
    if (!status.ok()) Fail("submitting: " + status.error_message());
    if (!worker.WaitFor(run.id())) Fail("a job did not reach an idle worker within ten seconds");
    latencies.push_back(Since(begin));
  }
  Print("start", jobs,
        {{"p50_ms", Percentile(latencies, 0.5)}, {"p99_ms", Percentile(latencies, 0.99)}});
}

void MeasureIdle(const Coordinator& coordinator, const Settings& settings, int64_t jobs) {
  sleep(1);
  const double before = coordinator.Cpu();
  const auto begin = SteadyClock::now();
  std::this_thread::sleep_for(std::chrono::duration<double>(std::max(5.0, settings.seconds)));
  Print("idle", jobs,
        {{"cpu_percent", 100 * (coordinator.Cpu() - before) / Since(begin)},
         {"memory_mb", static_cast<double>(coordinator.Memory()) / 1e6}});
}

// One request over a connection of its own, by hand: the bench needs no library for it.
void Get(const Coordinator& coordinator, const std::string& path) {
  const std::string command = "curl -sf -o /dev/null -H 'Authorization: Bearer " +
                              coordinator.endpoint().token + "' http://" + coordinator.http() +
                              path;
  if (std::system(command.c_str()) != 0) Fail("GET " + path + " failed (is curl installed?)");
}

void MeasureReads(const Coordinator& coordinator, int64_t jobs) {
  constexpr int kReads = 40;
  const auto runs = v1::Runs::NewStub(coordinator.channel());
  const auto admin = v1::Admin::NewStub(coordinator.channel());
  std::vector<double> lists, metrics, reads;
  // What the loop's other clients notice of it: the longest answer meanwhile.
  std::atomic<bool> stop{false};
  std::thread other([&] {
    while (!stop) {
      const auto begin = SteadyClock::now();
      grpc::ClientContext context;
      v1::ServerInfo info;
      if (!admin->GetServerInfo(&context, {}, &info).ok()) Fail("a read failed");
      reads.push_back(Since(begin));
      usleep(2000);
    }
  });
  for (int i = 0; i < kReads; ++i) {
    auto begin = SteadyClock::now();
    grpc::ClientContext context;
    v1::ListRunsResponse page;
    if (!runs->ListRuns(&context, {}, &page).ok()) Fail("listing runs failed");
    lists.push_back(Since(begin));
    begin = SteadyClock::now();
    Get(coordinator, "/metrics");
    metrics.push_back(Since(begin));
  }
  stop = true;
  other.join();
  Print("list", jobs, {{"p50_ms", Percentile(lists, 0.5)}, {"p99_ms", Percentile(lists, 0.99)}});
  Print("metrics", jobs,
        {{"p50_ms", Percentile(metrics, 0.5)}, {"p99_ms", Percentile(metrics, 0.99)}});
  Print("others", jobs, {{"p50_ms", Percentile(reads, 0.5)}, {"p99_ms", Percentile(reads, 0.99)}});
}

void MeasureAll(Coordinator& coordinator, const Settings& settings, int64_t jobs) {
  MeasureStart(coordinator, jobs);
  MeasureIdle(coordinator, settings, jobs);
  MeasureReads(coordinator, jobs);
  Print("restart", jobs, {{"seconds", coordinator.Restart()}});
}

std::string CpuName() {
  const std::string info = ReadFile("/proc/cpuinfo").value();
  const size_t at = info.find("model name");
  if (at == std::string::npos) return "unknown";
  const size_t begin = info.find(':', at) + 2;
  return info.substr(begin, info.find('\n', begin) - begin);
}

void PrintMachine(const Settings& settings, const Coordinator& coordinator) {
  utsname system{};
  (void)uname(&system);
  const Json machine = {{"cpu", CpuName()},
                        {"cores", sysconf(_SC_NPROCESSORS_ONLN)},
                        {"kernel", system.release},
                        {"folder", coordinator.dir()},
                        {"callers", settings.callers},
                        {"seconds", settings.seconds},
                        {"jobs_of_a_run", kJobsOfARun}};
  std::printf("%s\n", machine.dump().c_str());
  std::fprintf(stderr, "%s, %ld cores, load generator included\n", CpuName().c_str(),
               sysconf(_SC_NPROCESSORS_ONLN));
}

void Run(const Settings& settings) {
  Coordinator coordinator(settings);
  PrintMachine(settings, coordinator);
  MeasureAll(coordinator, settings, 0);
  int64_t jobs = MeasureSubmit(coordinator, settings, 0);
  if (jobs < settings.jobs) {
    (void)Submit(coordinator, settings.callers, 3600, (settings.jobs - jobs) / kJobsOfARun + 1,
                 "nowhere");
    jobs = settings.jobs;
  }
  MeasureAll(coordinator, settings, jobs);
  (void)MeasureSubmit(coordinator, settings, jobs);
}

Settings SettingsOf(int argc, char** argv) {
  Settings settings;
  settings.bin = JoinPath(FolderOf(ProgramFolder()), "bin");
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    if (name == "--jobs") {
      settings.jobs = std::atoll(argv[i + 1]);
    } else if (name == "--callers") {
      settings.callers = std::atoi(argv[i + 1]);
    } else if (name == "--seconds") {
      settings.seconds = std::atof(argv[i + 1]);
    } else if (name == "--bin") {
      settings.bin = argv[i + 1];
    } else if (name == "--dir") {
      settings.dir = argv[i + 1];
    } else {
      Fail("no such option: " + name + "; see the top of bench/service.cc");
    }
  }
  return settings;
}

}  // namespace
}  // namespace braid

int main(int argc, char** argv) {
  braid::Run(braid::SettingsOf(argc, argv));
  return 0;
}
