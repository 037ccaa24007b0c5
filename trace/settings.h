// Where spans go, from the environment variables that OpenTelemetry has standardised
// (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/).
// docs/traces.md lists those that are heeded.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "trace/sampler.h"

namespace braid::trace {

struct Settings {
  // The address to which spans are posted; empty: no spans are made, and nothing is sent.
  std::string url;
  // Of each request, such as a collector's credentials. They are never shown.
  std::vector<std::pair<std::string, std::string>> headers;
  // A file with the authority of the collector's certificate; empty: the system's.
  std::string ca_file;
  // The longest time for one request.
  int64_t timeout_ms = 10'000;
  // What is said of the process that sends: service.name and others.
  std::map<std::string, std::string> resource;
  Sampler sampler;
  // Spans that wait are sent when there are so many, or after so long; beyond `queue` of them, new
  // ones are dropped.
  size_t batch = 512;
  size_t queue = 2048;
  int64_t delay_ms = 5'000;
  // How long the end of the program may wait for the last of them.
  int64_t flush_ms = 2'000;
  // Variables that were not heeded, and why, for a log; the program does its work all the same.
  std::vector<std::string> warnings;
};

// What is said of this process beside its name: version, host, process id, and `instance`, which is
// its name among others of the same service; empty: it has none.
std::map<std::string, std::string> ProcessResource(const std::string& instance);

// The value of an environment variable; empty if it is not set.
using Environment = std::function<std::string(const char*)>;

// `service` is the name of this program where OTEL_SERVICE_NAME says nothing else; `resource`, what
// else is known of it. A value that makes no sense is a warning, and as if it were not set: traces
// are not worth a program that does not start.
Settings ReadSettings(const Environment& environment, const std::string& service,
                      const std::map<std::string, std::string>& resource);
// The same, of this process.
Settings ReadSettings(const std::string& service,
                      const std::map<std::string, std::string>& resource);

}  // namespace braid::trace
