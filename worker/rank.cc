#include "worker/rank.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <optional>
#include <thread>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/private_folder.h"
#include "base/process.h"
#include "base/text.h"
#include "task/task.h"
#include "worker/environment.h"
#include "worker/program.h"
#include "worker/rank_folder.h"
#include "worker/serial_queue.h"
#include "worker/shipper.h"
#include "worker/stop_signal.h"
#include "worker/transfer.h"

namespace braid::worker {
namespace {

constexpr int64_t kLogTailBytes = 4096;
constexpr uint64_t kSmallBytes = 64 << 10;
constexpr int kPeerLost = 75;
constexpr int kUnfitMachine = 69;
constexpr char kMark[] = "process.json";
constexpr int64_t kKeyWaitMs = 2'000;  // of one call: a rank that has ended must not wait longer to
                                       // say so

std::string ProgramOf(const std::string& kind) {
  if (kind == "tokenizer" || kind == "prepare") return "braid-prepare";
  if (kind == "merge") return "braid-merge";
  if (kind == "report") return "braid-report";
  return "braid-trainer";
}

// Without the part of a character that a cut at a byte may have left, and whatever else is not
// UTF-8: the API's texts are.
std::string Utf8(std::string text) {
  const std::string quoted =
      Json(std::move(text)).dump(-1, ' ', false, Json::error_handler_t::ignore);
  return Json::parse(quoted).get<std::string>();
}

// No room on this worker's disk: of what was written here, or (transfer.h) of what was fetched.
bool IsDiskFull(const std::string& reason) {
  return reason == "STORAGE_FULL" || reason == "DISK_FULL";
}

RankEnd Failed(const std::string& category, const Status& status, const std::string& hint = "",
               bool deterministic = false) {
  RankEnd end;
  end.category = category;
  if (IsDiskFull(status.reason())) end.reason = "STORAGE_FULL";
  end.error = Utf8(status.message());
  end.hint = hint;
  end.deterministic = deterministic;
  return end;
}

}  // namespace

struct Rank::State {
  const RankContext context;
  const Assignment assignment;
  const std::vector<std::string> gpus;
  std::string folder;
  StopSignal dropped;
  StopSignal unheard;  // the program has ended: nobody waits for rendezvous keys any more
  std::atomic<bool> finished{false};
  RankProgress progress;
  std::thread thread;

  std::atomic<bool> stale{false};

  // Touched by the rank's own thread alone, but for the threads of the desks and the shipper's own.
  Program program;
  std::unique_ptr<SerialQueue> checkpoints, rendezvous;
  std::unique_ptr<Shipper> metric_lines;
  UniqueFd metrics;
  std::string unwritten_metrics;
  std::string fetching;  // the artifact that could not be fetched
  std::optional<Json> result;
  std::optional<Json> error;

  State(RankContext c, Assignment a, std::vector<std::string> g)
      : context(std::move(c)),
        assignment(std::move(a)),
        gpus(std::move(g)),
        program([this](const std::string& kind, const Json& event) { Hear(kind, event); }) {}

  std::string Path(const std::string& name) const { return JoinPath(folder, name); }

  void Post(Event event) const {
    if (context.events != nullptr) context.events->Post(std::move(event));
  }
  void SetProgress(RankProgress now) {
    progress = std::move(now);
    Post(RankProgressed{assignment.key, progress});
  }

  void Run() {
    Tell(Work());
    (void)RemoveTree(folder);
    finished.store(true);
    Post(RankProgramGone{assignment.key});
    Post(RankFinished{assignment.key});
  }

  // The end must be known, or the job would wait for it for ever: what the coordinator refuses is
  // told as a failure.
  void Tell(const RankEnd& end) {
    if (dropped.IsSet() || stale.load()) return;
    const Status status = Persist(dropped,
                                  [&] { return context.link->ReportEnded(assignment.key, end); });
    if (status.ok() || dropped.IsSet() || status.reason() == "STALE_LEASE") return;
    const Status refused = status.Wrap("the coordinator refused the end of this attempt");
    Log(LogLevel::kError, assignment.key.ToString(), refused.message());
    const RankEnd instead = Failed("system", refused);
    (void)Persist(dropped, [&] { return context.link->ReportEnded(assignment.key, instead); });
  }

