#include "model/router.h"

namespace braid::model {

// A new router: its name in both lists.
extern const RouterKind kSoftmaxRouter, kTop1Router, kNoRouter;

const std::vector<const RouterKind*>& Registered(const RouterKind*) {
  static const std::vector<const RouterKind*> kRouters = {&kGumbelRouter, &kSoftmaxRouter,
                                                          &kTop1Router, &kNoRouter};
  return kRouters;
}

}  // namespace braid::model
