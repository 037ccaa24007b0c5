#include <string_view>

#include "base/status.h"
#include "trainer/network/router.h"

namespace braid::trainer {

// A new router: its name in both lists.
extern const RouterForward kGumbelForward, kSoftmaxForward, kTop1Forward, kNoForward;

const std::vector<RouterForward>& RouterForwards() {
  static const std::vector<RouterForward> kForwards = {kGumbelForward, kSoftmaxForward,
                                                       kTop1Forward, kNoForward};
  return kForwards;
}

const RouterForward& ForwardOf(const model::RouterKind& kind) {
  for (const RouterForward& forward : RouterForwards()) {
    if (std::string_view(forward.kind) == kind.name) return forward;
  }
  BRAID_CHECK(false);  // a registered router has one: kinds_test
  return RouterForwards().front();
}

}  // namespace braid::trainer
