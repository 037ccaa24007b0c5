#include "spec/memory.h"

#include "base/excerpt.h"
#include "base/text.h"
#include "schema/builder.h"

namespace braid::spec {
namespace {

using schema::Builder;
using schema::Schema;

constexpr const char* kSizes = "a size such as 24GB or 64GiB";
// 1 PiB: what is larger is a mistake of writing.
constexpr int64_t kMost = int64_t{1} << 50;

// The bytes of a text or of a whole number; negative for anything else.
int64_t BytesOf(const Json& value) {
  if (value.is_number_integer()) {
    const auto bytes = value.get<double>();
    return bytes >= 0 && bytes <= static_cast<double>(kMost) ? value.get<int64_t>() : -1;
  }
  const Result<int64_t> bytes = value.is_string() ? ParseBytes(value.get<std::string>())
                                                  : Result<int64_t>(InvalidArgument(""));
  return bytes.ok() && *bytes <= kMost ? *bytes : -1;
}

std::string WrongSize(const Json& value) {
  return BytesOf(value) >= 0
             ? ""
             : std::string("expected ") + kSizes + ", found " + Excerpt(value.dump());
}

// The bytes in the largest unit of which they are a whole number.
Json AsWritten(const Json& bytes) {
  constexpr std::pair<const char*, int64_t> kUnits[] = {
      {"TiB", int64_t{1} << 40}, {"TB", 1'000'000'000'000},
      {"GiB", int64_t{1} << 30}, {"GB", 1'000'000'000},
      {"MiB", int64_t{1} << 20}, {"MB", 1'000'000},
      {"KiB", int64_t{1} << 10}, {"kB", 1'000}};
  const auto number = bytes.get<int64_t>();
  for (const auto& [unit, size] : kUnits) {
    if (number > 0 && number % size == 0) return std::to_string(number / size) + unit;
  }
  return bytes;
}

}  // namespace

const Schema& Memory::Fields() {
  static const Schema fields = [] {
    Builder<Memory> field("memory",
                          "How much memory jobs need ([operating.md](operating.md#memory)).");
    const auto kind = [&field](const char* name, int64_t Memory::* member) {
      auto& size = field.Custom(
          name, member,
          "Main memory of each rank of a job of this kind: it runs on workers that have so much "
          "left. 0: it is not said, and any worker has enough.",
          kSizes, WrongSize, BytesOf);
      size.as_written = AsWritten;
      const Json number = {{"type", "integer"}, {"minimum", 0}, {"maximum", kMost}};
      const Json text = {{"type", "string"},
                         {"pattern", "^[0-9]+(\\.[0-9]+)? *([kMGTP]?B|[KMGTP]iB)?$"}};
      size.custom_schema = {{"anyOf", Json::array({number, text})}};
    };
    kind("tokenizer", &Memory::tokenizer);
    kind("prepare", &Memory::prepare);
    kind("train", &Memory::train);
    kind("merge", &Memory::merge);
    kind("gate", &Memory::gate);
    kind("joint", &Memory::joint);
    kind("evaluate", &Memory::evaluate);
    kind("export", &Memory::export_);
    kind("report", &Memory::report);
    return field.Done();
  }();
  return fields;
}

}  // namespace braid::spec
