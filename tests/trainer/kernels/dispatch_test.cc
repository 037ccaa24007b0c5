// Which instruction set is taken, and that all of them give the same sums where they promise it.
#include "trainer/kernels/simd/dispatch.h"

#include <gmock/gmock.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "base/process.h"
#include "base/random.h"
#include "tests/trainer/kernels/tested_kernels.h"
#include "trainer/kernels/simd/tile_permission.h"

namespace braid::trainer {
namespace {

using ::testing::HasSubstr;

class Variable {
 public:
  explicit Variable(const char* value) { setenv(kIsaVariable, value, 1); }
  ~Variable() { unsetenv(kIsaVariable); }
};

TEST(DispatchTest, TheGenericOneIsThereAndTheWidestLast) {
  const auto usable = UsableSimdKernels();
  EXPECT_STREQ(usable.front()->name, "generic");
  for (size_t i = 1; i < usable.size(); ++i) EXPECT_GE(usable[i]->panel, usable[i - 1]->panel);
}

TEST(DispatchTest, ANameThatTheMachineDoesNotHaveIsRefused) {
  EXPECT_TRUE(CheckIsa().ok());
  {
    const Variable variable("generic");
    EXPECT_TRUE(CheckIsa().ok());
  }
  const Variable variable("sse9");
  const Status status = CheckIsa();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("environment variable BRAID_ISA: sse9 is no instruction "
                                          "set that this machine has; it has generic"));
}

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const SimdKernels* kernels : UsableSimdKernels()) names.emplace_back(kernels->name);
  return names;
}

// In a process to which the kernel does not give the tiles of AMX.
TEST(DispatchTest, DISABLED_WithoutTiles) {
  EXPECT_FALSE(MayUseTiles());
  EXPECT_EQ(Names().back(), "avx512_bf16");
  EXPECT_STREQ(Simd().name, "avx512_bf16");
  const Variable variable("amx");
  EXPECT_THAT(CheckIsa().message(), HasSubstr("BRAID_ISA: amx is no instruction set that this "
                                              "machine has; it has generic"));
}

#ifdef SYS_arch_prctl
// From now on the kernel refuses tiles to this thread and to the programs that it starts, as one
// does that is older than tiles. Returns false where the system does not allow to ask for that.
bool RefuseTiles() {
  constexpr uint32_t kRequest = 0x1023;  // ARCH_REQ_XCOMP_PERM
  sock_filter steps[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_arch_prctl, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[0])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kRequest, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{static_cast<unsigned short>(std::size(steps)), steps};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

TEST(DispatchTest, WhereTheKernelRefusesTilesTheNextSetIsTaken) {
  if (!MayUseTiles()) GTEST_SKIP() << "of processors with AMX";
  EXPECT_EQ(Names().back(), "amx");
  bool refused = false;
  int code = -1;
  std::thread([&] {
    if (!(refused = RefuseTiles())) return;
    const auto child = Process::Start({.argv = {std::filesystem::read_symlink("/proc/self/exe"),
                                                "--gtest_filter=DispatchTest.DISABLED_WithoutTiles",
                                                "--gtest_also_run_disabled_tests"}});
    ASSERT_TRUE(child.ok()) << child.status().ToString();
    ASSERT_TRUE((*child)->Wait(-1));
    code = (*child)->exit().code;
  }).join();
  if (!refused) GTEST_SKIP() << "this system does not let a process restrict itself";
  EXPECT_EQ(code, 0);
}
#endif

TEST(DispatchTest, SumsOfSquaresHaveTheSameBits) {
  std::vector<float> values(10'007);
  const RandomStream draws(1, "values");
  for (size_t i = 0; i < values.size(); ++i) values[i] = draws.Normal(i);
  double exact = 0;
  for (const float value : values) exact += static_cast<double>(value) * value;
  const double sum = UsableSimdKernels().front()->sum_of_squares(values.data(), std::ssize(values));
  EXPECT_NEAR(sum / exact, 1, 1e-12);
  for (const SimdKernels* simd : TestedSimdKernels())
    EXPECT_EQ(simd->sum_of_squares(values.data(), std::ssize(values)), sum) << simd->name;
}

// The whole update against its formula, with a rest that fills no vector.
TEST(DispatchTest, AdamWIsItsFormulaAndZeroesTheGradients) {
  constexpr int64_t kCount = 37;
  for (const SimdKernels* simd : TestedSimdKernels()) {
    std::vector<float> p(kCount + 1), g(kCount + 1), m(kCount + 1), v(kCount + 1);
    const RandomStream draws(2, "adamw");
    for (size_t i = 0; i <= kCount; ++i) {
      p[i] = draws.Normal(4 * i), g[i] = draws.Normal(4 * i + 1), m[i] = draws.Normal(4 * i + 2);
      v[i] = draws.Normal(4 * i + 3) * draws.Normal(4 * i + 3);
    }
    const auto p0 = p, g0 = g, m0 = m, v0 = v;
    simd->adamw({.p = p.data(),
                 .g = g.data(),
                 .m = m.data(),
                 .v = v.data(),
                 .count = kCount,
                 .divide = 2.0f,
                 .decay = 0.9f,
                 .beta1 = 0.75f,
                 .beta2 = 0.5f,
                 .step_size = 0.1f,
                 .root = 1.5f,
                 .eps = 0.01f});
    for (size_t i = 0; i < kCount; ++i) {
      const double half = g0[i] / 2.0, first = 0.75 * m0[i] + 0.25 * half,
                   second = 0.5 * v0[i] + 0.5 * half * half;
      EXPECT_NEAR(m[i], first, 1e-6);
      EXPECT_NEAR(v[i], second, 1e-6);
      EXPECT_NEAR(p[i], 0.9 * p0[i] - 0.1 * first / (std::sqrt(second) * 1.5 + 0.01), 3e-6)
          << simd->name;
      EXPECT_EQ(g[i], 0.0f);
    }
    EXPECT_EQ(p[kCount], p0[kCount]) << "beyond the end";
    EXPECT_EQ(g[kCount], g0[kCount]);
  }
}

}  // namespace
}  // namespace braid::trainer
