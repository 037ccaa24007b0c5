// How the outputs of a composite's paths are combined, as data.
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
// published. identity: each path first reads the sum of the embedding's slices and later the mean
// of the paths' streams, and writes its output to its own slice (model/tensors.h). orthogonal:
// random rotations, or parts of them, which keep the size of what they read.
enum class ConnectInit { kNormal, kIdentity, kOrthogonal };
// How the logits of a slice composite's paths are put together.
enum class LogitScale { kMean, kSum };
// The words of recipes and configurations.
const schema::Words& WordsOf(ConnectionKind);
const schema::Words& WordsOf(RouterInput);
const schema::Words& WordsOf(ConnectInit);
const schema::Words& WordsOf(LogitScale);

// The router, which decides for each token and parallel layer between the paths' outputs and their
// combination (docs/papers/papaformer.md#s3, #s3.1, #s10). Choices 0 .. N-1 are the paths, choice N
// is the combination.
struct Router {
  const RouterKind* kind = &kGumbelRouter;
  RouterInput input = RouterInput::kCombined;
  double tau = 1.0;  // temperature, above 0
  // Of routers with RouterKind::has_hard: true takes one choice, with straight-through gradients;
  // false takes the mixture of all choices.
  bool hard = true;

  friend bool operator==(const Router&, const Router&) = default;
};

// How the paths of a composite are connected, in every parallel layer alike.
struct Connection {
  ConnectionKind kind = ConnectionKind::kShare;
  Router router;          // of routed
  bool residual = false;  // share, routed: add the layer's input, wherever the widths agree
  bool norm = false;  // share, routed: RMS norm on what the connection gives, before the residual
  // share, routed. Affects initial values only, not the function of given weights.
  ConnectInit init = ConnectInit::kNormal;
  // slice (a start that preserves the parents' function): path p keeps its own slice of the D-wide
  // stream.
  bool cross = false;  // x <- x + S_l x after each parallel layer, S_l [D, D] zero at the start
  // Above 0: S_l = write_l read_l of at most this rank, write_l [D, rank] zero at the start, and
  // read_l [rank, D] normal.
  int64_t cross_rank = 0;
  bool gate = true;  // slice p of the normed stream times N softmax(W_g x + b_g)_p; all ones at the
                     // start
  LogitScale scale = LogitScale::kMean;
  std::vector<double> weights;  // instead of scale: one for each path

  bool is_slice() const { return kind == ConnectionKind::kSlice; }
  bool is_routed() const { return kind == ConnectionKind::kRouted; }
  // Whether a router chooses between the paths for each token.
  bool chooses() const { return is_routed() && router.kind->chooses; }

  friend bool operator==(const Connection&, const Connection&) = default;
};

// Whether the untrained connections pass on the paths' streams as they are, or rotated, instead of
// what noise leaves of them. Large blocks then begin as the identity, too.
bool StartsFromPaths(const Connection& connection);

// How many large blocks a composite has where nothing is said of them: two around maps between the
// streams, as in the paper; none around slices, which are better and cheaper without
// (docs/models.md, "Large blocks, measured").
int64_t DefaultLargeBlocks(const Connection& connection);

// Reads the `connection` of a configuration. Errors name the field below `path`. Checks types and
// ranges of single fields only; ValidateConnection has the rules between fields.
Result<Connection> ConnectionFromJson(const Json& json, const std::string& path);

// Why cross_rank cannot be what it is for slices of `width` together; empty if it can.
std::string WhyNoRank(const Connection& connection, int64_t width);

// Checks that fields of other kinds of connections have their defaults, that tau is above 0, and
// that there are no weights or one for each of `paths` paths.
Status ValidateConnection(const Connection& connection, size_t paths, const std::string& where);

}  // namespace braid::model
