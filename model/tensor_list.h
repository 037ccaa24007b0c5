// How the tensors of a model are listed: each with its name, shape, initial values and role.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "model/tensors.h"

namespace braid::model {

// Standard deviation of weights that begin as random numbers.
inline constexpr double kInitDeviation = 0.02;

// Appends tensors whose names begin with a prefix to a list that outlives it.
class TensorList {
 public:
  // `prefix` is empty or ends with a dot.
  TensorList(std::vector<TensorSpec>& all, std::string prefix)
      : all_(all), prefix_(std::move(prefix)) {}

  // A matrix [out, in] from N(0, deviation); 0: of zeros.
  void Matrix(const std::string& name, int64_t out, int64_t in,
              double deviation = kInitDeviation) const;
  // A matrix [out, in] of zeros and ones.
  void Identity(const std::string& name, int64_t out, int64_t in,
                const IdentityMap& identity) const;
  // A random orthogonal matrix [out, in] that keeps the root mean square of what it reads.
  void Orthogonal(const std::string& name, int64_t out, int64_t in) const;
  // The gain of a norm, [width] ones.
  void Gain(const std::string& name, int64_t width) const;
  // [width] zeros.
  void Bias(const std::string& name, int64_t width) const;
  // [width] times `value`.
  void Constant(const std::string& name, int64_t width, Role role, double value) const;

  // The same list, for names that begin with "<prefix><name>.".
  TensorList In(const std::string& name) const { return {all_, prefix_ + name + "."}; }

 private:
  // Appends one tensor; the functions above call it.
  void Add(const std::string& name, std::vector<int64_t> shape, Init init, Role role,
           double scale) const;

  std::vector<TensorSpec>& all_;
  std::string prefix_;
};

}  // namespace braid::model
