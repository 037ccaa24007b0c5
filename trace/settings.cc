#include "trace/settings.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>

#include "base/host.h"
#include "base/text.h"
#include "base/version.h"

namespace braid::trace {
namespace {

constexpr std::string_view kExporter = "OTEL_EXPORTER_OTLP_";

// OTEL_EXPORTER_OTLP_TRACES_x goes before OTEL_EXPORTER_OTLP_x.
struct Variable {
  std::string name, value;
  bool of_traces = false;
};
Variable ExporterVariable(const Environment& environment, const std::string& name) {
  const std::string own = std::string(kExporter) + "TRACES_" + name;
  if (std::string value = environment(own.c_str()); !value.empty()) return {own, value, true};
  const std::string all = std::string(kExporter) + name;
  return {all, environment(all.c_str()), false};
}

int Digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const int letter = std::tolower(static_cast<unsigned char>(c)) - 'a';
  return letter >= 0 && letter < 6 ? letter + 10 : -1;
}

// "%20" as a blank; a percent sign that begins no byte stays what it is.
std::string PercentDecoded(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && i + 2 < text.size() && Digit(text[i + 1]) >= 0 &&
                        Digit(text[i + 2]) >= 0;
    decoded += escape ? static_cast<char>(Digit(text[i + 1]) * 16 + Digit(text[i + 2])) : text[i];
    if (escape) i += 2;
  }
  return decoded;
}

// "key=value,key=value". The values may be secrets, so a warning shows none of them.
std::vector<std::pair<std::string, std::string>> PairsOf(const Variable& variable,
                                                         Settings* settings) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const std::string& item : Split(variable.value, ',')) {
    if (Trim(item).empty()) continue;
    const size_t equals = item.find('=');
    std::string key(Trim(std::string_view(item).substr(0, equals)));
    if (equals == std::string::npos || key.empty()) {
      settings->warnings.push_back(variable.name +
                                   ": an entry is not key=value (entries are separated by commas, "
                                   "a comma within a value is %2C); it is left out");
      continue;
    }
    std::string value = PercentDecoded(Trim(std::string_view(item).substr(equals + 1)));
    if (value.find_first_of("\r\n") != std::string::npos) {
      settings->warnings.push_back(variable.name + ": the value of " + key +
                                   " has a line break; it is left out");
      continue;
    }
    pairs.emplace_back(std::move(key), std::move(value));
  }
  return pairs;
}

bool IsTrue(std::string value) {
  std::transform(value.begin(), value.end(), value.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return value == "true";
}

template <typename Number>
void ReadNumber(const Variable& variable, int64_t least, Number* into, Settings* settings) {
  if (variable.value.empty()) return;
  const Result<int64_t> read = ParseInt(variable.value);
  constexpr int64_t kMost = 3'600'000;
  if (read.ok() && *read >= least && *read <= kMost) {
    *into = static_cast<Number>(*read);
    return;
  }
  settings->warnings.push_back(variable.name + "=" + variable.value +
                               ": it must be a whole number from " + std::to_string(least) +
                               " to " + std::to_string(kMost) + "; it is not heeded");
}

// The address for traces: a variable for all signals names what is in front of v1/traces.
std::string UrlOf(const Environment& environment, Settings* settings) {
  const Variable endpoint = ExporterVariable(environment, "ENDPOINT");
  std::string url(Trim(endpoint.value));
  if (url.empty()) return "";
  if (!url.starts_with("http://") && !url.starts_with("https://")) {
    settings->warnings.push_back(endpoint.name + "=" + url +
                                 ": it must begin with http:// or https://; no traces are sent");
    return "";
  }
  const Variable protocol = ExporterVariable(environment, "PROTOCOL");
  if (protocol.value == "grpc") {
    settings->warnings.push_back(
        protocol.name +
        "=grpc: braid sends traces over HTTP; set it to http/json, and the endpoint to the "
        "collector's port for HTTP, which is mostly 4318; no traces are sent");
    return "";
  }
  if (endpoint.of_traces) return url;
  while (url.ends_with('/')) url.pop_back();
  return url + "/v1/traces";
}

// Whether the variables switch traces off.
bool SwitchedOff(const Environment& environment, Settings* settings) {
  if (IsTrue(environment("OTEL_SDK_DISABLED"))) return true;
  const std::string exporter = environment("OTEL_TRACES_EXPORTER");
  if (exporter == "none") return true;
  if (exporter.empty() || exporter == "otlp") return false;
  settings->warnings.push_back("OTEL_TRACES_EXPORTER=" + exporter +
                               ": braid knows otlp and none; traces are sent by otlp");
  return false;
}

}  // namespace

std::map<std::string, std::string> ProcessResource(const std::string& instance) {
  std::map<std::string, std::string> resource = {{"service.version", kVersion},
                                                 {"host.name", HostName()},
                                                 {"process.pid", std::to_string(getpid())}};
  if (!instance.empty()) resource["service.instance.id"] = instance;
  return resource;
}

Settings ReadSettings(const Environment& environment, const std::string& service,
                      const std::map<std::string, std::string>& resource) {
  Settings settings;
  settings.resource = resource;
  settings.resource["service.name"] = service;
  Result<Sampler> sampler = ParseSampler(environment("OTEL_TRACES_SAMPLER"),
                                         environment("OTEL_TRACES_SAMPLER_ARG"));
  if (sampler.ok()) settings.sampler = *sampler;
  if (!sampler.ok())
    settings.warnings.push_back(sampler.status().message() + "; all traces are recorded");
  if (SwitchedOff(environment, &settings)) return settings;
  settings.url = UrlOf(environment, &settings);
  if (settings.url.empty()) return settings;
  settings.headers = PairsOf(ExporterVariable(environment, "HEADERS"), &settings);
  settings.ca_file = ExporterVariable(environment, "CERTIFICATE").value;
  const Variable attributes{"OTEL_RESOURCE_ATTRIBUTES", environment("OTEL_RESOURCE_ATTRIBUTES")};
  for (auto& [key, value] : PairsOf(attributes, &settings)) settings.resource[key] = value;
  if (std::string name = environment("OTEL_SERVICE_NAME"); !name.empty())
    settings.resource["service.name"] = std::move(name);
  ReadNumber(ExporterVariable(environment, "TIMEOUT"), 1, &settings.timeout_ms, &settings);
  const auto of_batches = [&](const char* name) { return Variable{name, environment(name)}; };
  ReadNumber(of_batches("OTEL_BSP_SCHEDULE_DELAY"), 1, &settings.delay_ms, &settings);
  ReadNumber(of_batches("OTEL_BSP_MAX_QUEUE_SIZE"), 1, &settings.queue, &settings);
  ReadNumber(of_batches("OTEL_BSP_MAX_EXPORT_BATCH_SIZE"), 1, &settings.batch, &settings);
  settings.batch = std::min(settings.batch, settings.queue);
  return settings;
}

Settings ReadSettings(const std::string& service,
                      const std::map<std::string, std::string>& resource) {
  return ReadSettings(
      [](const char* name) {
        const char* value = std::getenv(name);
        return std::string(value == nullptr ? "" : value);
      },
      service, resource);
}

}  // namespace braid::trace
