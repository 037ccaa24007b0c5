#include "recipe/parse/train_section.h"

#include "base/text.h"
#include "recipe/parse/yaml_source.h"

namespace braid::recipe {
namespace {

bool HasOwnLr(YamlMap& map) {
  return map.HasAt("optimizer.lr");
}

// Rates of the section itself end what is taken from `train`, and with it the factor.
void CheckRateFactor(YamlMap& map, Joint* joint) {
  joint->own_rates = joint->own_rates || HasOwnLr(map) || map.Has("lr_min") ||
                     map.Has("warmup_start");
  if (joint->own_rates && map.Has("lr_factor"))
    map.Fail("lr_factor",
             "is of rates that come from train; joint has its own (optimizer.lr, lr_min or "
             "warmup_start)");
}

// A phase that continues goes on at the rate that it finds.
void CheckContinued(YamlMap& map, Joint* joint) {
  joint->own_warmup = joint->own_warmup || map.Has("warmup_steps");
  if (joint->lr_schedule != spec::LrSchedule::kContinue) return;
  if (!joint->own_warmup && map.Has("warmup_start"))
    map.Fail("warmup_start", "is of a warm-up; give warmup_steps too");
  for (const char* rate : {"optimizer.lr", "lr_factor"}) {
    if (!map.HasAt(rate)) continue;
    map.FailAt(rate,
               "does nothing: lr_schedule continue begins at the rate at which the parents ended; "
               "leave it out, or give another lr_schedule");
  }
}

}  // namespace

void DropInheritedWarmup(Joint* joint) {
  if (joint->lr_schedule != spec::LrSchedule::kContinue || joint->own_warmup) return;
  joint->warmup_steps = 0;
  joint->warmup_start = 0;
}

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
  CheckContinued(map, joint);
}

}  // namespace braid::recipe
