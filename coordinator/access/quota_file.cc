#include "coordinator/access/quota_file.h"

#include <sys/stat.h>

#include <utility>

#include "base/excerpt.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "recipe/parse/yaml_reader.h"
#include "spec/recipe.h"

namespace braid::coordinator {
namespace {

using recipe::YamlErrors;
using recipe::YamlMap;
using scheduler::kNoLimit;
using scheduler::QuotaLimits;
using scheduler::Quotas;

// Limits against a wrong file and against mistyped numbers.
constexpr uint64_t kMaxQuotaBytes = 4 << 20;
constexpr int64_t kMostJobs = 1'000'000'000;
constexpr char kNone[] = "none";

// "500GB" -> 500'000'000'000.
int64_t BytesIn(YamlMap& map, const std::string& key, int64_t otherwise) {
  const std::string text = map.String(key, "");
  if (text.empty()) return otherwise;
  if (text == kNone) return kNoLimit;
  const Result<int64_t> bytes = ParseBytes(text);
  if (bytes.ok()) return *bytes;
  map.Fail(key, "expected a size such as 500GB or 2TiB, or none, found \"" + Excerpt(text) + "\"");
  return otherwise;
}

int64_t JobsIn(YamlMap& map, const std::string& key, int64_t otherwise) {
  if (map.Has(key) && map.String(key, "") == kNone) return kNoLimit;
  return map.Int(key, otherwise, 0, kMostJobs);
}

std::optional<int64_t> PriorityIn(YamlMap& map, const std::string& key,
                                  std::optional<int64_t> otherwise) {
  if (!map.Has(key)) return otherwise;
  if (map.String(key, "") == kNone) return std::nullopt;
  return map.Int(key, 0, -spec::kMaxPriority, spec::kMaxPriority);
}

// Whose limits are read: a site has no priority.
enum class Whose { kUser, kSite };

// Absent limits are those of `otherwise`.
QuotaLimits LimitsIn(YamlMap& map, Whose whose, const QuotaLimits& otherwise) {
  QuotaLimits limits{BytesIn(map, "artifact_bytes", otherwise.artifact_bytes),
                     JobsIn(map, "jobs", otherwise.jobs)};
  if (whose == Whose::kUser) limits.priority = PriorityIn(map, "priority", otherwise.priority);
  return limits;
}

QuotaLimits EachIn(YamlMap& map, const std::string& key, Whose whose) {
  YamlMap section(map.Node(key), map.PathOf(key), map.errors());
  return LimitsIn(section, whose, {});
}

std::map<std::string, QuotaLimits> NamedIn(YamlMap& map, const std::string& key, Whose whose,
                                           const QuotaLimits& each) {
  std::map<std::string, QuotaLimits> named;
  const YAML::Node node = map.Node(key);
  YamlMap section(node, map.PathOf(key), map.errors());
  if (!node.IsDefined() || !node.IsMap()) return named;
  for (const auto& entry : node) {
    const std::string name = entry.first.Scalar();
    YamlMap limits(section.Node(name), section.PathOf(name), map.errors());
    named[name] = LimitsIn(limits, whose, each);
  }
  return named;
}

Quotas QuotasIn(const YAML::Node& document, YamlErrors& errors) {
  YamlMap map(document, "", errors);
  Quotas quotas;
  quotas.each_user = EachIn(map, "each_user", Whose::kUser);
  quotas.users = NamedIn(map, "users", Whose::kUser, quotas.each_user);
  quotas.each_site = EachIn(map, "each_site", Whose::kSite);
  quotas.sites = NamedIn(map, "sites", Whose::kSite, quotas.each_site);
  return quotas;
}

}  // namespace

Result<Quotas> ParseQuotas(std::string_view text, const std::string& name) {
  YamlErrors errors(name);
  Quotas quotas;
  if (errors.CheckUtf8(text)) {
    try {
      const YAML::Node document = YAML::Load(std::string(text));
      if (document.IsNull()) {
        errors.Fail(YAML::Mark(), "says nothing; write {} for no quotas");
      } else if (!document.IsMap()) {
        errors.Fail(YAML::Mark(),
                    "expected a mapping with each_user, users, each_site and sites; "
                    "docs/operating.md describes it");
      } else {
        quotas = QuotasIn(document, errors);
      }
    } catch (const YAML::Exception& error) {
      errors.Fail(error);
    }
  }
  if (!errors.ok()) return InvalidArgument(errors.status().message());
  return quotas;
}

QuotaFile::News QuotaFile::Look(QuotaTable* table, Status* why) {
  struct stat info{};
  std::tuple<uint64_t, uint64_t, int64_t, int64_t, int64_t> now{};
  if (stat(path_.c_str(), &info) == 0)
    now = {info.st_dev, info.st_ino, info.st_size,
           info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec,
           info.st_ctim.tv_sec * 1'000'000'000 + info.st_ctim.tv_nsec};
  if (std::exchange(looked_, true) && now == seen_) return News::kNone;
  seen_ = now;
  const Result<std::string> text = ReadFile(path_, kMaxQuotaBytes);
  Result<Quotas> quotas = text.ok() ? ParseQuotas(*text, path_) : text.status();
  if (!quotas.ok()) {
    *why = quotas.status();
    return News::kRefused;
  }
  table->Put(std::move(*quotas));
  return News::kRead;
}

void QuotaFile::Tend(QuotaTable* table, Core* core) {
  if (path_.empty()) return;
  Status why;
  const News news = Look(table, &why);
  if (news == News::kNone) return;
  const bool read = news == News::kRead;
  const std::string text = read ? path_ + " has changed, and its quotas are in force"
                                : "the quotas stay as they were: " + why.message();
  Log(read ? LogLevel::kInfo : LogLevel::kError, "coordinator", text);
  (void)core->Do([&](Transaction& tx) {
    tx.Add(catalog::ServerReported{read ? "quotas_read" : "quotas_refused", text});
    return OkStatus();
  });
}

}  // namespace braid::coordinator
