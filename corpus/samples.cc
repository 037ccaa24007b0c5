#include "corpus/samples.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <utility>
#include <vector>

#include "base/excerpt.h"
#include "base/file.h"
#include "base/text.h"
#include "base/utf8.h"
#include "corpus/chat.h"
#include "corpus/field_path.h"
#include "corpus/field_values.h"
#include "corpus/row.h"
#include "corpus/tar_reader.h"

namespace braid::corpus {
namespace {

constexpr uint64_t kMostMember = uint64_t{256} << 20;
constexpr size_t kShownExtensions = 12;
constexpr size_t kShownMember = 40;
// Of a sample: more names of members are not kept.
constexpr size_t kMostNames = 1000;
// From which the size of a file is estimated.
constexpr int64_t kSampledSamples = 200;
constexpr double kSampledText = 4e6;
constexpr uint64_t kSampledBytes = uint64_t{64} << 20;
constexpr size_t kSampledFiles = 8;
// Of members that are looked at to find out which is the text.
constexpr uint64_t kLookedAt = uint64_t{1} << 20;

// The members of one sample that were asked for, or why one of them cannot be read.
struct Sample {
  std::string key;
  // All, in their order.
  std::vector<std::string> extensions;
  std::map<std::string, Result<std::string>> members;
  // Of the members that were read.
  uint64_t bytes = 0;
};

// Whether a member is read, of this extension and size.
using Wanted = std::function<bool(const std::string&, uint64_t)>;

Status Add(TarReader& reader, const TarReader::Member& member, const std::string& extension,
           const Wanted& wanted, Sample* sample) {
  if (sample->extensions.size() < kMostNames) sample->extensions.push_back(extension);
  if (!wanted(extension, member.size)) return OkStatus();
  const bool twice = sample->members.contains(extension);
  if (!twice && sample->members.size() >= kMostNames) return OkStatus();
  if (twice || member.size > kMostMember - std::min(kMostMember, sample->bytes)) {
    sample->members.insert_or_assign(
        extension, InvalidArgument("member \"" + Excerpt(extension, kShownMember) +
                                   (twice ? "\" appears twice" : "\": a document above 256 MiB")));
    return OkStatus();
  }
  BRAID_ASSIGN_OR_RETURN(std::string text, reader.Read());
  sample->bytes += text.size();
  sample->members.insert_or_assign(extension, std::move(text));
  return OkStatus();
}

// Calls `use` with each sample of an archive.
Status ForEachSample(const CorpusFile& file, TarReader& reader, const Wanted& wanted,
                     const std::function<Status(const Sample&)>& use) {
  Sample sample;
  std::string other;
  int64_t others = 0;
  while (true) {
    BRAID_ASSIGN_OR_RETURN(const std::optional<TarReader::Member> member, reader.Next());
    if (!member) break;
    const std::optional<SampleName> name = SampleNameOf(member->name);
    if (!name) {
      if (others++ == 0) other = member->name;
      continue;
    }
    if (!sample.extensions.empty() && name->key != sample.key) {
      BRAID_RETURN_IF_ERROR(use(sample));
      sample = {};
    }
    sample.key = name->key;
    BRAID_RETURN_IF_ERROR(Add(reader, *member, name->extension, wanted, &sample));
  }
  if (!sample.extensions.empty()) return use(sample);
  if (others == 0) return OkStatus();
  return InvalidArgument(
      Format("%s: none of the %lld files in this tar archive has a name with an "
             "extension, as samples of WebDataset have (the first is %s)",
             file.name.c_str(), (long long)others, Excerpt(other, kShownMember).c_str()));
}

// Makes documents of samples.
class SampleReader {
 public:
  SampleReader(const CorpusSpec& spec, int64_t id_limit) : spec_(spec), id_limit_(id_limit) {
    if (spec.chat) chat_.emplace(*spec.chat, spec.name);
    names_ = spec.join;
    if (spec.chat && spec.chat->field.empty()) names_ = {"json.messages", "json.conversations"};
    if (spec.chat && !spec.chat->field.empty()) names_ = {spec.chat->field};
    if (!spec.input_ids.empty()) names_ = {spec.input_ids};
    if (names_.empty()) names_ = {spec.text.empty() ? "txt" : spec.text};
    for (const std::string& name : names_) paths_.emplace_back(name);
  }

