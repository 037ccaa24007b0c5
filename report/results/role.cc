#include "report/results/role.h"

namespace braid::report {

std::string TitleOf(Role role) {
  switch (role) {
    case Role::kPath:
      return "path";
    case Role::kComposite:
      return "composite, trained";
    case Role::kCompositeStart:
      return "composite, merged";
    case Role::kDense:
      return "dense baseline";
    case Role::kCompositeScratch:
      return "composite, from scratch";
    case Role::kSeedModel:
      return "seed model";
  }
  return "";
}

}  // namespace braid::report