  RankEnd Work() {
    if (assignment.stop) return Failed("cancelled", Cancelled("stopped before it began"));
    if (assignment.device == "cuda" && gpus.size() < static_cast<size_t>(assignment.slots)) {
      return Failed("infra", Unavailable(Format("%zu of %d GPUs are free on this worker",
                                                gpus.size(), assignment.slots)));
    }
    task::Task task;
    if (const Status status = PrepareTask(&task); !status.ok())
      return FetchFailed(status, fetching);
    if (program.stop_asked()) return Failed("preempted", Cancelled("stopped before it began"));
    Shipper log(
        Path("log"),
        [this](int64_t offset, std::string_view data) {
          return context.link->AppendLog(assignment.key, offset, data);
        },
        dropped);
    metric_lines = std::make_unique<Shipper>(
        Path("metrics.jsonl"),
        [this](int64_t offset, std::string_view data) {
          return context.link->AppendMetrics(assignment.key, offset, data);
        },
        dropped);
    if (dropped.IsSet()) return Failed("cancelled", Cancelled("dropped before it began"));
    if (const Status status = StartProgram(); !status.ok()) return Failed("infra", status);
    Serve();
    (void)Persist(dropped, [&] { return WriteMetrics(); });
    metrics.Reset();
    (void)metric_lines->Drain();
    (void)log.Drain();
    return Conclude();
  }

  // A fact that the coordinator refuses as stale: this attempt is over for us.
  void Watch(const Status& status) {
    if (status.reason() != "STALE_LEASE") return;
    stale.store(true);
    dropped.Set();
    program.Kill();
  }

  // `artifact` is what was being fetched, if anything. What arrives twice with another digest was
  // damaged in the store, or here: only in the store it is damaged for all.
  RankEnd FetchFailed(const Status& status, const std::string& artifact) {
    if (status.reason() == "FSYNC_FAILED")
      return Failed(
          "infra", status,
          "a disk did not keep what was written to it; its machine's kernel log tells more");
    const bool damaged = status.code() == StatusCode::kDataLoss ||
                         status.reason() == "DIGEST_MISMATCH";
    if (!damaged) return Failed("infra", status);
    const Status stored = artifact.empty() ? OkStatus() : Persist(dropped, [&] {
      return context.link->VerifyArtifact(artifact);
    });
    if (stored.code() == StatusCode::kDataLoss) {
      return Failed("user", status.Wrap(stored.message()),
                    "the artifact in the store is damaged; see braid artifact verify", true);
    }
    return Failed("system", status,
                  "what the store has is whole: the memory or the disk of this worker is to be "
                  "looked at; another one is tried");
  }

  Status PrepareTask(task::Task* task) {
    BRAID_RETURN_IF_ERROR(RemoveTree(folder));
    BRAID_RETURN_IF_ERROR(MakeFolder(folder));
    SetProgress({.phase = "fetching"});
    const std::string artifacts = JoinPath(context.folder, "artifacts");
    BRAID_RETURN_IF_ERROR(MakeFolder(artifacts));
    for (const auto& [role, artifact] : assignment.inputs) {
      BRAID_ASSIGN_OR_RETURN(task->inputs[role], Fetch(artifact, artifacts));
    }
    if (!assignment.checkpoint.empty()) {
      BRAID_ASSIGN_OR_RETURN(task->resume, Fetch(assignment.checkpoint, artifacts));
    }
    task->kind = assignment.kind;
    task->job = assignment.key.job;
    task->attempt = assignment.key.run + "/" + assignment.key.job + "#" +
                    std::to_string(assignment.key.epoch);
    task->output = Path("output");
    task->work = Path("work");
    task->rank = assignment.key.rank;
    task->world = assignment.world;
    task->generation = assignment.key.epoch;
    task->threads = Threads();
    task->device = assignment.device;
    task->data_roots = context.data_roots;
    BRAID_ASSIGN_OR_RETURN(task->spec, ParseJson(assignment.spec, "the job's spec"));
    return WriteJsonFile(Path("task.json"), task::ToJson(*task));
  }