  bool Wants(const std::string& extension) const {
    for (size_t i = 0; i < names_.size(); ++i) {
      if (extension == names_[i] || (Nested(i) && extension == paths_[i].front())) return true;
    }
    return false;
  }

  Result<Document> Read(const Sample& sample, const std::string& place) const {
    Document document;
    if (chat_ || !spec_.input_ids.empty()) {
      size_t field = 0;
      Result<Json> value = Value(sample, field, place);
      // Of a chat without a field, the other one may be there.
      if (!value.ok() && names_.size() > 1 && Value(sample, 1, place).ok())
        value = Value(sample, field = 1, place);
      if (!value.ok()) return value.status();
      if (chat_) return chat_->Write(*value, place, names_[field]);
      BRAID_ASSIGN_OR_RETURN(document.ids, IdsOfValue(*value, place, names_[0], id_limit_));
      return document;
    }
    for (size_t i = 0; i < names_.size(); ++i) {
      BRAID_ASSIGN_OR_RETURN(const std::string text, Text(sample, i, place));
      if (document.text.size() + text.size() > kMostMember)
        return InvalidArgument(place + ": a document above 256 MiB");
      document.text += (i > 0 ? spec_.joiner : "") + text;
    }
    return document;
  }

 private:
  bool Nested(size_t i) const { return paths_[i].steps().size() > 1; }

  // The member in which a field stands: of the very name, or that in whose JSON it is.
  Result<const std::string*> Member(const Sample& sample, size_t i,
                                    const std::string& place) const {
    auto found = sample.members.find(names_[i]);
    if (found == sample.members.end() && Nested(i)) found = sample.members.find(paths_[i].front());
    if (found == sample.members.end()) {
      std::vector<std::string> shown;
      for (const std::string& extension : sample.extensions) {
        if (shown.size() < kShownExtensions) shown.push_back(Excerpt(extension, kShownMember));
      }
      const char* key = spec_.chat                ? ".chat.field"
                        : !spec_.join.empty()     ? ".join"
                        : spec_.input_ids.empty() ? ".text"
                                                  : ".input_ids";
      return InvalidArgument(place + " has no member \"" +
                             Excerpt(Nested(i) ? paths_[i].front() : names_[i], kShownMember) +
                             "\"; it has " + Join(shown, ", ") +
                             (sample.extensions.size() > kShownExtensions ? ", ..." : "") +
                             " (corpora." + spec_.name + key + " names it)");
    }
    if (!found->second.ok())
      return InvalidArgument(place + ": " + found->second.status().message());
    if (IsUtf8(*found->second)) return &*found->second;
    return InvalidArgument(place + ": member \"" + Excerpt(found->first, kShownMember) +
                           "\" is not UTF-8");
  }

  // The value of a field that is JSON.
  Result<Json> Value(const Sample& sample, size_t i, const std::string& place) const {
    BRAID_ASSIGN_OR_RETURN(const std::string* text, Member(sample, i, place));
    const bool own = sample.members.contains(names_[i]);
    BRAID_ASSIGN_OR_RETURN(
        Json value,
        ParseJson(*text, place + ": member \"" +
                             Excerpt(own ? names_[i] : paths_[i].front(), kShownMember) + "\""));
    return own || !Nested(i) ? Result<Json>(std::move(value))
                             : paths_[i].Follow(std::move(value), place);
  }

  Result<std::string> Text(const Sample& sample, size_t i, const std::string& place) const {
    if (sample.members.contains(names_[i]) || !Nested(i)) {
      BRAID_ASSIGN_OR_RETURN(const std::string* text, Member(sample, i, place));
      return *text;
    }
    BRAID_ASSIGN_OR_RETURN(const Json value, Value(sample, i, place));
    if (value.is_string()) return value.get<std::string>();
    return InvalidArgument(place + ": field \"" + Excerpt(names_[i], kShownMember) +
                           "\" is not text, but " + ShownValue(value));
  }

