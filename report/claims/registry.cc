// All claims. A new one is a function, in the file of its subject or in one of its own beside this,
// and a line in each of the two lists below.
#include "report/claims/claim.h"

namespace braid::report {

Claim CompositeLossClaim();
Claim ScratchLossClaim();
Claim CompositeScoreClaim();
Claim ScratchScoreClaim();
Claim SizeClaim();
Claim CriticalPathClaim();
Claim DeviceTimeClaim();
Claim BetterThanPathsClaim();
Claim DomainClaim();
Claim EvenUseClaim();
Claim SliceStartClaim();
Claim SliceWorthClaim();
Claim DualBeatsWideClaim();
Claim LoopLosesClaim();
Claim SharesSuitDomainsClaim();
Claim BothPathsClaim();
Claim StepsNeededClaim();
Claim NoExtrapolationClaim();
Claim GatesMatterClaim();
Claim ClassesDifferClaim();
Claim NumbersDeepClaim();
Claim WordsWideClaim();
Claim CorporaDifferClaim();
Claim LastLayersDeepClaim();
Claim GatesSharpenClaim();

const std::vector<Claim>& Claims() {
  static const std::vector<Claim> kClaims = {
      CompositeLossClaim(),
      ScratchLossClaim(),
      CompositeScoreClaim(),
      ScratchScoreClaim(),
      SizeClaim(),
      CriticalPathClaim(),
      DeviceTimeClaim(),
      BetterThanPathsClaim(),
      DomainClaim(),
      EvenUseClaim(),
      SliceStartClaim(),
      SliceWorthClaim(),
      DualBeatsWideClaim(),
      LoopLosesClaim(),
      SharesSuitDomainsClaim(),
      BothPathsClaim(),
      StepsNeededClaim(),
      NoExtrapolationClaim(),
      GatesMatterClaim(),
      ClassesDifferClaim(),
      NumbersDeepClaim(),
      WordsWideClaim(),
      CorporaDifferClaim(),
      LastLayersDeepClaim(),
      GatesSharpenClaim(),
  };
  return kClaims;
}

}  // namespace braid::report
