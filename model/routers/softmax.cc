#include "model/router.h"

namespace braid::model {

extern const RouterKind kSoftmaxRouter;
constinit const RouterKind kSoftmaxRouter = {
    .name = "softmax",
    .meaning = "a mixture by the probabilities",
    .has_hard = true,
    .hard_by_default = false,
};

}  // namespace braid::model
