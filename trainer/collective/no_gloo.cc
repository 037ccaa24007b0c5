#include "trainer/collective/collective.h"

namespace braid::trainer {

Result<std::unique_ptr<Collective>> GlooCollective(task::Rendezvous&, int64_t, int64_t,
                                                   const std::string&, int64_t) {
  return FailedPrecondition(
      "this build has no Gloo, so CPU ranks cannot form a gang; build where libgloo-dev is "
      "installed");
}

}  // namespace braid::trainer
