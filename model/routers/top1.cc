#include "model/router.h"

namespace braid::model {

extern const RouterKind kTop1Router;
// Always one choice: its probability is what gives it a gradient.
constinit const RouterKind kTop1Router = {
    .name = "top1",
    .meaning = "one choice, times its probability",
};

}  // namespace braid::model
