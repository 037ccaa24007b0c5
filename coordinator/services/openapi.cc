#include "coordinator/services/openapi.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "base/error_reason.h"
#include "base/text.h"
#include "coordinator/access/rules.h"

namespace braid::coordinator {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::MethodDescriptor;
using google::protobuf::SourceLocation;

constexpr std::string_view kPackage = "braid.v1.";
constexpr std::string_view kSchemas = "#/components/schemas/";
// The errors that every call may have, and those of requests with a body.
constexpr std::array<const char*, 9> kErrors = {"400", "401", "403", "404", "409",
                                                "429", "500", "503", "504"};
constexpr std::array<const char*, 3> kBodyErrors = {"411", "413", "415"};

// A comment without its line breaks; paragraphs stay.
std::string ParagraphsOf(const std::string& comment) {
  std::string text;
  bool paragraph = false;
  for (const std::string& line : Split(comment, '\n')) {
    const std::string_view words = Trim(line);
    if (words.empty()) {
      paragraph = !text.empty();
      continue;
    }
    if (!text.empty()) text += std::exchange(paragraph, false) ? "\n\n" : " ";
    text += words;
  }
  return text;
}

// What stands above something in its proto, then what stands behind it in its line.
std::string CommentOf(const auto& descriptor) {
  SourceLocation place;
  if (!descriptor.GetSourceLocation(&place)) return "";
  const std::string above = ParagraphsOf(place.leading_comments);
  const std::string behind = ParagraphsOf(place.trailing_comments);
  return above + (above.empty() || behind.empty() ? "" : " ") + behind;
}

// Without its full stop, as tools show it in a list.
std::string FirstSentenceOf(const std::string& text) {
  const size_t end = std::min({text.find(". "), text.find(".\n"), text.find(": "), text.size()});
  std::string sentence = text.substr(0, end);
  if (sentence.ends_with('.')) sentence.pop_back();
  return sentence;
}

Json ReferenceTo(const std::string& schema) {
  return {{"$ref", std::string(kSchemas) + schema}};
}

// "Run" for braid.v1.Run, "Finding.Severity" for a type within another.
std::string SchemaNameOf(const auto& type) {
  return type.full_name().substr(kPackage.size());
}

// One value of the field's type in proto3 JSON.
Json ValueSchemaOf(const FieldDescriptor& field) {
  switch (field.type()) {
    case FieldDescriptor::TYPE_BOOL:
      return {{"type", "boolean"}};
    case FieldDescriptor::TYPE_STRING:
      return {{"type", "string"}};
    case FieldDescriptor::TYPE_BYTES:
      return {{"type", "string"}, {"format", "byte"}, {"contentEncoding", "base64"}};
    case FieldDescriptor::TYPE_DOUBLE:
    case FieldDescriptor::TYPE_FLOAT:
      return ReferenceTo("Double");
    case FieldDescriptor::TYPE_ENUM:
      return ReferenceTo(SchemaNameOf(*field.enum_type()));
    case FieldDescriptor::TYPE_MESSAGE:
      return ReferenceTo(SchemaNameOf(*field.message_type()));
    default:
      break;
  }
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT64:
      return {{"type", "string"}, {"format", "int64"}};
    case FieldDescriptor::CPPTYPE_UINT64:
      return {{"type", "string"}, {"format", "uint64"}};
    default:
      return {{"type", "integer"}, {"format", "int32"}};
  }
}

Json FieldSchemaOf(const FieldDescriptor& field) {
  Json schema;
  if (field.is_map())
    schema = {{"type", "object"},
              {"additionalProperties", ValueSchemaOf(*field.message_type()->field(1))}};
  else if (field.is_repeated())
    schema = {{"type", "array"}, {"items", ValueSchemaOf(field)}};
  else
    schema = ValueSchemaOf(field);
  if (const std::string comment = CommentOf(field); !comment.empty())
    schema["description"] = comment;
  // Left out, it is not known or not said, which is something else than 0.
  if (field.has_optional_keyword()) schema["x-optional"] = true;
  return schema;
}

Json MessageSchemaOf(const Descriptor& type) {
  Json schema = {{"type", "object"}, {"properties", Json::object()}};
  if (const std::string comment = CommentOf(type); !comment.empty())
    schema["description"] = comment;
  for (int i = 0; i < type.field_count(); ++i)
    schema["properties"][type.field(i)->json_name()] = FieldSchemaOf(*type.field(i));
  return schema;
}

Json EnumSchemaOf(const EnumDescriptor& type) {
  Json values = Json::array();
  std::string text = CommentOf(type);
  for (int i = 0; i < type.value_count(); ++i) {
    values.push_back(type.value(i)->name());
    const std::string comment = CommentOf(*type.value(i));
    if (comment.empty()) continue;
    text += (text.empty() ? "- `" : "\n- `") + type.value(i)->name() + "`: " + comment;
  }
  return {{"type", "string"}, {"enum", std::move(values)}, {"description", text}};
}

// The fields of a request as parameters of a query. Messages within it have no place there.
Json QueryOf(const Descriptor& request) {
  Json parameters = Json::array();
  for (int i = 0; i < request.field_count(); ++i) {
    const FieldDescriptor& field = *request.field(i);
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) continue;
    Json schema = FieldSchemaOf(field);
    Json parameter = {{"name", field.json_name()}, {"in", "query"}};
    if (schema.contains("description")) {
      parameter["description"] = schema["description"];
      schema.erase("description");
    }
    parameter["schema"] = std::move(schema);
    parameters.push_back(std::move(parameter));
  }
  return parameters;
}

Json JsonContent(const Json& schema) {
  return {{"application/json", {{"schema", schema}}}};
}

