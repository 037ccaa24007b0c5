#include "coordinator/flags.h"

#include "base/endpoint.h"
#include "base/text.h"
#include "coordinator/services/server.h"
#include "rpc/tls/authority.h"

namespace braid::coordinator {
namespace {

// Where it listens, and what it calls itself there.
void AddAddresses(CLI::App* app, Flags* flags) {
  app->add_option("--dir", flags->dir, "Folder of the catalog, blobs and logs; made if missing")
      ->required();
  app->add_option("--listen", flags->listen,
                  "gRPC address; port 0 takes a free one. Anywhere but on loopback it speaks TLS, "
                  "with certificates that are made in DIR/tls")
      ->capture_default_str();
  app->add_flag("--tls", flags->tls, "speak TLS on loopback, too");
  app->add_option(
      "--tls-name", flags->tls_names,
      "a name or address by which clients reach this coordinator, besides those of this "
      "machine; may be repeated");
  app->add_option("--tls-cert", flags->tls_certificate,
                  "PEM file of a certificate of yours and those of its issuers; read again when it "
                  "changes");
  app->add_option("--tls-key", flags->tls_key, "PEM file of its key");
  app->add_option(
         "--http", flags->http,
         "Address of the dashboard, the JSON API, /metrics and /healthz. Anywhere but on "
         "loopback it speaks HTTPS, with the certificate of --listen or that of --http-cert")
      ->capture_default_str();
  app->add_flag("--http-tls", flags->http_tls, "speak HTTPS on loopback, too");
  app->add_option("--http-cert", flags->http_certificate,
                  "PEM file of a certificate of yours for HTTPS, and those of its issuers; read "
                  "again when it changes");
  app->add_option("--http-key", flags->http_key, "PEM file of its key");
  app->add_option(
         "--http-strict-days", flags->http_strict_days,
         "for how long a browser that came by HTTPS uses nothing else for that name of this "
         "machine, on any port (HSTS); 0: not at all, and whoever did forgets it")
      ->check(CLI::Range(0, 730))
      ->capture_default_str();
  app->add_option(
      "--http-host", flags->http_hosts,
      "A name that HTTP requests may call this machine by, besides localhost, the "
      "address of --http and, with HTTPS, the names of the certificate; may be repeated");
  app->add_option("--address-file", flags->address_file,
                  "Written with both addresses and the token's file as JSON when ready");
  app->add_option("--alerts", flags->alerts,
                  "YAML file that says who is told when runs fail or end, workers are lost or the "
                  "disk is nearly full (docs/alerts.md)");
}

// Options about workers: certificates, heartbeats, and the time for which a silent worker is waited
// for.
void AddWorkers(CLI::App* app, Flags* flags) {
  app->add_option("--worker-certificate-s", flags->worker_certificate_s,
                  "How long the certificate of a worker is good; the worker renews it in time")
      ->check(CLI::Range(5, 10 * 365 * 86'400))
      ->capture_default_str();
  app->add_option("--log-format", flags->log_format,
                  "text, or json: one object a line, with run, job, attempt and trace "
                  "(BRAID_LOG_FORMAT)")
      ->envname("BRAID_LOG_FORMAT")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  app->add_option("--site", flags->site, "Site of this coordinator; workers of it are soon missed")
      ->capture_default_str();
  app->add_option("--heartbeat-interval-ms,--beat-ms", flags->heartbeat_interval_ms,
                  "How often workers say something")
      ->check(CLI::Range(100, 60'000))
      ->capture_default_str();
  app->add_option("--ttl-ms", flags->ttl_ms, "Silence after which a worker is disconnected")
      ->check(CLI::Range(500, 600'000))
      ->capture_default_str();
  app->add_option("--gang-patience-ms", flags->gang_patience_ms,
                  "How long a gang may make no step while one of its ranks is out of reach, until "
                  "all of its ranks are stopped")
      ->check(CLI::Range(500, 86'400'000))
      ->capture_default_str();
  app->add_option("--quarantine-after", flags->quarantine_after,
                  "After how many jobs in a row that failed on a worker through no fault of their "
                  "own it gets no new ones for a time; 0: never")
      ->check(CLI::Range(0, 10))
      ->capture_default_str();
  app->add_flag("--preempt", flags->preempt,
                "stop running trainings and evaluations, with a checkpoint, for jobs of runs of a "
                "higher priority that find no free slots");
  app->add_option("--preempt-grace-ms", flags->preempt_grace_ms,
                  "How long one that is stopped for such a job may take to write its checkpoint, "
                  "until it is killed")
      ->check(CLI::Range(0, 86'400'000))
      ->capture_default_str();
  app->add_option("--grace-ms", flags->grace_ms,
                  "How long a disconnected worker of another site keeps its jobs")
      ->check(CLI::Range(0, 86'400'000))
      ->capture_default_str();
  app->add_option(
         "--recovery-ms", flags->recovery_ms,
         "How long after its start no worker counts as lost, so that workers can come back "
         "first")
      ->check(CLI::Range(0, 86'400'000))
      ->capture_default_str();
}

// Options about retention, quotas and rates.
void AddLimits(CLI::App* app, Flags* flags) {
  app->add_option("--quotas", flags->quotas,
                  "YAML file that says how many jobs and bytes each user and site may have; read "
                  "again when it changes (docs/operating.md)");
  app->add_option("--keep-checkpoints", flags->keep_checkpoints,
                  "How many of its newest checkpoints a training keeps until it has succeeded, or "
                  "all, if its recipe does not say")
      ->check(CLI::IsMember({"all"}) | CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app->add_option("--keep-events-days", flags->keep_events_days,
                  "Events of ended runs that are older are deleted; 0: never")
      ->check(CLI::Range(0, 36'500))
      ->capture_default_str();
  app->add_option(
         "--calls-per-second", flags->rates.people,
         "How often one person may call, on average; ten seconds' worth at once. The owner "
         "of the coordinator may as often as it can. 0: no limit")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  app->add_option("--open-calls", flags->rates.open,
                  "How many calls of one person, such as followed logs, may be open at the same "
                  "time. 0: any number")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  app->add_option("--worker-calls-per-second", flags->rates.workers,
                  "The same of one worker that has an identity of its own")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  app->add_option("--keep-audit-days", flags->keep_audit_days,
                  "Rows of the audit (braid audit) that are older are deleted; 0: never")
      ->check(CLI::Range(0, 36'500))
      ->capture_default_str();
  app->add_option(
      "--blobs", flags->blobs,
      "Bucket that keeps the files of artifacts: s3://bucket/prefix, with "
      "?endpoint=https://host:port if it is not of AWS, and &direct=no if workers are "
      "not to read from it or write to it; its keys are where the tools of AWS look for them "
      "(docs/deploy.md)");
  app->add_option("--blobs-cache", flags->blobs_cache,
                  "How much of what is in the bucket stays on this disk, too, such as 20GB")
      ->capture_default_str();
  app->add_option("--gc-grace-ms", flags->gc_grace_ms,
                  "How long a blob that nothing needs stays in the store")
      ->check(CLI::Range(0, 86'400'000))
      ->capture_default_str();
  app->add_option("--gc-interval-ms", flags->gc_interval_ms,
                  "How often what nothing needs is deleted; 0: only by braid gc")
      ->check(CLI::Range(0, 86'400'000))
      ->capture_default_str();
}

}  // namespace

void AddOptions(CLI::App* app, Flags* flags) {
  AddAddresses(app, flags);
  AddWorkers(app, flags);
  AddLimits(app, flags);
}

Status CheckFlags(const Flags& flags) {
  if (flags.listen.rfind(':') == std::string::npos)
    return InvalidArgument("--listen " + flags.listen + " has no port: " + flags.listen +
                           ":0 takes a free one");
  if (flags.tls_certificate.empty() != flags.tls_key.empty())
    return InvalidArgument("--tls-cert and --tls-key belong together: give both or none");
  if (flags.http_certificate.empty() != flags.http_key.empty())
    return InvalidArgument("--http-cert and --http-key belong together: give both or none");
  if (!flags.tls_certificate.empty() && !flags.tls_names.empty())
    return InvalidArgument(
        "--tls-name is for the certificate that the coordinator makes itself; "
        "--tls-cert has its names already");
  if (const auto cache = ParseBytes(flags.blobs_cache); !cache.ok())
    return cache.status().Wrap("--blobs-cache");
  if (flags.http.rfind(':') == std::string::npos)
    return InvalidArgument("--http " + flags.http + " has no port: " + flags.http +
                           ":0 takes a free one");
  return OkStatus();
}

bool WantsTls(const Flags& flags) {
  return flags.tls || !flags.tls_names.empty() || !flags.tls_certificate.empty() ||
         !IsLoopbackHost(HostOf(flags.listen));
}

bool WantsHttps(const Flags& flags) {
  return flags.http_tls || !flags.http_certificate.empty() || !IsLoopbackHost(HostOf(flags.http));
}

std::string JoinHost(const Flags& flags) {
  const std::string host(HostOf(flags.listen));
  if (!flags.tls_names.empty()) return flags.tls_names.front();
  if (host != "0.0.0.0" && host != "[::]") return host;
  for (const std::string& name : rpc::ServerNames(flags.listen, {})) {
    if (name.find_first_not_of("0123456789.") == std::string::npos && !IsLoopbackHost(name))
      return name;
  }
  return "127.0.0.1";
}

}  // namespace braid::coordinator