  // A GPU needs the processor, too: for first values, for noise and to be fed.
  int32_t Threads() const {
    return assignment.device == "cpu" ? assignment.slots : std::max(1, context.gpu_threads);
  }
  Result<std::string> Fetch(const std::string& artifact, const std::string& folder_of_all) {
    fetching = artifact;
    Result<std::string> fetched = FetchArtifact(*context.link, *context.cache, artifact,
                                                folder_of_all, dropped);
    if (fetched.ok()) fetching.clear();
    return fetched;
  }

  Status StartProgram() {
    metrics.Reset(
        open(Path("metrics.jsonl").c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0644));
    if (!metrics.valid()) return ErrnoStatus(errno, "creating " + Path("metrics.jsonl"));
    ProcessOptions options;
    options.argv = {JoinPath(context.programs, ProgramOf(assignment.kind)), Path("task.json")};
    options.output = Path("log");
    options.task_socket = true;
    const bool cpu = assignment.device == "cpu";
    options.inherit_env = false;
    options.env = TaskEnvironment();
    const std::map<std::string, std::string> ours = {
        {"OMP_NUM_THREADS", std::to_string(Threads())},
        {"OMP_WAIT_POLICY", "passive"},
        {"CUDA_VISIBLE_DEVICES", cpu ? "" : Join(gpus, ",")},
        {"CUDA_MODULE_LOADING", "LAZY"},
        {"CUBLAS_WORKSPACE_CONFIG", ":4096:8"}};
    for (const auto& [name, value] : ours) options.env[name] = value;
    BRAID_RETURN_IF_ERROR(program.Start(options, Path(kMark)));
    SetProgress({.running = true, .phase = "starting"});
    return OkStatus();
  }

  // Until the program has ended and what it asked for is done.
  void Serve() {
    SerialQueue started;
    checkpoints = std::make_unique<SerialQueue>();
    rendezvous = std::make_unique<SerialQueue>();
    started.Do([this] {
      Watch(Persist(dropped, [&] { return context.link->ReportStarted(assignment.key); }));
    });
    program.Serve();
    Post(RankProgramGone{assignment.key});
    unheard.Set();
    checkpoints->Close();
    rendezvous->Close();
  }

  void Hear(const std::string& kind, const Json& event) {
    if (kind == "progress") {
      SetProgress({true, ValueOr(event, "phase", ""), ValueOr(event, "unit", ""),
                   ValueOr(event, "done", int64_t{0}), ValueOr(event, "total", int64_t{0}),
                   ValueOr(event, "tokens_per_s", 0.0), ValueOr(event, "eta_s", 0.0),
                   SystemClock().WallMs()});
    } else if (kind == "metric") {
      KeepMetric({{"step", ValueOr(event, "step", int64_t{0})},
                  {"values", ValueOr(event, "values", Json::object())}});
    } else if (kind == "checkpoint") {
      checkpoints->Do([this, event] { StoreCheckpoint(event); });
    } else if (kind == "rendezvous") {
      rendezvous->Do([this, event] { Relay(event); });
    } else if (kind == "result") {
      result = event;
    } else if (kind == "error") {
      error = event;
    }
  }

  // Lines that a full disk refuses are kept and written with the next one, or at the end.
  void KeepMetric(const Json& line) {
    unwritten_metrics += line.dump() + "\n";
    (void)WriteMetrics();
  }
  Status WriteMetrics() {
    if (unwritten_metrics.empty()) return OkStatus();
    const off_t end = lseek(metrics.get(), 0, SEEK_END);
    const Status written = WriteAll(metrics.get(), unwritten_metrics, Path("metrics.jsonl"));
    if (written.ok()) {
      unwritten_metrics.clear();
    } else {
      (void)!ftruncate(metrics.get(), end);  // half a line would spoil the next one
    }
    return written;
  }