Json AnswerOf(const JsonMethod& method, const MethodDescriptor& descriptor) {
  const Json reply = ReferenceTo(SchemaNameOf(*descriptor.output_type()));
  if (method.bytes)
    return {{"description", "The bytes themselves."},
            {"content", {{"application/octet-stream", Json::object()}}}};
  if (!method.streams) return {{"description", "The reply."}, {"content", JsonContent(reply)}};
  return {{"description",
           "Replies as they come: one JSON document a line, or server-sent events if the request "
           "accepts these, each with a reply as its data and an id after which the stream can be "
           "resumed. The last event is named `end`; its data is an Error if there was one."},
          {"content",
           {{"application/x-ndjson", {{"schema", reply}}},
            {"text/event-stream", {{"schema", {{"type", "string"}}}}}}}};
}

Json ResponsesOf(const JsonMethod& method, const MethodDescriptor& descriptor, bool with_body) {
  Json responses = {{"200", AnswerOf(method, descriptor)}};
  const auto add = [&](const char* status) {
    responses[status] = {{"$ref", std::string("#/components/responses/") + status}};
  };
  std::for_each(kErrors.begin(), kErrors.end(), add);
  if (with_body) std::for_each(kBodyErrors.begin(), kBodyErrors.end(), add);
  return responses;
}

// `by_query`: the GET of a call that only reads; otherwise its POST.
Json OperationOf(const JsonMethod& method, const MethodDescriptor& descriptor, bool by_query) {
  const std::string comment = CommentOf(descriptor);
  const std::string service = descriptor.service()->name();
  const CallRule* rule = RuleOf(method.path);
  Json operation = {
      {"operationId", service + "_" + descriptor.name() + (by_query ? "_query" : "")},
      {"tags", {service}},
      {"summary", FirstSentenceOf(comment)},
      {"description", comment},
      {"responses", ResponsesOf(method, descriptor, !by_query)},
  };
  if (rule != nullptr)
    operation["x-braid-role"] = rule->invited ? "invited" : std::string(NameOf(rule->people));
  Json parameters = by_query ? QueryOf(*descriptor.input_type()) : Json::array();
  if (method.streams && !method.bytes)
    parameters.push_back({{"$ref", "#/components/parameters/LastEventId"}});
  if (!parameters.empty()) operation["parameters"] = std::move(parameters);
  if (!by_query)
    operation["requestBody"] = {
        {"required", descriptor.input_type()->field_count() > 0},
        {"content", JsonContent(ReferenceTo(SchemaNameOf(*descriptor.input_type())))}};
  return operation;
}

// The schemas that a part of the document refers to and `schemas` lacks.
void FindMissing(const Json& part, const Json& schemas, std::vector<std::string>* missing) {
  if (part.is_object()) {
    const auto reference = part.find("$ref");
    if (reference != part.end() && reference->is_string()) {
      const auto target = reference->get<std::string>();
      if (target.starts_with(kSchemas) && !schemas.contains(target.substr(kSchemas.size())))
        missing->push_back(target.substr(kSchemas.size()));
    }
  }
  if (!part.is_structured()) return;
  for (const Json& below : part) FindMissing(below, schemas, missing);
}

Status AddSchemas(const DescriptorPool& protos, Json* document) {
  Json& schemas = (*document)["components"]["schemas"];
  while (true) {
    std::vector<std::string> missing;
    FindMissing(*document, schemas, &missing);
    if (missing.empty()) return OkStatus();
    for (const std::string& name : missing) {
      const std::string full = std::string(kPackage) + name;
      if (const Descriptor* message = protos.FindMessageTypeByName(full))
        schemas[name] = MessageSchemaOf(*message);
      else if (const EnumDescriptor* words = protos.FindEnumTypeByName(full))
        schemas[name] = EnumSchemaOf(*words);
      else
        return NotFound("openapi: there is no schema " + name + ", and no message of that name");
    }
  }
}

// Clients may meet reasons that are younger than they are, so the schema allows any.
void AddReasons(Json* document) {
  Json& reason = (*document)["components"]["schemas"]["Error"]["properties"]["reason"];
  Json known = Json::array();
  std::string text = reason.value("description", "");
  const Words& words = WordsOf(ErrorReason{});
  for (size_t i = 0; i < words.size(); ++i) {
    known.push_back(words[i]);
    text += "\n- `" + words[i] + "`: " + std::string(MeaningOf(static_cast<ErrorReason>(i)));
  }
  reason["description"] = text;
  reason["x-extensible-enum"] = std::move(known);
}

}  // namespace

Result<Json> OpenApiOf(const DescriptorPool& protos, const Json& base,
                       const std::vector<const JsonMethod*>& methods) {
  Json document = base;
  AddReasons(&document);
  std::vector<std::string> services;
  for (const JsonMethod* method : methods) {
    std::string name = method->path.substr(1);
    std::replace(name.begin(), name.end(), '/', '.');
    const MethodDescriptor* descriptor = protos.FindMethodByName(name);
    if (descriptor == nullptr) return NotFound("openapi: the protos have no method " + name);
    if (std::find(services.begin(), services.end(), descriptor->service()->name()) ==
        services.end()) {
      services.push_back(descriptor->service()->name());
      document["tags"].push_back(
          {{"name", services.back()}, {"description", CommentOf(*descriptor->service())}});
    }
    Json& path =
        document["paths"]["/api/v1/" + descriptor->service()->name() + "/" + descriptor->name()];
    path["post"] = OperationOf(*method, *descriptor, /*by_query=*/false);
    if (method->reads) path["get"] = OperationOf(*method, *descriptor, /*by_query=*/true);
  }
  BRAID_RETURN_IF_ERROR(AddSchemas(protos, &document));
  return document;
}

}  // namespace braid::coordinator
