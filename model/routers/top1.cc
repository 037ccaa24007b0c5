#include "model/router.h"

namespace braid::model {

extern const RouterKind kTop1Router;
constinit const RouterKind kTop1Router = {
    .name = "top1",
    .meaning = "one choice, times its probability",
};

}  // namespace braid::model
