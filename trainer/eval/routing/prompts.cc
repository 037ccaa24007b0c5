#include "trainer/eval/routing/prompts.h"

namespace braid::trainer {

const std::vector<spec::RoutingPrompt>& DefaultRoutingPrompts() {
  static const auto& prompts = *new std::vector<spec::RoutingPrompt>{
      {"Once upon a time, there was a little", 1},
      {"Once upon a time, there was a little boy named Lily.", 1},
      {"There was a little girl.", 1},
      {"There was a little girl named Timmy.", 1},
      {"Little girl was playing in the garden with her", 1},
      {"The dog ran to the park because it wanted to", 1},
      {"One day, a bird saw a big red", 1},
      {"Mom smiled and said, \"Thank you for", 1},
      {"They made a pot of yummy soup and shared it with", 1},
      {"The little boy was sad because he lost his", 1},
      {"Solve this equation for x: 2x + 3 =", 2},
      {"If a train travels 60 miles in 2 hours, its speed is", 2},
      {"Let's solve this problem using Python code.\n<llm-code>\nimport", 2},
      {"The sum of the first ten numbers is", 2},
      {"Evaluate the expression 3 * (4 + 5) -", 2},
      {"There are 12 apples in 3 boxes. How many apples are in", 2},
      {"Simplify the fraction 12/18 to", 2},
      {"The area of a rectangle with sides 4 and 6 is", 2},
      {"Let's write Python code with sympy:", 2},
      {"1 + 1", 2},
  };
  return prompts;
}

}  // namespace braid::trainer
