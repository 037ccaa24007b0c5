#include "base/remote_name.h"

#include <algorithm>
#include <array>

#include "base/endpoint.h"
#include "base/excerpt.h"
#include "base/sha256.h"
#include "base/text.h"

namespace braid {
namespace {

constexpr std::string_view kPin = "#sha256=";
// What signed addresses carry: whoever has one may read, and recipes are kept and shown.
constexpr std::array<std::string_view, 6> kSignatures = {
    "x-amz-signature", "x-amz-credential", "x-goog-signature", "signature", "sig", "token"};

bool IsAlpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return lower;
}

Status Wrong(const std::string& text, const std::string& why) {
  return InvalidArgument("\"" + Excerpt(ShownUrl(text)) + "\": " + why);
}

// The parts of a URL behind its scheme.
struct Parts {
  std::string_view authority, path, query;
};

Parts PartsOf(std::string_view url) {
  Parts parts;
  url.remove_prefix(std::min(url.size(), url.find("://") + 3));
  const size_t question = url.find('?');
  if (question != std::string_view::npos) parts.query = url.substr(question + 1);
  url = url.substr(0, question);
  const size_t slash = std::min(url.find('/'), url.size());
  parts.authority = url.substr(0, slash);
  parts.path = url.substr(slash);
  return parts;
}

bool IsSigned(std::string_view query) {
  for (const std::string& item : Split(std::string(query), '&')) {
    const std::string name = Lower(item.substr(0, item.find('=')));
    if (std::find(kSignatures.begin(), kSignatures.end(), name) != kSignatures.end()) return true;
  }
  return false;
}

// Takes the digest off the end of `url`.
Status TakeDigest(const std::string& text, RemoteName* name) {
  const size_t pin = name->url.rfind('#');
  if (pin == std::string::npos) return OkStatus();
  const std::string fragment = name->url.substr(pin);
  if (!fragment.starts_with(kPin) || !IsSha256Hex(fragment.substr(kPin.size())))
    return Wrong(text,
                 "what stands behind # is no digest; expected #sha256= and 64 lower-case "
                 "hex digits, as sha256sum prints them");
  name->sha256 = fragment.substr(kPin.size());
  name->url.resize(pin);
  return OkStatus();
}

Status CheckWeb(const std::string& text, bool plain, const Parts& parts) {
  if (parts.path.size() < 2 || parts.path.ends_with('/'))
    return Wrong(text,
                 "names no file: give the whole address of one, such as "
                 "https://host/dir/part-000.jsonl.zst");
  if (plain && !IsLoopbackHost(HostOf(parts.authority)))
    return Wrong(text, "over http:// everybody on the way can change the text; use https://");
  if (parts.path.find_first_of("*[{") != std::string_view::npos)
    return Wrong(text,
                 "servers of https:// have no lists that a pattern could be compared with; "
                 "name each file, or percent-encode * as %2A, [ as %5B and { as %7B");
  if (IsSigned(parts.query))
    return Wrong(text,
                 "this address is signed, and recipes, which are kept and shown, are no place "
                 "for what opens a door; name the file by s3:// or without the signature, and "
                 "give the workers a key (docs/security.md)");
  return OkStatus();
}

Status CheckBucket(const std::string& text, const Parts& parts, RemoteName* name) {
  name->bucket = parts.authority;
  name->key = parts.path.empty() ? "" : parts.path.substr(1);
  name->query = parts.query;
  name->is_pattern = name->key.find_first_of("*[{") != std::string::npos;
  if (name->key.empty() || name->key.ends_with('/'))
    return Wrong(text,
                 "names no object: give its whole key, or a pattern, such as "
                 "s3://bucket/dir/*.parquet");
  if (name->is_pattern && !name->sha256.empty())
    return Wrong(text, "a digest is of one file, and this is a pattern");
  return OkStatus();
}

}  // namespace

bool IsRemoteName(std::string_view text) {
  const size_t end = text.find("://");
  return end != std::string_view::npos && end > 0 && IsAlpha(text.front()) &&
         std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end), [](char c) {
           return IsAlpha(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
         });
}

Result<RemoteName> ParseRemoteName(const std::string& text) {
  RemoteName name;
  name.url = text;
  BRAID_RETURN_IF_ERROR(TakeDigest(text, &name));
  const std::string scheme = name.url.substr(0, name.url.find("://"));
  name.in_bucket = scheme == "s3";
  if (!name.in_bucket && scheme != "https" && scheme != "http")
    return Wrong(text, "files are read from paths, https:// and s3://, and from nothing else");
  const Parts parts = PartsOf(name.url);
  const auto odd = [](char c) { return c <= ' ' || c == '\x7f' || c == '\\'; };
  if (parts.authority.empty()) return Wrong(text, "names no host");
  if (parts.authority.find('@') != std::string_view::npos)
    return Wrong(text,
                 "a login does not belong into a recipe, which is kept and shown; give it to "
                 "the workers (docs/security.md)");
  if (std::any_of(parts.authority.begin(), parts.authority.end(), odd) ||
      (!name.in_bucket && std::any_of(name.url.begin(), name.url.end(), odd)))
    return Wrong(text, "has a space, a backslash or a control character; percent-encode it (%20)");
  BRAID_RETURN_IF_ERROR(name.in_bucket ? CheckBucket(text, parts, &name)
                                       : CheckWeb(text, scheme == "http", parts));
  return name;
}

std::string ShownUrl(std::string_view url) {
  std::string shown(url.substr(0, url.find('?')));
  const size_t begin = shown.find("://");
  const size_t at = shown.find('@');
  if (begin != std::string::npos && at != std::string::npos && at < shown.find('/', begin + 3))
    shown.replace(begin + 3, at - begin - 3, "...");
  return shown;
}

std::string FileNameOfUrl(std::string_view url) {
  const bool in_bucket = url.starts_with("s3://");
  url = url.substr(0, url.find('?'));
  const std::string_view last = url.substr(url.rfind('/') + 1);
  if (in_bucket) return std::string(last);  // keys are written as they are
  std::string name;
  const auto digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
  };
  for (size_t i = 0; i < last.size(); ++i) {
    if (last[i] == '%' && i + 2 < last.size() && digit(last[i + 1]) >= 0 &&
        digit(last[i + 2]) >= 0) {
      name += static_cast<char>(digit(last[i + 1]) * 16 + digit(last[i + 2]));
      i += 2;
    } else {
      name += last[i];
    }
  }
  // It becomes the name of a file.
  std::replace(name.begin(), name.end(), '/', '_');
  std::replace(name.begin(), name.end(), '\0', '_');
  return name;
}

}  // namespace braid
