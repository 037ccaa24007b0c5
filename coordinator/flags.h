// The options of braid-coordinator.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "coordinator/access/rates.h"

namespace braid::coordinator {

// What the command line says; `--help` has the meaning of each.
struct Flags {
  std::string dir;
  std::vector<std::string> http_hosts;
  std::string listen = "127.0.0.1:0";
  std::string http = "127.0.0.1:0";
  bool http_tls = false;
  std::string http_certificate, http_key;
  int http_strict_days = 180;
  std::string address_file;
  bool tls = false;
  std::vector<std::string> tls_names;
  std::string tls_certificate, tls_key;
  int64_t worker_certificate_s = int64_t{90} * 86'400;
  std::string site = "local";
  int64_t heartbeat_interval_ms = 2000;
  int64_t ttl_ms = 15'000;
  int64_t grace_ms = 900'000;
  int64_t recovery_ms = 60'000;
  int64_t gang_patience_ms = 30'000;
  int64_t quarantine_after = 3;
  bool preempt = false;
  int64_t preempt_grace_ms = 600'000;
  std::string log_format = "text";
  std::string alerts;  // the file of channels; empty: nobody is told
  std::string quotas;  // the file of quotas; empty: there are none
  std::string keep_checkpoints = "3";
  int64_t keep_events_days = 90;
  int64_t keep_audit_days = 365;
  RateLimits rates;
  std::string blobs;  // the bucket of blobs; empty: the coordinator's folder has them
  std::string blobs_cache = "20GB";
  int64_t gc_grace_ms = 900'000;
  int64_t gc_interval_ms = 300'000;
};

// Adds the options to `app`, which fill `flags` when it parses. `flags` outlives it.
void AddOptions(CLI::App* app, Flags* flags);

// Checks combinations of options, which the checks of single options cannot. kInvalidArgument, with
// what to do.
Status CheckFlags(const Flags& flags);

// Whether gRPC speaks TLS: wherever it can be reached from other machines, and where it is asked
// for.
bool WantsTls(const Flags& flags);
// The same of HTTP.
bool WantsHttps(const Flags& flags);

// Where workers of other machines reach this server, as far as is known here: by the first name
// that was given, else by the address, else by one of this machine's.
std::string JoinHost(const Flags& flags);

}  // namespace braid::coordinator
