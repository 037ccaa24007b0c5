#include "merge/request.h"

#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "merge/composite.h"

namespace braid::merge {
namespace {

constexpr char kBaseName[] = "base";

struct Ref {
  std::string name;  // may be empty
  std::string ref;
};

// A name has no slash in it, a folder may have an equals sign.
Ref ParseRef(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || text.substr(0, equals).find('/') != std::string::npos)
    return {"", text};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

Result<Json> ParseConnect(const std::string& connect) {
  if (!connect.starts_with("{")) return Json{{"kind", connect}};
  return ParseJson(connect, "connect");
}

// What is new begins as in recipes without `compat: paper`, or as in the base, unless told
// otherwise.
Result<model::Connection> ConnectionOf(const std::string& connect,
                                       const std::optional<Parent>& base) {
  if (connect.empty() && base) return base->spec.connection;
  BRAID_ASSIGN_OR_RETURN(const Json json, ParseConnect(connect.empty() ? "share" : connect));
  BRAID_ASSIGN_OR_RETURN(model::Connection connection, model::ConnectionFromJson(json, "connect"));
  if (connection.kind != "slice" && !json.contains("init"))
    connection.init = base ? base->spec.connection.init : "identity";
  return connection;
}

std::string NameFor(const Ref& ref, const Parent& parent, const std::vector<Parent>& others) {
  if (!ref.name.empty()) return ref.name;
  const bool taken = std::any_of(others.begin(), others.end(),
                                 [&](const Parent& x) { return x.name == parent.spec.name; });
  return taken || parent.spec.name.empty() ? "path_" + std::to_string(others.size() + 1)
                                           : parent.spec.name;
}

Result<Json> Numbers(const std::string& text) {
  Json numbers = Json::array();
  for (const std::string& part : Split(text, ',')) {
    BRAID_ASSIGN_OR_RETURN(const double number, ParseDouble(Trim(part)));
    numbers.push_back(number);
  }
  return numbers;
}

Status Apply(const std::string& option, const std::string& value, Json* json) {
  if (option == "router") {
    (*json)["router"]["kind"] = value;
  } else if (option == "router-input") {
    (*json)["router"]["input"] = value;
  } else if (option == "tau") {
    const auto tau = ParseDouble(value);
    if (!tau.ok()) return tau.status().Wrap("--tau");
    (*json)["router"]["tau"] = *tau;
  } else if (option == "hard" || option == "soft") {
    (*json)["router"]["hard"] = option == "hard";
  } else if (option == "no-gate") {
    (*json)["gate"] = false;
  } else if (option == "init") {
    (*json)["init"] = value;
  } else if (option == "scale") {
    (*json)["scale"] = value;
  } else if (option == "weights") {
    const auto weights = Numbers(value);
    if (!weights.ok()) return weights.status().Wrap("--weights");
    (*json)["weights"] = *weights;
  } else {  // residual, norm, cross
    (*json)[option] = true;
  }
  return OkStatus();
}

}  // namespace

Result<PlannedMerge> PlanRequest(const MergeRequest& request, const ParentReader& read) {
  PlannedMerge planned;
  std::vector<Parent> parents;
  for (const std::string& text : request.parents) {
    const Ref ref = ParseRef(text);
    BRAID_ASSIGN_OR_RETURN(Parent parent, read(ref.name.empty() ? ref.ref : ref.name, ref.ref,
                                               request.carry_optimizer));
    parent.name = NameFor(ref, parent, parents);
    parents.push_back(std::move(parent));
    planned.refs.push_back(ref.ref);
  }
  std::optional<Parent> base;
  if (!request.base.empty()) {
    BRAID_ASSIGN_OR_RETURN(base, read(kBaseName, request.base, request.carry_optimizer));
    planned.refs.push_back(request.base);
  }
  // What the parents have in common comes first: its messages say what to do.
  BRAID_RETURN_IF_ERROR(CheckParents(parents, base));
  BRAID_ASSIGN_OR_RETURN(const model::Connection connection, ConnectionOf(request.connect, base));
  BRAID_ASSIGN_OR_RETURN(const model::ModelSpec composite,
                         CompositeOf(parents, base, {request.name, connection, request.drop}));
  BRAID_ASSIGN_OR_RETURN(
      planned.plan, PlanMerge(parents, base, composite, {request.seed, request.carry_optimizer}));
  return planned;
}

Result<std::string> ConnectionText(const std::string& connect,
                                   const std::map<std::string, std::string>& options) {
  if (options.empty()) return connect;
  BRAID_ASSIGN_OR_RETURN(Json json, ParseConnect(connect.empty() ? "share" : connect));
  for (const auto& [option, value] : options) BRAID_RETURN_IF_ERROR(Apply(option, value, &json));
  return json.dump();
}

const std::vector<ConnectionOption>& ConnectionOptions() {
  static const std::vector<ConnectionOption> kOptions = {
      {"router", true, "routed: gumbel, softmax, top1 or none"},
      {"router-input", true, "routed: combined, concat or x"},
      {"tau", true, "routed: temperature of the router"},
      {"hard", false, "routed: one choice a token"},
      {"soft", false, "routed: a mixture of the choices"},
      {"init", true, "share, routed: how they begin, identity or normal [identity]"},
      {"residual", false, "share, routed: add the layer's input"},
      {"norm", false, "share, routed: norm what the connection gives"},
      {"cross", false, "slice: maps between the paths after each layer, zero at the start"},
      {"no-gate", false, "slice: weigh the paths' logits equally for every token"},
      {"scale", true, "slice: mean or sum of the parents' logits"},
      {"weights", true, "slice: one weight a path instead, as 0.7,0.3"},
  };
  return kOptions;
}

}  // namespace braid::merge
