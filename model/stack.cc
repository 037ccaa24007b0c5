#include "model/stack.h"

#include <cmath>

#include "base/text.h"
#include "model/fields.h"
#include "schema/read.h"

namespace braid::model {
namespace {

Status ValidateDual(const Stack& stack, const std::string& where) {
  const Dual& dual = stack.dual;
  const auto fail = [&](const std::string& field, const std::string& message) {
    return InvalidArgument(where + ".dual." + field + ": " + message);
  };
  if (stack.has_deep() && (dual.loops < 1 || dual.loops > kMaxLoops)) {
    return fail("loops", Format("must be in 1 .. %lld, is %lld", (long long)kMaxLoops,
                                (long long)dual.loops));
  }
  if (!stack.has_deep() && dual.loops != 1)
    return fail("loops", "a " + stack.block + " block has no deep path to loop");
  if (stack.has_deep() && dual.ffn_deep < 1)
    return fail("ffn_deep", "a " + stack.block + " block needs it, at least 1");
  if (!stack.has_deep() && dual.ffn_deep != 0)
    return fail("ffn_deep", "a " + stack.block + " block has no deep path");
  if (stack.has_wide() && dual.ffn_wide < 1)
    return fail("ffn_wide", "a " + stack.block + " block needs it, at least 1");
  if (!stack.has_wide() && dual.ffn_wide != 0)
    return fail("ffn_wide", "a " + stack.block + " block has no wide path");
  if (dual.ffn_deep > kMaxHidden)
    return fail("ffn_deep", Format("must be at most %lld", (long long)kMaxHidden));
  if (dual.ffn_wide > kMaxHidden)
    return fail("ffn_wide", Format("must be at most %lld", (long long)kMaxHidden));
  if (!std::isfinite(dual.scale_init)) return fail("scale_init", "must be finite");
  if (dual.cross && stack.block != "dual_path")
    return fail("cross", "only a dual_path block has two paths to connect");
  return OkStatus();
}

}  // namespace

Json StackToJson(const Stack& stack) {
  Json json = {{"name", stack.name},     {"d", stack.d},         {"heads", stack.heads},
               {"blocks", stack.blocks}, {"block", stack.block}, {"identity", stack.identity}};
  if (stack.block == "llama") {
    json["ffn"] = stack.ffn;
  } else {
    json["dual"] = schema::ToJson(stack.dual);
  }
  return json;
}

Result<Dual> DualFromJson(const Json& json, const std::string& path) {
  return schema::FromJson<Dual>(json, path);
}

Result<Stack> StackFromJson(const Json& json, const std::string& path) {
  JsonReader read(json, path);
  Stack stack;
  stack.name = read.RequireString("name");
  stack.d = read.RequireInt("d");
  stack.heads = read.RequireInt("heads");
  stack.blocks = read.RequireInt("blocks");
  stack.block = read.Choice("block", "llama", {"llama", "wide", "loop", "dual_path"});
  stack.identity = read.Bool("identity", false);
  const bool llama = stack.block == "llama";
  if (llama) stack.ffn = read.Int("ffn", stack.d > 0 && stack.d <= kMaxHidden ? 4 * stack.d : 0);
  static const Json kNone;
  const Json& dual = llama ? kNone : read.RequireObject("dual");
  BRAID_RETURN_IF_ERROR(read.Finish());
  if (!llama) {
    BRAID_ASSIGN_OR_RETURN(stack.dual, DualFromJson(dual, read.PathOf("dual")));
  }
  return stack;
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
  if (stack.head_size() % 2 != 0) {
    return fail("heads", Format("head size %lld is odd; rotary positions need pairs",
                                (long long)stack.head_size()));
  }
  if (stack.blocks <= 0 || stack.blocks > 1024) return fail("blocks", "must be in 1 .. 1024");
  if (stack.block == "llama") {
    if (stack.ffn <= 0 || stack.ffn > kMaxHidden)
      return fail("ffn", Format("must be in 1 .. %lld", (long long)kMaxHidden));
    if (!(stack.dual == Dual{})) return fail("dual", "a llama block has no such knobs");
    return OkStatus();
  }
  if (stack.block != "wide" && stack.block != "loop" && stack.block != "dual_path") {
    return fail("block", "\"" + stack.block +
                             "\" is not a block; there are llama, wide, loop and dual_path");
  }
  return ValidateDual(stack, where);
}

Stack UsualLarge(const std::vector<Stack>& paths) {
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
