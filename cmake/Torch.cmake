# LibTorch, NCCL and nvcc from the PyPI wheels. Not find_package(Torch): that insists on a CUDA toolkit, switches
# CMAKE_CUDA_ARCHITECTURES off and breaks Protobuf's imported targets.
execute_process(COMMAND ${Python3_EXECUTABLE} -c
  "import importlib.util as u; s = u.find_spec('torch'); print(s.submodule_search_locations[0] if s else '')"
  OUTPUT_VARIABLE TORCH OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
if(NOT TORCH)
  if(BRAID_TRAINER_ONLY)
    message(FATAL_ERROR "${Python3_EXECUTABLE} has no torch; give -DPython3_EXECUTABLE of one that has torch 2.11.0")
  endif()
  message(WARNING "no torch in ${Python3_EXECUTABLE}: braid-trainer is not built; run scripts/setup")
  set(BRAID_WITH_TORCH OFF)
  return()
endif()
set(BRAID_WITH_TORCH ON)
get_filename_component(SITE ${TORCH} DIRECTORY)

add_library(torch_cpu_wheel INTERFACE)
target_include_directories(torch_cpu_wheel SYSTEM INTERFACE
  ${TORCH}/include ${TORCH}/include/torch/csrc/api/include)
target_link_libraries(torch_cpu_wheel INTERFACE ${TORCH}/lib/libtorch_cpu.so ${TORCH}/lib/libc10.so)
# at::parallel_for is a template that runs on one thread where it is compiled without OpenMP. Its threads are those of the copy
# of libgomp that torch uses; another one would have threads of its own.
file(GLOB TORCH_GOMP ${TORCH}/lib/libgomp*.so*)
if(NOT TORCH_GOMP)
  message(FATAL_ERROR "${TORCH}/lib has no libgomp: braid's kernels would have no threads")
endif()
list(GET TORCH_GOMP 0 TORCH_GOMP)
target_link_libraries(torch_cpu_wheel INTERFACE ${TORCH_GOMP})
target_link_options(torch_cpu_wheel INTERFACE -Wl,-rpath,${TORCH}/lib -Wl,--allow-shlib-undefined)

# CUDA parts are a plug-in of the trainer: compiled and linked wherever the wheels have the pieces, GPU or not.
find_program(BRAID_NVCC nvcc HINTS ${SITE}/nvidia/cu13/bin)
if(BRAID_NVCC AND EXISTS ${TORCH}/lib/libtorch_cuda.so)
  set(BRAID_WITH_CUDA ON)
  add_library(torch_cuda_wheel INTERFACE)
  target_include_directories(torch_cuda_wheel SYSTEM INTERFACE
    ${SITE}/nvidia/cu13/include ${SITE}/nvidia/cu13/include/cccl ${SITE}/nvidia/nccl/include)
  # --no-as-needed: CUDA operators register in static initialisers, no symbol asks for the library.
  target_link_libraries(torch_cuda_wheel INTERFACE torch_cpu_wheel -Wl,--no-as-needed
    ${TORCH}/lib/libtorch_cuda.so ${TORCH}/lib/libc10_cuda.so ${SITE}/nvidia/nccl/lib/libnccl.so.2
    ${SITE}/nvidia/cu13/lib/libcudart.so.13 -Wl,--as-needed)
  set(CMAKE_CUDA_COMPILER ${BRAID_NVCC})
  set(CMAKE_CUDA_STANDARD 17)  # CMake 3.25 knows no CUDA20, and kernels are plain C++17
  # nvcc's profile looks in lib64 where the wheels have lib, and CMake's first program with nvcc links cudart. A variable of the
  # environment and no -L: nvcc takes no option with a space in it, and the folder of a checkout may have one.
  set(ENV{LIBRARY_PATH} "${SITE}/nvidia/cu13/lib:$ENV{LIBRARY_PATH}")
  # Everything that this nvcc compiles for and torch runs on, from Turing on; newer GPUs compile the PTX of the last one.
  set(CMAKE_CUDA_ARCHITECTURES 75-real 80-real 86-real 89-real 90-real 100-real 110-real 120)
  set(CMAKE_CUDA_RUNTIME_LIBRARY None)  # else a second, static cudart
  enable_language(CUDA)
else()
  set(BRAID_WITH_CUDA OFF)
  message(STATUS "no nvcc in ${SITE}: the CUDA plug-in is not built")
endif()

# Debian's Gloo, linked before torch so that its symbols win over the older copy inside libtorch_cpu.
find_path(GLOO_INCLUDE gloo/allreduce.h)
find_library(GLOO_LIBRARY gloo)
if(GLOO_INCLUDE AND GLOO_LIBRARY)
  set(BRAID_WITH_GLOO ON)
  add_library(gloo_package INTERFACE)
  target_include_directories(gloo_package SYSTEM INTERFACE ${GLOO_INCLUDE})
  target_link_libraries(gloo_package INTERFACE -Wl,--no-as-needed ${GLOO_LIBRARY} -Wl,--as-needed)
else()
  set(BRAID_WITH_GLOO OFF)
  message(STATUS "no Gloo: gangs of CPU ranks are not built")
endif()
