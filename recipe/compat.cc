#include "recipe/compat.h"

#include "model/fields.h"

namespace braid::recipe {
namespace {

std::string Line(const std::string& field, const Json& value) {
  return field + " = " + (value.is_string() ? value.get<std::string>() : value.dump());
}

// Adds the fields that have an id in the paper (A1-A5, T1-T8) and differ from those of `usual`.
template <class T>
void AddNamed(const std::string& where, const T& settings, const T& usual,
              std::vector<std::string>* lines) {
  for (const schema::Field& field : schema::FieldsOf<T>().fields) {
    if (field.id.empty()) continue;
    const Json value = field.get(&settings);
    if (value != field.get(&usual)) lines->push_back(Line(where + "." + field.name, value));
  }
}

}  // namespace

// As published, maps between streams begin as noise, and the trained paths behind them are lost at
// first; docs/models.md has the measurement.
model::ConnectInit ConnectInitPreset(spec::Compat compat) {
  return compat == spec::Compat::kPaper ? model::ConnectInit::kNormal
                                        : model::ConnectInit::kIdentity;
}

model::Arch ArchPreset(spec::Compat compat) {
  return compat == spec::Compat::kPaper ? model::PaperArch() : model::Arch();
}

// A rate for networks from scratch is too high for the trained paths of a composite. Not for
// `slice`: what it adds begins as nothing, and its paths go on as they were.
double JointRatePreset(spec::Compat compat, model::ConnectionKind connect) {
  return compat == spec::Compat::kPaper || connect == model::ConnectionKind::kSlice ? 1.0 : 0.5;
}

double ScaleJointRates(spec::Compat compat, model::ConnectionKind connect, Joint* joint) {
  // What continues begins at the rate of the parents, which is right for them.
  const bool keeps = joint->own_rates || joint->lr_schedule == spec::LrSchedule::kContinue;
  const double factor = keeps ? 1 : joint->lr_factor.value_or(JointRatePreset(compat, connect));
  // All rates scale together, so that the shape of the schedule stays.
  for (double* rate : {&joint->optimizer.lr, &joint->lr_min, &joint->warmup_start}) *rate *= factor;
  return factor;
}

// Each model is compared with what it would have without a section of its own, so that a difference
// is told once, where it was made.
std::vector<std::string> Overrides(const Recipe& recipe) {
  std::vector<std::string> lines;
  AddNamed("arch", recipe.arch, ArchPreset(recipe.compat), &lines);
  AddNamed("train", recipe.train, spec::TrainPreset(recipe.compat), &lines);
  spec::RecipeEval eval;
  if (recipe.compat == spec::Compat::kPaper) schema::ApplyPaper(spec::RecipeEval::Fields(), &eval);
  AddNamed("eval", recipe.eval, eval, &lines);
  for (const Model& path : recipe.paths) {
    AddNamed("paths." + path.name() + ".arch", path.spec.arch, recipe.arch, &lines);
    AddNamed("paths." + path.name() + ".train", path.train, recipe.train, &lines);
  }
  for (const Model& baseline : recipe.baselines) {
    AddNamed("baselines." + baseline.name() + ".arch", baseline.spec.arch, recipe.arch, &lines);
    AddNamed("baselines." + baseline.name() + ".train", baseline.train, recipe.train, &lines);
  }
  if (!recipe.composites.empty())
    AddNamed<spec::Train>("joint", recipe.joint, recipe.train, &lines);
  for (const Composite& composite : recipe.composites) {
    AddNamed("composites." + composite.name() + ".arch", composite.spec.arch, recipe.arch, &lines);
    const model::Connection& connection = composite.spec.connection;
    // A slice has no choice.
    if (!connection.is_slice() && connection.init != ConnectInitPreset(recipe.compat)) {
      lines.push_back(Line("composites." + composite.name() + ".connect_init",
                           schema::NameOf(connection.init)));
    }
    AddNamed<spec::Train>("composites." + composite.name() + ".joint", composite.joint,
                          recipe.joint, &lines);
  }
  return lines;
}

}  // namespace braid::recipe
