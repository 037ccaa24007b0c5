#include "model/connection.h"

#include <cmath>

#include "base/text.h"
#include "model/fields.h"
#include "schema/read.h"

namespace braid::model {
namespace {

// A softmax is a mixture unless told otherwise.
Result<Router> ReadRouter(const Json& json, const std::string& path) {
  BRAID_ASSIGN_OR_RETURN(Router router, schema::FromJson<Router>(json, path));
  if (!json.contains("hard")) router.hard = router.kind != "softmax";
  return router;
}

}  // namespace

bool StartsFromPaths(const Connection& connection) {
  return connection.kind == "slice" || connection.init == "identity";
}

Json ConnectionToJson(const Connection& connection) {
  Json json = {{"kind", connection.kind}};
  if (connection.kind == "slice") {
    json["cross"] = connection.cross;
    json["gate"] = connection.gate;
    json["scale"] = connection.scale;
    json["weights"] = connection.weights;
    return json;
  }
  json["residual"] = connection.residual;
  json["norm"] = connection.norm;
  if (connection.init != Connection().init)
    json["init"] = connection.init;  // absent: as every model before there was a choice
  if (connection.kind == "routed") {
    json["router"] = schema::ToJson(connection.router);
  }
  return json;
}

Result<Connection> ConnectionFromJson(const Json& json, const std::string& path) {
  JsonReader read(json, path);
  Connection connection;
  connection.kind = read.Choice("kind", "share", {"share", "routed", "slice"});
  static const Json kNone;
  const bool slice = connection.kind == "slice";
  if (slice) {
    connection.cross = read.Bool("cross", connection.cross);
    connection.gate = read.Bool("gate", connection.gate);
    connection.scale = read.Choice("scale", connection.scale, {"mean", "sum"});
  } else {
    connection.residual = read.Bool("residual", connection.residual);
    connection.norm = read.Bool("norm", connection.norm);
    connection.init = read.Choice("init", connection.init, {"normal", "identity"});
  }
  const Json& weights = slice ? read.Value("weights") : kNone;
  const Json& router = connection.kind == "routed" ? read.Value("router") : kNone;
  if (!weights.is_null() && !weights.is_array()) read.Fail("weights", "expected a list of numbers");
  for (const Json& weight : weights.is_array() ? weights : Json::array()) {
    if (weight.is_number()) {
      connection.weights.push_back(weight.get<double>());
    } else {
      read.Fail("weights", "expected a list of numbers");
    }
  }
  BRAID_RETURN_IF_ERROR(read.Finish());
  if (!router.is_null()) {
    BRAID_ASSIGN_OR_RETURN(connection.router, ReadRouter(router, read.PathOf("router")));
  }
  return connection;
}

Status ValidateConnection(const Connection& connection, size_t paths, const std::string& where) {
  const auto fail = [&](const std::string& field, const std::string& message) {
    return InvalidArgument(where + "." + field + ": " + message);
  };
  if (connection.kind != "share" && connection.kind != "routed" && connection.kind != "slice") {
    return fail("kind", "\"" + connection.kind +
                            "\" is not a connection; there are share, routed and slice");
  }
  if (connection.kind != "routed" && !(connection.router == Router{}))
    return fail("router", "only routed connections have one");
  if (!(connection.router.tau > 0) || !std::isfinite(connection.router.tau))
    return fail("router.tau", "must be above 0");
  const bool slice = connection.kind == "slice";
  if (slice && connection.residual)
    return fail("residual", "a slice connection never cuts the residual stream");
  if (connection.init != "normal" && connection.init != "identity") {
    return fail("init", "\"" + connection.init + "\" is not known; there are normal and identity");
  }
  if (slice && connection.init != "normal")
    return fail("init", "a slice connection has nothing to begin as that");
  if (slice && connection.norm) return fail("norm", "a slice connection has none to norm");
  if (!slice && connection.cross) return fail("cross", "only slice connections have it");
  if (!slice && !connection.weights.empty())
    return fail("weights", "only slice connections have them");
  if (!connection.weights.empty() && connection.weights.size() != paths) {
    return fail("weights",
                Format("has %zu numbers for %zu paths", connection.weights.size(), paths));
  }
  for (const double weight : connection.weights) {
    if (!std::isfinite(weight)) return fail("weights", "must be finite");
  }
  return OkStatus();
}

}  // namespace braid::model
