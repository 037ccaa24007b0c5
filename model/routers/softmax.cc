#include "model/router.h"

namespace braid::model {

extern const RouterKind kSoftmaxRouter;
// A mixture by default, without noise: docs/models.md compares it with the published router.
constinit const RouterKind kSoftmaxRouter = {
    .name = "softmax",
    .meaning = "a mixture by the probabilities",
    .has_hard = true,
    .hard_by_default = false,
};

}  // namespace braid::model
