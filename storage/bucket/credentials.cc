#include "storage/bucket/credentials.h"

#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "storage/bucket/machine_keys.h"

namespace braid::storage {
namespace {

constexpr uint64_t kMaxFileBytes = 1 << 20;

struct Profile {
  bool found = false;
  AccessKey key;
};

// The lines of one section of an INI file, as the tools of AWS write it.
Profile ProfileIn(const std::string& text, const std::string& name) {
  Profile profile;
  bool inside = false;
  for (const std::string& raw : Split(text, '\n')) {
    const std::string line(Trim(raw));
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      inside = line == "[" + name + "]";
      profile.found = profile.found || inside;
      continue;
    }
    const size_t equals = line.find('=');
    if (!inside || equals == std::string::npos) continue;
    const std::string field(Trim(line.substr(0, equals)));
    const std::string value(Trim(line.substr(equals + 1)));
    if (field == "aws_access_key_id") profile.key.id = value;
    if (field == "aws_secret_access_key") profile.key.secret = value;
    if (field == "aws_session_token") profile.key.session = value;
  }
  return profile;
}

// What a place has that was looked at: a key, or nothing, and why. An error is neither.
struct Found {
  AccessKey key;        // without an id: there is none
  std::string nothing;  // what was looked for
};

Result<Found> KeyOfVariables(const Variables& variables) {
  const AccessKey key{variables("AWS_ACCESS_KEY_ID"), variables("AWS_SECRET_ACCESS_KEY"),
                      variables("AWS_SESSION_TOKEN")};
  if (key.id.empty() != key.secret.empty())
    return FailedPrecondition(
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY belong together: set both or none");
  return Found{key, ""};
}

Result<Found> KeyOfFile(const Variables& variables) {
  std::string path = variables("AWS_SHARED_CREDENTIALS_FILE");
  if (path.empty()) path = JoinPath(variables("HOME"), ".aws/credentials");
  const std::string named = variables("AWS_PROFILE");
  const std::string name = named.empty() ? "default" : named;
  struct stat info{};
  if (stat(path.c_str(), &info) != 0) {
    const std::string none =
        "there is no key for the bucket: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write "
        "them to " +
        path + " (profile " + name + ")";
    if (!named.empty() || !variables("AWS_SHARED_CREDENTIALS_FILE").empty())
      return FailedPrecondition(none);
    return Found{{}, none};
  }
  if ((info.st_mode & 0077) != 0)
    return PermissionDenied(path + " holds keys and may be read by others: chmod 600 " + path);
  BRAID_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxFileBytes));
  const Profile profile = ProfileIn(text, name);
  if (!profile.found) {
    const std::string none = path + " has no profile [" + name +
                             "]: add it, or name another with AWS_PROFILE";
    if (!named.empty()) return FailedPrecondition(none);
    return Found{{}, "there is no key for the bucket: " + none};
  }
  if (profile.key.id.empty() || profile.key.secret.empty())
    return FailedPrecondition(path + ": profile [" + name +
                              "] needs aws_access_key_id and aws_secret_access_key");
  return Found{profile.key, ""};
}

}  // namespace

Result<AccessKey> FindAccessKey(const Variables& variables) {
  BRAID_ASSIGN_OR_RETURN(const Found said, KeyOfVariables(variables));
  if (!said.key.id.empty()) return said.key;
  BRAID_ASSIGN_OR_RETURN(const Found file, KeyOfFile(variables));
  if (!file.key.id.empty()) return file.key;
  return FailedPrecondition(file.nothing);
}

Result<AccessKey> FindAnyKey(const Variables& variables, const std::string& region,
                             const std::function<bool()>& stopped) {
  BRAID_ASSIGN_OR_RETURN(const Found said, KeyOfVariables(variables));
  if (!said.key.id.empty()) return said.key;
  const Result<AccessKey> role = WebIdentityKey(variables, region, stopped);
  if (role.status().code() != StatusCode::kNotFound) return role;
  BRAID_ASSIGN_OR_RETURN(const Found file, KeyOfFile(variables));
  if (!file.key.id.empty()) return file.key;
  const Result<AccessKey> container = ContainerKey(variables, stopped);
  if (container.status().code() != StatusCode::kNotFound) return container;
  const Result<AccessKey> instance = InstanceKey(variables, stopped);
  if (instance.status().code() != StatusCode::kNotFound) return instance;
  return FailedPrecondition(file.nothing +
                            "; this machine gives none either: " + role.status().message() + "; " +
                            container.status().message() + "; " + instance.status().message());
}

}  // namespace braid::storage
