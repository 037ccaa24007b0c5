#include "recipe/parse/arch_section.h"

#include "base/text.h"
#include "model/fields.h"
#include "recipe/parse/yaml_source.h"

namespace braid::recipe {
namespace {

void CheckPositions(YamlMap& section, int64_t sequence, int64_t positions) {
  if (!section.Has("rope_max_pos") || positions == 0 || sequence <= positions) return;
  section.Fail("rope_max_pos", Format("%lld is below the sequence of %lld tokens",
                                      (long long)positions, (long long)sequence));
}

}  // namespace

void ReadArchSection(YamlMap& section, model::Arch* arch) {
  ReadFields(section, arch);
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
  for (const char* key : {"attn_out_proj", "ffn_gate", "rope_layout", "norm_eps", "rope_base",
                          "rope_scaling", "residual_init"}) {
    (void)section.Node(key);
    if (section.Has(key)) section.Fail(key, "is its paths'; set it there");
  }
  ReadOne(section, "router_noise", arch);
  ReadOne(section, "rope_max_pos", arch);
  CheckPositions(section, sequence, arch->rope_max_pos);
  composite.errors().set_inherited(before);
}

}  // namespace braid::recipe
