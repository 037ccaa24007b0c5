#include "trainer/network/router.h"

namespace braid::trainer {

// The composite weighs all alike by itself.
extern const RouterForward kNoForward;
constinit const RouterForward kNoForward = {"none"};

}  // namespace braid::trainer
