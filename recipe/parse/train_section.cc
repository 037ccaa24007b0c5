#include "recipe/parse/train_section.h"

#include "base/text.h"
#include "recipe/parse/yaml_source.h"

namespace braid::recipe {
namespace {

// Rates of the section itself end what is taken from `train`, and with it the factor.
void CheckRateFactor(YamlMap& map, Joint* joint) {
  const YAML::Node optimizer = map.Node("optimizer");
  const bool lr = optimizer.IsDefined() && optimizer.IsMap() && optimizer["lr"].IsDefined();
  joint->own_rates = joint->own_rates || lr || map.Has("lr_min") || map.Has("warmup_start");
  if (joint->own_rates && map.Has("lr_factor"))
    map.Fail("lr_factor",
             "is of rates that come from train; joint has its own (optimizer.lr, lr_min or "
             "warmup_start)");
}

}  // namespace

void ReadTrainSection(const YAML::Node& node, const std::string& path, YamlErrors& errors,
                      spec::Train* train) {
  YamlMap map(node, path, errors);
  ReadFields(map, train);
}

void ReadJointSection(const YAML::Node& node, const std::string& path, YamlErrors& errors,
                      Joint* joint) {
  YamlMap map(node, path, errors);
  CheckRateFactor(map, joint);
  YamlSource source(map);
  source.Inherit(spec::Train::Fields());
  schema::Read(source, spec::Joint::Fields(), static_cast<spec::Joint*>(joint));
}

}  // namespace braid::recipe
