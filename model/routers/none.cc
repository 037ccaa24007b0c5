#include "model/router.h"

namespace braid::model {

extern const RouterKind kNoRouter;
// The baseline that a learned router has to beat.
constinit const RouterKind kNoRouter = {
    .name = "none",
    .meaning = "equal weights for all",
    .chooses = false,
};

}  // namespace braid::model
