#include "model/router.h"

namespace braid::model {

extern const RouterKind kNoRouter;
constinit const RouterKind kNoRouter = {
    .name = "none",
    .meaning = "equal weights for all",
    .chooses = false,
};

}  // namespace braid::model
