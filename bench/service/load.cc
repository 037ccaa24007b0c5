#include "bench/service/load.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <utility>

#include "base/random.h"
#include "rpc/channel.h"

namespace braid::bench {
namespace {

// tokenizer, prepare:c, m, evaluate:m, report.
std::string Recipe(const std::string& site) {
  return "run: bench\ntokenizer: {train: {vocab: 300}}\n"
         "corpora: {c: {site: " +
         site +
         ", files: [/data/a.jsonl]}}\n"
         "baselines: [{name: m, d: 8, heads: 2, blocks: 1}]\nevaluate: [{loss: all}]\n";
}

std::string KeyOf(const v1::RankId& rank) {
  return rank.run_id() + "/" + rank.job() + "#" + std::to_string(rank.epoch());
}

v1::WorkerHello HelloOf(const std::string& id, const std::string& site, int slots) {
  v1::WorkerHello hello;
  hello.set_worker_id(id);
  hello.set_boot_id(RandomUuid());
  hello.set_instance(id);
  hello.set_site(site);
  hello.set_host(id);
  hello.set_cpu_slots(slots);
  return hello;
}

}  // namespace

std::string SubmitOne(v1::Runs::Stub& runs, const std::string& site, const std::string& user) {
  v1::SubmitRunRequest request;
  request.set_recipe(Recipe(site));
  request.set_user(user);
  request.set_request_id(RandomUuid());
  grpc::ClientContext context;
  v1::Run run;
  const grpc::Status status = runs.SubmitRun(&context, request, &run);
  if (!status.ok()) Fail("submitting: " + status.error_message());
  return run.id();
}

std::vector<double> Submit(const Coordinator& coordinator, int callers, double seconds,
                           int64_t most, const std::string& site) {
  std::atomic<int64_t> left{most};
  std::vector<std::vector<double>> latencies(static_cast<size_t>(callers));
  std::vector<std::thread> threads;
  const auto begin = SteadyClock::now();
  for (int caller = 0; caller < callers; ++caller) {
    threads.emplace_back([&, caller] {
      const auto runs = v1::Runs::NewStub(rpc::MakeChannel(coordinator.endpoint()));
      const std::string user = "user-" + std::to_string(caller % 8);
      while (Since(begin) < seconds && --left >= 0) {
        const auto sent = SteadyClock::now();
        (void)SubmitOne(*runs, site, user);
        latencies[static_cast<size_t>(caller)].push_back(Since(sent));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<double> all;
  for (const auto& some : latencies) all.insert(all.end(), some.begin(), some.end());
  return all;
}

std::vector<std::string> EndAll(const Coordinator& coordinator, int callers) {
  std::vector<std::string> ids, active;
  const auto runs = v1::Runs::NewStub(coordinator.channel());
  v1::ListRunsRequest request;
  request.set_page_size(200);
  do {
    grpc::ClientContext context;
    v1::ListRunsResponse page;
    if (!runs->ListRuns(&context, request, &page).ok()) Fail("listing runs failed");
    for (const v1::Run& run : page.runs()) {
      ids.push_back(run.id());
      if (run.state() == v1::RUN_ACTIVE) active.push_back(run.id());
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  std::atomic<size_t> next{0};
  std::vector<std::thread> threads;
  for (int caller = 0; caller < callers; ++caller) {
    threads.emplace_back([&] {
      const auto stub = v1::Runs::NewStub(rpc::MakeChannel(coordinator.endpoint()));
      for (size_t i = next++; i < active.size(); i = next++) {
        grpc::ClientContext context;
        v1::CancelRunRequest cancel;
        cancel.set_id(active[i]);
        v1::Run run;
        const grpc::Status status = stub->CancelRun(&context, cancel, &run);
        if (!status.ok()) Fail("cancelling: " + status.error_message());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return ids;
}

TakingWorker::TakingWorker(const Coordinator& coordinator, const std::string& site, int slots)
    : id_("w-" + RandomUuid()),
      stub_(v1::Workers::NewStub(rpc::MakeChannel(coordinator.endpoint()))),
      stream_(stub_->Session(&context_)) {
  *signal_.mutable_hello() = HelloOf(id_, site, slots);
  stream_->Write(signal_);
  signal_.clear_hello();
  reader_ = std::thread([this] { Read(); });
}

TakingWorker::~TakingWorker() {
  context_.TryCancel();
  reader_.join();
  (void)stream_->Finish();
}

bool TakingWorker::WaitFor(const std::string& run) {
  const auto begin = SteadyClock::now();
  std::unique_lock lock(mutex_);
  while (std::find(runs_.begin(), runs_.end(), run) == runs_.end()) {
    if (Since(begin) > 10) return false;
    changed_.wait_for(lock, std::chrono::seconds(1));
  }
  return true;
}

void TakingWorker::Read() {
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
    }
    changed_.notify_all();
    stream_->Write(signal_);
  }
}

Leaser::Leaser(const Coordinator& coordinator, const std::string& site, int slots,
               std::atomic<int64_t>* ended)
    : stub_(v1::Workers::NewStub(rpc::MakeChannel(coordinator.endpoint()))), ended_(ended) {
  const std::string id = "w-" + RandomUuid();
  report_.set_worker_id(id);
  report_.set_category("preempted");
  *signal_.mutable_hello() = HelloOf(id, site, slots);
  stub_->async()->Session(&context_, this);
  StartRead(&state_);
  Write();
  StartCall();
}

Leaser::~Leaser() {
  std::unique_lock lock(mutex_);
  stop_ = true;
  while (report_context_ != nullptr) changed_.wait(lock);
  context_.TryCancel();
  while (!done_) changed_.wait(lock);
}

void Leaser::OnReadDone(bool ok) {
  if (!ok) return;
  {
    const std::lock_guard lock(mutex_);
    if (!state_.unchanged()) Take(state_);
  }
  StartRead(&state_);
}

void Leaser::Take(const v1::DesiredState& state) {
  signal_.clear_ranks();
  signal_.set_applied_version(state.version());
  std::set<std::string> now;
  for (const v1::RankAssignment& rank : state.ranks()) {
    *signal_.add_ranks()->mutable_id() = rank.id();
    std::string key = KeyOf(rank.id());
    if (!known_.contains(key)) fresh_.push_back(rank.id());
    now.insert(std::move(key));
  }
  known_ = std::move(now);
  write_again_ = writing_;
  if (!writing_) Write();
  if (report_context_ == nullptr) Report();
}

void Leaser::Write() {
  sent_ = signal_;
  signal_.clear_hello();
  writing_ = true;
  StartWrite(&sent_);
}

void Leaser::OnWriteDone(bool ok) {
  const std::lock_guard lock(mutex_);
  writing_ = false;
  if (ok && std::exchange(write_again_, false)) Write();
}

void Leaser::OnDone(const grpc::Status&) {
  const std::lock_guard lock(mutex_);
  done_ = true;
  changed_.notify_all();
}

void Leaser::Report() {
  if (stop_ || fresh_.empty()) return;
  *report_.mutable_id() = fresh_.back();
  fresh_.pop_back();
  report_context_ = std::make_unique<grpc::ClientContext>();
  stub_->async()->ReportEnded(report_context_.get(), &report_, &reported_,
                              [this](const grpc::Status& status) { OnReported(status); });
}

void Leaser::OnReported(const grpc::Status& status) {
  if (!status.ok()) Fail("reporting an end: " + status.error_message());
  const std::lock_guard lock(mutex_);
  ++*ended_;
  report_context_.reset();
  Report();
  if (stop_) changed_.notify_all();
}

// Its own reads and writes, in threads of gRPC.
class Crowd::Worker final : public grpc::ClientBidiReactor<v1::WorkerSignal, v1::DesiredState> {
 public:
  Worker(const Coordinator& coordinator, const std::string& id, const std::string& site)
      : stub_(v1::Workers::NewStub(rpc::MakeChannel(coordinator.endpoint()))) {
    *signal_.mutable_hello() = HelloOf(id, site, 1);
    stub_->async()->Session(&context_, this);
    StartRead(&state_);
    Write();
    StartCall();
  }
  ~Worker() override {
    context_.TryCancel();
    std::unique_lock lock(mutex_);
    while (!done_) ended_.wait(lock);
  }

  void Beat() {
    const std::lock_guard lock(mutex_);
    if (writing_ || done_) return;
    for (v1::RankStatus& rank : *signal_.mutable_ranks()) {
      v1::Progress& progress = *rank.mutable_progress();
      progress.set_phase("training");
      progress.set_unit("steps");
      progress.set_done(progress.done() + 1);
      progress.set_time_ms(progress.time_ms() + 5000);
    }
    Write();
  }
  int ranks() {
    const std::lock_guard lock(mutex_);
    return signal_.ranks_size();
  }
  bool done() {
    const std::lock_guard lock(mutex_);
    return done_;
  }

 private:
  void Write() {
    sent_ = signal_;
    signal_.clear_hello();
    writing_ = true;
    StartWrite(&sent_);
  }
  void OnReadDone(bool ok) override {
    if (!ok) return;
    {
      const std::lock_guard lock(mutex_);
      if (!state_.unchanged()) {
        signal_.clear_ranks();
        signal_.set_applied_version(state_.version());
        for (const v1::RankAssignment& rank : state_.ranks())
          *signal_.add_ranks()->mutable_id() = rank.id();
      }
    }
    StartRead(&state_);
  }
  void OnWriteDone(bool) override {
    const std::lock_guard lock(mutex_);
    writing_ = false;
  }
  void OnDone(const grpc::Status&) override {
    const std::lock_guard lock(mutex_);
    done_ = true;
    ended_.notify_all();
  }

  std::unique_ptr<v1::Workers::Stub> stub_;
  grpc::ClientContext context_;
  v1::DesiredState state_;
  std::mutex mutex_;
  std::condition_variable ended_;
  v1::WorkerSignal signal_, sent_;
  bool writing_ = false;
  bool done_ = false;
};

Crowd::Crowd(const Coordinator& coordinator, int workers, const std::string& site) {
  for (int i = 0; i < workers; ++i)
    workers_.push_back(std::make_unique<Worker>(coordinator, "crowd-" + std::to_string(i), site));
  beats_ = std::thread([this] { Beat(); });
}

Crowd::~Crowd() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stopped_.notify_all();
  beats_.join();
}

int Crowd::ranks() const {
  int ranks = 0;
  for (const auto& worker : workers_) ranks += worker->ranks();
  return ranks;
}

int Crowd::lost() const {
  int lost = 0;
  for (const auto& worker : workers_) lost += worker->done() ? 1 : 0;
  return lost;
}

// In a hundred groups, one after the other: workers do not beat in step.
void Crowd::Beat() {
  constexpr size_t kGroups = 100;
  std::unique_lock lock(mutex_);
  for (size_t group = 0; !stop_; group = (group + 1) % kGroups) {
    for (size_t i = group; i < workers_.size(); i += kGroups) workers_[i]->Beat();
    stopped_.wait_for(lock, std::chrono::milliseconds(5000 / kGroups));
  }
}

}  // namespace braid::bench
