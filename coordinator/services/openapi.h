// The description of the API over HTTP for programs of others: an OpenAPI 3.1 document, made of the
// protos with their comments and of the list of methods that JSON callers may use. It is made by a
// test, stands in docs/openapi.json, and is served from there.
#pragma once

#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "coordinator/services/json_calls.h"

namespace google::protobuf {
class DescriptorPool;
}

namespace braid::coordinator {

// `base` (openapi_base.json) with a path for each method, a tag for each service, and a schema for
// each message that these or `base` refer to. `protos` has the files of proto/ with their comments,
// which descriptors that are built into a program lack. kNotFound for a method or a schema that
// they do not have.
Result<Json> OpenApiOf(const google::protobuf::DescriptorPool& protos, const Json& base,
                       const std::vector<const JsonMethod*>& methods);

}  // namespace braid::coordinator
