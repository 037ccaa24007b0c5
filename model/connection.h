// How the paths of a composite hear one another, as data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace braid::model {

// Who decides, for each token and parallel layer, between the paths' outputs and their combination
// (docs/papers/papaformer.md#s3, #s3.1, #s10). Choices 0 .. N-1 are the paths, choice N is the
// combination.
struct Router {
  std::string kind = "gumbel";     // gumbel | softmax | top1 (one choice, times its probability) |
                                   // none (equal weights)
  std::string input = "combined";  // combined | concat | x: what the router reads
  double tau = 1.0;
  // gumbel, softmax: true is one choice with gradients straight through, false a mixture. Read from
  // JSON or a recipe without it, softmax begins as a mixture.
  bool hard = true;

  friend bool operator==(const Router&, const Router&) = default;
};

struct Connection {
  std::string kind = "share";  // share | routed | slice
  Router router;               // of routed
  bool residual = false;       // share, routed: add the layer's input, wherever the widths agree
  bool norm = false;  // share, routed: RMS norm on what the connection gives, before the residual
  // share, routed: what shrink, share, combine, grow, path_in and path_out begin as. normal: N(0,
  // 0.02), as published. identity: every path hears the sum of the embeddings, then the mean of the
  // paths' streams, and its own slice gets its own output (model/tensors.h). It decides initial
  // values alone, never what given weights compute.
  std::string init = "normal";
  // slice (a start that preserves the parents' function): path p keeps its own slice of the D-wide
  // stream.
  bool cross = false;  // x <- x + S_l x after each parallel layer, S_l [D, D] zero at the start
  bool gate = true;  // slice p of the normed stream times N softmax(W_g x + b_g)_p; all ones at the
                     // start
  std::string scale = "mean";   // mean | sum: of the parents' logits
  std::vector<double> weights;  // instead of scale: one for each path

  friend bool operator==(const Connection&, const Connection&) = default;
};

// Whether the composite begins as what its paths do, side by side, rather than from random
// connections: large blocks then begin as the identity too, unless told otherwise.
bool StartsFromPaths(const Connection& connection);

// Exact inverses.
Json ConnectionToJson(const Connection& connection);
Result<Connection> ConnectionFromJson(const Json& json, const std::string& path);

// Fields of another kind must be at their defaults; tau is above 0; weights are as many as `paths`.
Status ValidateConnection(const Connection& connection, size_t paths, const std::string& where);

}  // namespace braid::model