  void StoreCheckpoint(const Json& event) {
    if (dropped.IsSet()) return;
    const int64_t step = ValueOr(event, "step", int64_t{0});
    storage::Manifest manifest;
    Status status = Persist(dropped, [&]() -> Status {  // a full disk may have room again
      BRAID_ASSIGN_OR_RETURN(
          manifest, IngestFolder(*context.cache, ValueOr(event, "folder", ""), "checkpoint",
                                 ValueOr(event, "metadata", Json::object())));
      return OkStatus();
    });
    if (status.ok()) {
      Describe(&manifest);
      status = UploadArtifact(*context.link, *context.cache, manifest, dropped);
    }
    // Who resumes from it does not say these numbers again.
    if (status.ok()) status = metric_lines->Flush();
    if (status.ok()) {
      status = Persist(dropped, [&] {
        return context.link->CommitCheckpoint(assignment.key, step, manifest.Canonical());
      });
    }
    Watch(status);
    if (status.ok()) {
      program.Control({{"control", "checkpoint_stored"}, {"step", step}});
      Release(manifest);
    } else if (!dropped.IsSet()) {
      Log(LogLevel::kWarning, assignment.key.ToString(),
          "the checkpoint of step " + std::to_string(step) + " is not stored: " + status.message());
    }
  }

  // A stored checkpoint leaves the cache: who resumes fetches it, and a long job would fill the
  // disk. Small files stay: other artifacts may share them.
  void Release(const storage::Manifest& manifest) {
    for (const storage::ManifestFile& file : manifest.files) {
      if (file.size >= kSmallBytes) (void)context.cache->Remove(file.sha256);
    }
  }