  const CorpusSpec& spec_;
  const int64_t id_limit_;
  std::optional<ChatWriter> chat_;
  // The fields; of a chat without one, those that it may be in.
  std::vector<std::string> names_;
  std::vector<FieldPath> paths_;
};

std::string PlaceOf(const CorpusFile& file, const Sample& sample) {
  return file.name + ": sample " + Excerpt(sample.key, kShownMember);
}

// Adds a member to a row of FirstSamples.
void AddField(const std::string& extension, const Result<std::string>& text, Json* row) {
  if (!text.ok() || !IsUtf8(*text)) {
    (*row)[extension] = Json::binary({});
    return;
  }
  const Result<Json> json = extension == "json" ? ParseJson(*text, "") : Result<Json>(Json());
  if (!json.ok() || !json->is_object()) {
    (*row)[extension] = *text;
    return;
  }
  for (const auto& [name, value] : json->items()) (*row)[extension + "." + name] = value;
}

}  // namespace

std::optional<SampleName> SampleNameOf(std::string_view member) {
  const size_t slash = member.rfind('/');
  const size_t begin = slash == std::string_view::npos ? 0 : slash + 1;
  const size_t dot = member.find('.', begin);
  if (dot == std::string_view::npos || dot == begin || dot + 1 == member.size())
    return std::nullopt;
  SampleName name{std::string(member.substr(0, dot)), std::string(member.substr(dot + 1))};
  std::transform(name.extension.begin(), name.extension.end(), name.extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

Status ReadSamples(const CorpusSpec& spec, const CorpusFile& file, int64_t id_limit,
                   const std::function<Status(Result<Document>)>& use) {
  const SampleReader samples(spec, id_limit);
  BRAID_ASSIGN_OR_RETURN(const auto reader, TarReader::Open(file.path));
  return ForEachSample(
      file, *reader,
      [&](const std::string& extension, uint64_t) { return samples.Wants(extension); },
      [&](const Sample& sample) { return use(samples.Read(sample, PlaceOf(file, sample))); });
}

Status FirstSamples(const CorpusFile& file, const std::function<Status(const Json&)>& use) {
  BRAID_ASSIGN_OR_RETURN(const auto reader, TarReader::Open(file.path));
  return ForEachSample(
      file, *reader, [](const std::string&, uint64_t size) { return size <= kLookedAt; },
      [&](const Sample& sample) {
        Json row = Json::object();
        for (const std::string& extension : sample.extensions) {
          const auto member = sample.members.find(extension);
          AddField(extension,
                   member == sample.members.end() ? Result<std::string>(NotFound("long"))
                                                  : member->second,
                   &row);
        }
        return use(row);
      });
}

Result<SamplesSize> SizeOfSamples(const CorpusSpec& spec, const CorpusFile& file) {
  const SampleReader samples(spec, INT32_MAX);
  BRAID_ASSIGN_OR_RETURN(const auto reader, TarReader::Open(file.path));
  BRAID_ASSIGN_OR_RETURN(const uint64_t on_disk, FileSize(file.path));
  int64_t seen = 0;
  double bytes = 0;
  const Status read = ForEachSample(
      file, *reader,
      [&](const std::string& extension, uint64_t) { return samples.Wants(extension); },
      [&](const Sample& sample) {
        const Result<Document> document = samples.Read(sample, "");
        if (document.ok())
          bytes += static_cast<double>(document->text.size() + 2 * document->ids.size());
        ++seen;
        const bool enough = seen >= kSampledSamples || bytes >= kSampledText ||
                            reader->consumed() >= kSampledBytes;
        return enough ? Cancelled("enough") : OkStatus();
      });
  if (!read.ok() && read.code() != StatusCode::kCancelled) return read;
  const double part = read.ok() || reader->consumed() == 0
                          ? 1
                          : static_cast<double>(on_disk) / static_cast<double>(reader->consumed());
  return SamplesSize{static_cast<double>(seen) * part, bytes * part};
}

Result<SamplesSize> SizeOfSamples(const CorpusSpec& spec, const std::vector<CorpusFile>& files) {
  const size_t looked_at = std::min(files.size(), kSampledFiles);
  double all = 0, seen = 0;
  for (const CorpusFile& file : files) {
    BRAID_ASSIGN_OR_RETURN(const uint64_t bytes, FileSize(file.path));
    all += static_cast<double>(bytes);
  }
  SamplesSize total;
  for (size_t i = 0; i < looked_at; ++i) {
    const CorpusFile& file = files[i * files.size() / looked_at];
    BRAID_ASSIGN_OR_RETURN(const SamplesSize size, SizeOfSamples(spec, file));
    BRAID_ASSIGN_OR_RETURN(const uint64_t bytes, FileSize(file.path));
    seen += static_cast<double>(bytes);
    total.samples += size.samples;
    total.text_bytes += size.text_bytes;
  }
  const double scale = seen > 0 ? all / seen : 1;
  return SamplesSize{total.samples * scale, total.text_bytes * scale};
}

}  // namespace braid::corpus
