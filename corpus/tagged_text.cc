#include "corpus/tagged_text.h"

#include <algorithm>
#include <functional>

#include "base/excerpt.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "corpus/lines.h"
#include "corpus/pretokenizer.h"
#include "corpus/row.h"

namespace braid::corpus {
namespace {

constexpr char kText[] = "text", kTags[] = "tags";

struct Span {
  // In bytes.
  size_t begin = 0, end = 0;
  TokenClass tag = TokenClass::kX;
};

// The byte at which each character begins, followed by the length of the text.
std::vector<size_t> StartsOf(std::string_view text) {
  std::vector<size_t> starts;
  for (size_t at = 0; at < text.size();) {
    starts.push_back(at);
    size_t length = 0;
    (void)DecodeCodePoint(text.substr(at), &length);
    at += length;
  }
  starts.push_back(text.size());
  return starts;
}

// Errors of the functions below are completed by the row's place and the column of its tags.
Result<Span> ReadSpan(const Json& json, const std::vector<size_t>& starts) {
  const bool shaped = json.is_array() && json.size() == 3 && json[0].is_number_unsigned() &&
                      json[1].is_number_unsigned() && json[2].is_string();
  if (!shaped)
    return InvalidArgument("expected [begin, end, \"TAG\"], found " +
                           Excerpt(json.dump(-1, ' ', false, Json::error_handler_t::replace)));
  const auto begin = json[0].get<size_t>(), end = json[1].get<size_t>();
  if (begin >= end || end >= starts.size()) {
    return InvalidArgument(
        Format("%zu to %zu is no part of a text of %zu characters", begin, end, starts.size() - 1));
  }
  const std::string name = json[2].get<std::string>();
  const std::optional<TokenClass> tag = schema::FromName<TokenClass>(name);
  if (!tag.has_value() || *tag == TokenClass::kWord || *tag == TokenClass::kOther) {
    return InvalidArgument("\"" + Excerpt(name) + "\" is no Universal POS tag");
  }
  return Span{starts[begin], starts[end], *tag};
}

Result<std::vector<Span>> ReadSpans(const Json& tags, std::string_view text) {
  if (!tags.is_array())
    return InvalidArgument("expected a list of tags, found " + ShownValue(tags));
  const std::vector<size_t> starts = StartsOf(text);
  std::vector<Span> spans;
  for (size_t i = 0; i < tags.size(); ++i) {
    const Result<Span> span = ReadSpan(tags[i], starts);
    if (!span.ok()) return InvalidArgument(Format("item %zu: ", i) + span.status().message());
    spans.push_back(*span);
  }
  std::stable_sort(spans.begin(), spans.end(),
                   [](const Span& a, const Span& b) { return a.begin < b.begin; });
  for (size_t i = 1; i < spans.size(); ++i) {
    if (spans[i].begin < spans[i - 1].end) return InvalidArgument("two tags overlap");
  }
  return spans;
}

// The tag with the largest overlap. `next` is the first span that ends after `begin`; it moves
// forward with the tokens, which keeps the whole pass linear.
TokenClass TagOf(const std::vector<Span>& spans, size_t begin, size_t end, size_t* next) {
  while (*next < spans.size() && spans[*next].end <= begin) ++*next;
  TokenClass tag = TokenClass::kX;
  size_t most = 0;
  for (size_t i = *next; i < spans.size() && spans[i].begin < end; ++i) {
    const size_t shared = std::min(end, spans[i].end) - std::max(begin, spans[i].begin);
    if (shared > most) most = shared, tag = spans[i].tag;
  }
  return tag;
}

// A tagger may call "+" a punctuation and "3" a noun; the characters are more reliable for these
// classes.
bool SpeaksForItself(TokenClass coarse) {
  return coarse == TokenClass::kNum || coarse == TokenClass::kSym || coarse == TokenClass::kSpace;
}

// An error of a field of a row.
Status Fault(const Row& row, const std::string& field, const std::string& message) {
  return InvalidArgument(row.place() + ": field \"" + field + "\"" + InColumn(row.Column(field)) +
                         ": " + message);
}

Status Normalised(const Row& row) {
  return Fault(row, kText,
               "the tokenizer normalises this text, which shifts its tags; write it in Unicode's "
               "form NFC");
}

Status Append(const std::string& text, const std::vector<Span>& spans, const Row& row,
              const Tokenizer& tokenizer, const std::vector<TokenClass>& coarse, Encoder& encoder,
              TaggedText* into) {
  const size_t first = into->ids.size();
  encoder.Encode(text, &into->ids);
  size_t at = 0, next = 0;
  for (size_t i = first; i < into->ids.size(); ++i) {
    const int32_t id = into->ids[i];
    const std::string_view bytes = tokenizer.Bytes(id);
    const size_t end = at + bytes.size();
    // The tokens do not reproduce the text, so the offsets of the tags do not fit them.
    if (text.compare(at, bytes.size(), bytes) != 0) return Normalised(row);
    const TokenClass tag = TagOf(spans, at, end, &next), own = coarse[static_cast<size_t>(id)];
    into->classes.push_back(SpeaksForItself(own) ? own : tag);
    at = end;
  }
  if (at != text.size()) return Normalised(row);
  into->ids.push_back(tokenizer.eos_id());
  into->classes.push_back(TokenClass::kOther);
  return OkStatus();
}

// Calls `use` with the text, the spans and the row of each document.
Status ForEachRow(
    const CorpusFile& file,
    const std::function<Status(const std::string&, const std::vector<Span>&, const Row&)>& use) {
  const auto take = [&](std::string_view line, int64_t number) -> Status {
    if (Trim(line).empty()) return OkStatus();
    BRAID_ASSIGN_OR_RETURN(const Row row,
                           Row::Parse(line, file.name + ":" + std::to_string(number)));
    BRAID_ASSIGN_OR_RETURN(const std::string text, row.ReadText(kText));
    BRAID_ASSIGN_OR_RETURN(const Json tags, row.Read(kTags));
    const Result<std::vector<Span>> spans = ReadSpans(tags, text);
    return spans.ok() ? use(text, *spans, row) : Fault(row, kTags, spans.status().message());
  };
  return WithName(ReadLines(file.path, take), file);
}

// "gsm8k" of "/data/gsm8k.jsonl.gz".
std::string NameOf(const std::string& path) {
  const std::string_view name = BaseName(path);
  return std::string(name.substr(0, name.find('.')));
}

}  // namespace

Status CheckTaggedText(const CorpusFile& file) {
  return ForEachRow(
      file, [](const std::string&, const std::vector<Span>&, const Row&) { return OkStatus(); });
}

Result<TaggedText> ReadTaggedText(const CorpusFile& file, const Tokenizer& tokenizer,
                                  Encoder& encoder) {
  TaggedText tagged{NameOf(file.path), {}, {}};
  const std::vector<TokenClass> coarse = ClassesOf(tokenizer);
  const auto append = [&](const std::string& text, const std::vector<Span>& spans, const Row& row) {
    return Append(text, spans, row, tokenizer, coarse, encoder, &tagged);
  };
  BRAID_RETURN_IF_ERROR(ForEachRow(file, append));
  return tagged;
}

}  // namespace braid::corpus