  void Relay(const Json& event) {
    const std::string key = ValueOr(event, "key", "");
    Json answer = {{"control", "rendezvous"}, {"id", ValueOr(event, "id", int64_t{0})}};
    Status status;
    if (ValueOr(event, "op", "") == "put") {
      const Result<std::string> value = Base64Decode(ValueOr(event, "value", ""));
      status = value.ok()
                   ? Persist(
                         unheard,
                         [&] { return context.link->PutRendezvous(assignment.key, key, *value); })
                   : value.status();
    } else {
      const int64_t deadline = SystemClock().MonotonicMs() +
                               ValueOr(event, "timeout_ms", int64_t{60'000});
      status = Persist(unheard, [&]() -> Status {
        const int64_t left = deadline - SystemClock().MonotonicMs();
        if (left <= 0) return NotFound("no rank has put " + key);
        Result<std::string> value = context.link->GetRendezvous(
            assignment.key, key, std::min<int64_t>(left, kKeyWaitMs));
        if (value.ok()) answer["value"] = Base64Encode(*value);
        return value.status();
      });
    }
    Watch(status);
    if (!status.ok()) answer["error"] = status.message();
    program.Control(answer);
  }

  void Describe(storage::Manifest* manifest) const {
    std::vector<std::string> parents;
    for (const auto& [role, artifact] : assignment.inputs) parents.push_back(artifact);
    std::sort(parents.begin(), parents.end());
    parents.erase(std::unique(parents.begin(), parents.end()), parents.end());
    manifest->parents = std::move(parents);
    manifest->recipe = assignment.recipe_sha256;
  }

  // From what the program said and how it ended to what is reported.
  RankEnd Conclude() {
    const ProcessExit& exit = program.exit();
    RankEnd end;
    if (result.has_value() && exit.signal == 0 && exit.code == 0) {
      if (const Status status = StoreOutputs(&end); !status.ok()) end = FetchFailed(status, "");
    } else if (error.has_value()) {
      end = Failed(ValueOr(*error, "category", "system"),
                   InvalidArgument(ValueOr(*error, "message", "")), ValueOr(*error, "hint", ""),
                   ValueOr(*error, "deterministic", false));
      if (IsDiskFull(ValueOr(*error, "reason", ""))) end.reason = "STORAGE_FULL";
    } else if (exit.signal == SIGKILL && program.stopped()) {
      end = Failed("preempted", Cancelled("did not stop in its time and was killed"));
    } else if (exit.signal == SIGKILL) {
      end = Failed("infra",
                   Internal("the task program was killed (signal 9), perhaps for want of memory"),
                   "if the machine's log says \"out of memory\", lower train.batch or let fewer "
                   "jobs run beside it");
    } else if (exit.code == kUnfitMachine) {
      end = Failed("infra", Unavailable(LastLine(LogTail())),
                   "run this worker on another machine, or braid built for this one", true);
    } else if (exit.signal != 0) {
      end = Failed("infra",
                   Internal(Format("the task program crashed with signal %d", exit.signal)),
                   "its log tells more: braid logs");
    } else {
      end = Failed(
          "system",
          Internal(Format("the task program ended with code %d and said nothing", exit.code)),
          "its log tells more: braid logs");
    }
    end.peer_lost = exit.code == kPeerLost;
    end.exit_code = exit.code;
    end.signal = exit.signal;
    if (!end.success) end.log_tail = Utf8(LogTail());
    return end;
  }

  std::string LogTail() const {
    const Result<uint64_t> size = FileSize(Path("log"));
    UniqueFd fd(open(Path("log").c_str(), O_RDONLY | O_CLOEXEC));
    if (!size.ok() || !fd.valid()) return "";
    const auto begin = static_cast<int64_t>(*size) > kLogTailBytes
                           ? static_cast<int64_t>(*size) - kLogTailBytes
                           : 0;
    std::string tail(static_cast<size_t>(static_cast<int64_t>(*size) - begin), '\0');
    const ssize_t n = pread(fd.get(), tail.data(), tail.size(), begin);
    tail.resize(n > 0 ? static_cast<size_t>(n) : 0);
    return tail;
  }

  static std::string LastLine(std::string text) {
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text.substr(text.rfind('\n') + 1);  // npos + 1 is 0
  }

  Status StoreOutputs(RankEnd* end) {
    end->success = true;
    end->summary = ValueOr(*result, "summary", Json::object()).dump();
    const Json outputs = ValueOr(*result, "outputs", Json::object());
    for (const auto& [role, output] : outputs.items()) {
      const std::string relative = ValueOr(output, "folder", "");
      if (!IsSafeRelativePath(relative))
        return InvalidArgument("output " + role + " names an unsafe folder");
      storage::Manifest manifest;
      BRAID_RETURN_IF_ERROR(Persist(dropped, [&]() -> Status {  // a full disk may have room again,
                                                                // and the work is done
        BRAID_ASSIGN_OR_RETURN(
            manifest,
            IngestFolder(*context.cache, JoinPath(Path("output"), relative),
                         ValueOr(output, "kind", ""), ValueOr(output, "metadata", Json::object())));
        return OkStatus();
      }));
      Describe(&manifest);
      BRAID_RETURN_IF_ERROR(UploadArtifact(*context.link, *context.cache, manifest, dropped));
      end->outputs.emplace_back(role, manifest.Canonical());
    }
    return OkStatus();
  }
};

Rank::Rank(RankContext context, Assignment assignment, std::vector<std::string> gpus)
    : state_(std::make_unique<State>(std::move(context), std::move(assignment), std::move(gpus))) {
  state_->folder = JoinPath(JoinPath(state_->context.folder, "ranks"),
                            RankFolderName(state_->assignment.key));
  state_->thread = std::thread([this] { state_->Run(); });
}

Rank::~Rank() {
  Drop();
  state_->thread.join();
}

bool Rank::finished() const {
  return state_->finished.load();
}
void Rank::Stop(int64_t deadline_ms) {
  state_->program.Stop(deadline_ms);
}

void Rank::Drop() {
  state_->dropped.Set();
  state_->program.Kill();
}

Status CleanUpRanks(const std::string& worker_folder) {
  const std::string ranks = JoinPath(worker_folder, "ranks");
  BRAID_RETURN_IF_ERROR(MakePrivateFolder(ranks));
  BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolder(ranks));
  for (const std::string& name : names) {
    const std::string folder = JoinPath(ranks, name);
    KillMarked(JoinPath(folder, kMark));
    BRAID_RETURN_IF_ERROR(RemoveTree(folder));
  }
  return OkStatus();
}

}  // namespace braid::worker
