#include "bench/service/process.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "base/json.h"
#include "base/text.h"
#include "braid/v1/admin.grpc.pb.h"
#include "rpc/channel.h"

namespace braid::bench {

double Since(SteadyClock::time_point begin) {
  return std::chrono::duration<double>(SteadyClock::now() - begin).count();
}

void Fail(const std::string& why) {
  std::fprintf(stderr, "service: %s\n", why.c_str());
  std::exit(1);
}

Coordinator::Coordinator(const Settings& settings, bool tls) : settings_(settings), tls_(tls) {
  if (settings.dir.empty()) {
    folder_ = std::make_unique<TemporaryFolder>(TemporaryFolder::Create().value());
    dir_ = folder_->path();
  } else {
    dir_ = settings.dir + "/braid-bench";
    (void)RemoveTree(dir_);
    if (const Status made = MakeFolder(dir_); !made.ok()) Fail(made.message());
  }
  Start();
}

Coordinator::~Coordinator() {
  process_.reset();
  (void)RemoveTree(dir_);
}

void Coordinator::Start() {
  const std::string address = dir_ + "/address.json";
  (void)RemoveFile(address);
  std::vector<std::string> command = {settings_.bin + "/braid-coordinator",
                                      "--dir",
                                      dir_ + "/coordinator",
                                      "--heartbeat-interval-ms",
                                      "5000",
                                      "--address-file",
                                      address};
  if (tls_) command.push_back("--tls");
  process_ = Process::Start({command, {}, dir_ + "/coordinator.log"}).value();
  // A tight loop: the time of the restart is measured by it.
  while (!PathExists(address)) {
    if (process_->Wait(0))
      Fail("the coordinator ended: " + ReadFile(dir_ + "/coordinator.log").value());
    usleep(1000);
  }
  endpoint_ = FindEndpoint({"", address, "", "", "", ""}).value();
  http_ = ReadJsonFile(address).value()["http"];
  channel_ = rpc::MakeChannel(endpoint_);
  const auto admin = v1::Admin::NewStub(channel_);
  v1::ServerInfo info;
  grpc::Status status;
  do {
    grpc::ClientContext context;
    status = admin->GetServerInfo(&context, {}, &info);
  } while (!status.ok());
}

double Coordinator::Restart() {
  const auto begin = SteadyClock::now();
  process_->Signal(SIGKILL);
  (void)process_->Wait(-1);
  Start();
  return Since(begin);
}

namespace {

// The sum of some numbers of a line of /proc, in seconds.
double Ticks(const std::vector<std::string>& fields, size_t begin, size_t end) {
  int64_t ticks = 0;
  for (size_t i = begin; i < end && i < fields.size(); ++i) ticks += std::atoll(fields[i].c_str());
  return static_cast<double>(ticks) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

double Coordinator::Cpu() const {
  const std::string stat = ReadFile("/proc/" + std::to_string(process_->pid()) + "/stat").value();
  return Ticks(Split(stat.substr(stat.rfind(')') + 2), ' '), 11, 13);
}

int64_t Coordinator::Memory() const {
  const std::string statm = ReadFile("/proc/" + std::to_string(process_->pid()) + "/statm").value();
  return std::atoll(Split(statm, ' ')[1].c_str()) * sysconf(_SC_PAGESIZE);
}

// user, nice and system of the first line: "cpu  1 2 3 4 ...".
double CpuOfMachine() {
  const std::string stat = ReadFile("/proc/stat").value();
  return Ticks(Split(stat.substr(0, stat.find('\n')), ' '), 2, 5);
}

double CpuOfThis() {
  rusage usage{};
  (void)getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::string MachineText() {
  const std::string info = ReadFile("/proc/cpuinfo").value();
  std::string cpu = "an unknown processor";
  if (const size_t at = info.find("model name"); at != std::string::npos) {
    const size_t begin = info.find(':', at) + 2;
    cpu = info.substr(begin, info.find('\n', begin) - begin);
  }
  utsname system{};
  (void)uname(&system);
  return cpu + ", " + std::to_string(sysconf(_SC_NPROCESSORS_ONLN)) + " cores, Linux " +
         system.release;
}

}  // namespace braid::bench
