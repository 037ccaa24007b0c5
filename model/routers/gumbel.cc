#include "model/router.h"

namespace braid::model {

// docs/papers/papaformer.md#s3
constinit const RouterKind kGumbelRouter = {
    .name = "gumbel",
    .meaning = "a choice with Gumbel noise",
    .draws_noise = true,
    .has_hard = true,
};

}  // namespace braid::model
