#include "trainer/network/routers/choice.h"

namespace braid::trainer {
namespace {

Routed RouteSoftmax(const model::Router& router, const at::Tensor& logits, const std::string&,
                    const ForwardContext& pass) {
  return Choose(router, logits, pass);
}

}  // namespace

extern const RouterForward kSoftmaxForward;
constinit const RouterForward kSoftmaxForward = {"softmax", &RouteSoftmax};

}  // namespace braid::trainer
