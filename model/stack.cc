#include "model/stack.h"

#include "base/text.h"
#include "model/fields.h"

namespace braid::model {

Json StackToJson(const Stack& stack) {
  return schema::ToJson(stack);
}

Status ValidateStack(const Stack& stack, const std::string& where) {
  const auto fail = [&](const std::string& field, const std::string& message) {
    return InvalidArgument(where + "." + field + ": " + message);
  };
  if (stack.d <= 0 || stack.d > 65536)
    return fail("d", Format("must be in 1 .. 65536, is %lld", (long long)stack.d));
  if (stack.heads <= 0) return fail("heads", "must be at least 1");
  if (stack.d % stack.heads != 0) {
    return fail("heads", Format("%lld heads do not divide width %lld", (long long)stack.heads,
                                (long long)stack.d));
  }
  // Rotary positions turn pairs of numbers.
  if (stack.head_size() % 2 != 0) {
    return fail("heads", Format("head size %lld is odd; rotary positions need pairs",
                                (long long)stack.head_size()));
  }
  if (stack.kv_heads < 0 || stack.heads % stack.key_heads() != 0) {
    return fail("kv_heads", Format("%lld heads of keys and values do not divide %lld heads",
                                   (long long)stack.kv_heads, (long long)stack.heads));
  }
  if (stack.blocks <= 0 || stack.blocks > 1024) return fail("blocks", "must be in 1 .. 1024");
  return stack.block->check(stack, where);
}

Stack DefaultLarge(const std::vector<Stack>& paths) {
  // Of a composite without large blocks in its description; the name is that of its tensors.
  Stack large = {"large", 0, 0, 2, 0};
  int64_t together = 0;
  for (const Stack& path : paths) {
    large.d += path.d;
    together += path.heads;
  }
  large.ffn = 4 * large.d;
  const auto fits = [&](int64_t heads) {
    return heads > 0 && large.d % heads == 0 && large.d / heads % 2 == 0;
  };
  // If the heads of all paths together do not divide D into even sizes, heads of the first path's
  // size may.
  const int64_t size = paths.empty() || paths.front().heads == 0 ? 0 : paths.front().head_size();
  const int64_t of_size = size > 0 && large.d % size == 0 ? large.d / size : 0;
  large.heads = fits(together) ? together : fits(of_size) ? of_size : 0;
  return large;
}

bool SameShape(const Stack& a, const Stack& b) {
  Stack named = b;
  named.name = a.name;
  return a == named;
}

}  // namespace braid::model
