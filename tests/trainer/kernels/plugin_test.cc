#include <dlfcn.h>
#include <gmock/gmock.h>

#include "trainer/kernels/cuda_plugin.h"
#include "trainer/kernels/fault.h"
#include "trainer/network/network.h"

namespace braid::trainer {
namespace {

using ::testing::HasSubstr;

TEST(PluginTest, LoadsWithOrWithoutAGpu) {
  void* library = dlopen(BRAID_BINARY_DIR "/bin/libbraid_trainer_cuda.so", RTLD_NOW | RTLD_GLOBAL);
  ASSERT_NE(library, nullptr) << dlerror();
  const auto entry = reinterpret_cast<const CudaFunctions* (*)()>(
      dlsym(library, "braid_cuda_functions"));
  ASSERT_NE(entry, nullptr);
  EXPECT_GE(entry()->device_count(), 0);
  const Status device = entry()->check_device();
  if (entry()->device_count() == 0) {
    EXPECT_EQ(device.reason(), "DEVICE_UNUSABLE");
    EXPECT_THAT(device.message(), HasSubstr("no GPU is visible to this process ("));
    EXPECT_THAT(device.message(),
                HasSubstr("look at the driver with nvidia-smi and at CUDA_VISIBLE_DEVICES"));
  } else {
    EXPECT_TRUE(device.ok()) << device.message();
  }
  EXPECT_NE(entry()->softmax_loss, nullptr);
  EXPECT_NE(entry()->nccl, nullptr);
}

TEST(PluginTest, ANetworkOnCudaWithoutThePlugInSaysWhatIsMissing) {
  model::ModelSpec spec;
  spec.name = "m";
  spec.vocab = 11;
  spec.pad_id = 10;
  spec.sequence = 8;
  spec.dense = {"m", 8, 2, 1, 16};
  const auto network = Network::Create(spec, "cuda");  // no plug-in stands beside this test
  ASSERT_FALSE(network.ok());
  EXPECT_EQ(network.status().code(), StatusCode::kUnavailable) << "of this machine, not of the job";
  EXPECT_EQ(network.status().reason(), "DEVICE_UNUSABLE");
  EXPECT_THAT(network.status().message(), HasSubstr("libbraid_trainer_cuda.so"));
  EXPECT_THAT(network.status().message(), HasSubstr("scripts/build makes it"));
}

}  // namespace
}  // namespace braid::trainer
