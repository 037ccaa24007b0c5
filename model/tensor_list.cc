#include "model/tensor_list.h"

#include <algorithm>
#include <cmath>

namespace braid::model {

void TensorList::Matrix(const std::string& name, int64_t out, int64_t in, double deviation) const {
  Add(name, {out, in}, deviation == 0 ? Init::kConstant : Init::kNormal, Role::kMatrix, deviation);
}

void TensorList::Identity(const std::string& name, int64_t out, int64_t in,
                          const IdentityMap& identity) const {
  Add(name, {out, in}, Init::kIdentity, Role::kMatrix, 1);
  all_.back().identity = identity;
}

void TensorList::Orthogonal(const std::string& name, int64_t out, int64_t in) const {
  // What has more places than it reads would be smaller in each by this.
  const double widening = static_cast<double>(out) / static_cast<double>(in);
  Add(name, {out, in}, Init::kOrthogonal, Role::kMatrix, std::sqrt(std::max(1.0, widening)));
}

void TensorList::Gain(const std::string& name, int64_t width) const {
  Add(name, {width}, Init::kConstant, Role::kGain, 1);
}

void TensorList::Bias(const std::string& name, int64_t width) const {
  Add(name, {width}, Init::kConstant, Role::kBias, 0);
}

void TensorList::Constant(const std::string& name, int64_t width, Role role, double value) const {
  Add(name, {width}, Init::kConstant, role, value);
}

void TensorList::Add(const std::string& name, std::vector<int64_t> shape, Init init, Role role,
                     double scale) const {
  all_.push_back({prefix_ + name, std::move(shape), init, role, /*pad_row=*/-1, scale});
}

}  // namespace braid::model
