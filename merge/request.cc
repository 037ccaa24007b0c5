#include "merge/request.h"

#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "merge/composite.h"

namespace braid::merge {
namespace {

// The base's name in the account and in errors.
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

// What is new begins as in recipes without `compat: paper`, or as in the base, unless specified
// otherwise.
Result<model::Connection> ConnectionOf(const std::string& connect,
                                       const std::optional<Parent>& base) {
  if (connect.empty() && base) return base->spec.connection;
  BRAID_ASSIGN_OR_RETURN(const Json json, ParseConnect(connect.empty() ? "share" : connect));
  BRAID_ASSIGN_OR_RETURN(model::Connection connection, model::ConnectionFromJson(json, "connect"));
  if (!connection.is_slice() && !json.contains("init"))
    connection.init = base ? base->spec.connection.init : model::ConnectInit::kIdentity;
  return connection;
}

// Parents from different runs may have been trained under one name. Then the place in the list
// names the path, as it does where nothing else does.
std::string NameFor(const Ref& ref, const Parent& parent, const std::vector<Parent>& others) {
  if (!ref.name.empty()) return ref.name;
  const bool taken = std::any_of(others.begin(), others.end(),
                                 [&](const Parent& x) { return x.name == parent.spec.name; });
  return taken || parent.spec.name.empty() ? "path_" + std::to_string(others.size() + 1)
                                           : parent.spec.name;
}

// "gumbel, softmax or none".
std::string OneOf(const schema::Words& words) {
  const std::vector<std::string> others(words.begin(), words.end() - 1);
  return Join(others, ", ") + " or " + words.back();
}

Result<Json> Numbers(const std::string& text) {
  Json numbers = Json::array();
  for (const std::string& part : Split(text, ',')) {
    BRAID_ASSIGN_OR_RETURN(const double number, ParseDouble(Trim(part)));
    numbers.push_back(number);
  }
  return numbers;
}

// An option of command lines, and where in the connection's JSON its value belongs.
struct Option {
  ConnectionOption shown;
  const char* pointer;  // a JSON pointer: "/router/tau"
  // The value there; null: the option's own text, or true if it has none.
  Result<Json> (*value)(const std::string& text) = nullptr;
};

Result<Json> Number(const std::string& text) {
  BRAID_ASSIGN_OR_RETURN(const double number, ParseDouble(text));
  return Json(number);
}

Result<Json> WholeNumber(const std::string& text) {
  BRAID_ASSIGN_OR_RETURN(const int64_t number, ParseInt(text));
  return Json(number);
}

Result<Json> No(const std::string&) {
  return Json(false);
}

const std::vector<Option>& Options() {
  static const std::vector<Option> kOptions = {
      {{"router", true, "routed: " + OneOf(schema::WordsOf(&model::kGumbelRouter))},
       "/router/kind"},
      {{"router-input", true, "routed: " + OneOf(WordsOf(model::RouterInput()))}, "/router/input"},
      {{"tau", true, "routed: temperature of the router"}, "/router/tau", &Number},
      {{"hard", false, "routed: one choice a token"}, "/router/hard"},
      {{"soft", false, "routed: a mixture of the choices"}, "/router/hard", &No},
      {{"init", true, "share, routed: how they begin, identity, orthogonal or normal [identity]"},
       "/init"},
      {{"residual", false, "share, routed: add the layer's input"}, "/residual"},
      {{"norm", false, "share, routed: norm what the connection gives"}, "/norm"},
      {{"cross", false, "slice: maps between the paths after each layer, zero at the start"},
       "/cross"},
      {{"cross-rank", true, "slice: their rank, with --cross"}, "/cross_rank", &WholeNumber},
      {{"no-gate", false, "slice: weigh the paths' logits equally for every token"}, "/gate", &No},
      {{"scale", true, "slice: " + OneOf(WordsOf(model::LogitScale())) + " of the parents' logits"},
       "/scale"},
      {{"weights", true, "slice: one weight a path instead, as 0.7,0.3"}, "/weights", &Numbers},
  };
  return kOptions;
}

Status Apply(const Option& option, const std::string& text, Json* json) {
  Json value = option.shown.value ? Json(text) : Json(true);
  if (option.value != nullptr) {
    const Result<Json> read = option.value(text);
    if (!read.ok()) return read.status().Wrap(std::string("--") + option.shown.name);
    value = *read;
  }
  (*json)[Json::json_pointer(option.pointer)] = std::move(value);
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
  for (const Option& option : Options()) {
    const auto given = options.find(option.shown.name);
    if (given != options.end()) BRAID_RETURN_IF_ERROR(Apply(option, given->second, &json));
  }
  return json.dump();
}

const std::vector<ConnectionOption>& ConnectionOptions() {
  static const std::vector<ConnectionOption> kShown = [] {
    std::vector<ConnectionOption> shown;
    for (const Option& option : Options()) shown.push_back(option.shown);
    return shown;
  }();
  return kShown;
}

}  // namespace braid::merge
