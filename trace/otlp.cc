#include "trace/otlp.h"

#include <algorithm>

#include "base/excerpt.h"
#include "base/json.h"
#include "base/version.h"

namespace braid::trace {
namespace {

constexpr size_t kTextBytes = 4096;
constexpr int kStatusError = 2;
// The flags of W3C: spans that are not sampled are not sent.
constexpr int kSampledFlag = 1;

// Whole numbers of 64 bits are texts in this encoding.
Json ValueOf(const Attribute& attribute) {
  if (const auto* text = std::get_if<std::string>(&attribute))
    return Json::object({{"stringValue", Excerpt(*text, kTextBytes)}});
  if (const auto* number = std::get_if<int64_t>(&attribute))
    return Json::object({{"intValue", std::to_string(*number)}});
  if (const auto* number = std::get_if<double>(&attribute))
    return Json::object({{"doubleValue", *number}});
  return Json::object({{"boolValue", std::get<bool>(attribute)}});
}

template <typename Map>
Json AttributesOf(const Map& attributes) {
  Json list = Json::array();
  for (const auto& [key, value] : attributes)
    list.push_back({{"key", key}, {"value", ValueOf(Attribute(value))}});
  return list;
}

Json JsonOf(const Span& span) {
  Json json = {{"traceId", span.context.trace_id},
               {"spanId", span.context.span_id},
               {"flags", kSampledFlag},
               {"name", Excerpt(span.name, kTextBytes)},
               {"kind", static_cast<int>(span.kind)},
               {"startTimeUnixNano", std::to_string(span.begin_ns)},
               {"endTimeUnixNano", std::to_string(std::max(span.begin_ns, span.end_ns))},
               {"attributes", AttributesOf(span.attributes)}};
  if (!span.parent_id.empty()) json["parentSpanId"] = span.parent_id;
  if (span.failed)
    json["status"] = {{"code", kStatusError}, {"message", Excerpt(span.error, kTextBytes)}};
  return json;
}

}  // namespace

std::string EncodeSpans(const std::map<std::string, std::string>& resource,
                        const std::vector<Span>& spans) {
  Json list = Json::array();
  for (const Span& span : spans) list.push_back(JsonOf(span));
  Json scoped = {{"scope", {{"name", "braid"}, {"version", kVersion}}}, {"spans", std::move(list)}};
  Json of_resource = {{"resource", Json::object({{"attributes", AttributesOf(resource)}})},
                      {"scopeSpans", Json::array({std::move(scoped)})}};
  const Json request = Json::object({{"resourceSpans", Json::array({std::move(of_resource)})}});
  return request.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace braid::trace
