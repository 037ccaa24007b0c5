// How the paths of a composite hear one another, as data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "model/router.h"
#include "schema/words.h"

namespace braid::model {

// share: one linear map of all paths' outputs. routed: a choice between them for each token. slice:
// each path keeps its own slice of the D-wide stream, so that the composite begins as the mean of
// its parents.
enum class ConnectionKind { kShare, kRouted, kSlice };
// What a router reads, and its width: the combination [c], all outputs side by side [D], or the
// layer's input.
enum class RouterInput { kCombined, kConcat, kX };
// What shrink, share, combine, grow, path_in and path_out begin as. normal: N(0, 0.02), as
// published. identity: every path hears the sum of the embeddings, then the mean of the paths'
// streams, and its own slice gets its own output (model/tensors.h).
enum class ConnectInit { kNormal, kIdentity };
// How the logits of a slice composite's paths are put together.
enum class LogitScale { kMean, kSum };
// The words of recipes and configurations.
const schema::Words& WordsOf(ConnectionKind);
const schema::Words& WordsOf(RouterInput);
const schema::Words& WordsOf(ConnectInit);
const schema::Words& WordsOf(LogitScale);

// Who decides, for each token and parallel layer, between the paths' outputs and their combination
// (docs/papers/papaformer.md#s3, #s3.1, #s10). Choices 0 .. N-1 are the paths, choice N is the
// combination.
struct Router {
  const RouterKind* kind = &kGumbelRouter;
  RouterInput input = RouterInput::kCombined;
  double tau = 1.0;  // temperature, above 0
  // Of routers that have it: true is one choice with gradients straight through, false a mixture.
  bool hard = true;

  friend bool operator==(const Router&, const Router&) = default;
};

// How the paths of a composite are connected, in every parallel layer alike.
struct Connection {
  ConnectionKind kind = ConnectionKind::kShare;
  Router router;          // of routed
  bool residual = false;  // share, routed: add the layer's input, wherever the widths agree
  bool norm = false;  // share, routed: RMS norm on what the connection gives, before the residual
  // share, routed. It decides initial values alone, never what given weights compute.
  ConnectInit init = ConnectInit::kNormal;
  // slice (a start that preserves the parents' function): path p keeps its own slice of the D-wide
  // stream.
  bool cross = false;  // x <- x + S_l x after each parallel layer, S_l [D, D] zero at the start
  bool gate = true;  // slice p of the normed stream times N softmax(W_g x + b_g)_p; all ones at the
                     // start
  LogitScale scale = LogitScale::kMean;
  std::vector<double> weights;  // instead of scale: one for each path

  bool is_slice() const { return kind == ConnectionKind::kSlice; }
  bool is_routed() const { return kind == ConnectionKind::kRouted; }
  // It has a router that chooses.
  bool chooses() const { return is_routed() && router.kind->chooses; }

  friend bool operator==(const Connection&, const Connection&) = default;
};

// Whether the composite begins as what its paths do, side by side, rather than from random
// connections: large blocks then begin as the identity too, unless told otherwise.
bool StartsFromPaths(const Connection& connection);

// What stands in a configuration. The error names the field below `path`; ValidateConnection's
// rules are not asked.
Result<Connection> ConnectionFromJson(const Json& json, const std::string& path);

// Fields of another kind must be at their defaults; tau is above 0; weights are as many as `paths`.
Status ValidateConnection(const Connection& connection, size_t paths, const std::string& where);

}  // namespace braid::model
