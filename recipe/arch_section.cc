#include "recipe/arch_section.h"

#include "base/text.h"

namespace braid::recipe {
namespace {

void CheckPositions(YamlMap& section, int64_t sequence, int64_t positions) {
  if (!section.Has("rope_max_pos") || positions == 0 || sequence <= positions) return;
  section.Fail("rope_max_pos", Format("%lld is below the sequence of %lld tokens",
                                      (long long)positions, (long long)sequence));
}

}  // namespace

void ReadArchSection(YamlMap& section, model::Arch* arch) {
  arch->attn_out_proj = section.Bool("attn_out_proj", arch->attn_out_proj);
  arch->ffn_gate = section.Choice("ffn_gate", arch->ffn_gate, {"silu", "beta_swish"});
  arch->rope_layout = section.Choice("rope_layout", arch->rope_layout, {"half", "interleaved"});
  arch->router_noise = section.Choice("router_noise", arch->router_noise, {"train_only", "always"});
  arch->rope_max_pos = section.Int("rope_max_pos", arch->rope_max_pos, 0, kMany);
  arch->norm_eps = section.Double("norm_eps", arch->norm_eps);
  arch->rope_base = section.Double("rope_base", arch->rope_base);
  arch->residual_init = section.Choice("residual_init", arch->residual_init,
                                       {"plain", "depth_scaled"});
  if (!(arch->norm_eps > 0)) section.Fail("norm_eps", "must be above 0");
  if (!(arch->rope_base > 1)) section.Fail("rope_base", "must be above 1");
}

void ReadModelArch(YamlMap& model, bool dense, int64_t sequence, model::Arch* arch) {
  const bool before = model.errors().inherited();
  model.errors().set_inherited(true);
  YamlMap section(model.Node("arch"), model.PathOf("arch"), model.errors());
  ReadArchSection(section, arch);
  if (dense && section.Has("router_noise"))
    section.Fail("router_noise", "this model has no router");
  CheckPositions(section, sequence, arch->rope_max_pos);
  model.errors().set_inherited(before);
}

void ReadCompositeArch(YamlMap& composite, int64_t sequence, model::Arch* arch) {
  const bool before = composite.errors().inherited();
  composite.errors().set_inherited(true);
  YamlMap section(composite.Node("arch"), composite.PathOf("arch"), composite.errors());
  for (const char* key :
       {"attn_out_proj", "ffn_gate", "rope_layout", "norm_eps", "rope_base", "residual_init"}) {
    (void)section.Node(key);
    if (section.Has(key)) section.Fail(key, "is its paths'; set it there");
  }
  arch->router_noise = section.Choice("router_noise", arch->router_noise, {"train_only", "always"});
  arch->rope_max_pos = section.Int("rope_max_pos", arch->rope_max_pos, 0, kMany);
  CheckPositions(section, sequence, arch->rope_max_pos);
  composite.errors().set_inherited(before);
}

}  // namespace braid::recipe
