# What every target of braid has in common: language, warnings, optimisation, sanitizer.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
# What x86 does without being told: char has a sign, and sums are not fused with products. Numbers are to be the same everywhere.
if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64|i[3-6]86)$")
  add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:-fsigned-char;-ffp-contract=off>")
endif()
# Checks of invariants stay in release builds too; the compute is in libraries and kernels.
set(CMAKE_CXX_FLAGS_RELEASE "-O2")

find_program(CCACHE ccache)
if(CCACHE)
  # ccache keeps what was compiled with precompiled headers only if it is told that this is meant.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>)
  endif()
endif()

# The same for libraries and programs, with gRPC and without: then all can share what is precompiled.
add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:-fPIC;-pthread>")

add_library(braid_options INTERFACE)
target_include_directories(braid_options INTERFACE ${CMAKE_SOURCE_DIR})
# Fields have defaults: leaving out the last ones is how they are taken.
target_compile_options(braid_options INTERFACE -Wall -Wextra -Wshadow -Werror -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # A key of a rank is written as its four parts, without the braces of its bases (task/keys.h).
  target_compile_options(braid_options INTERFACE -Wthread-safety -Wno-missing-braces)
endif()
if(BRAID_SANITIZER)
  set(CMAKE_CXX_FLAGS_RELEASE "-O0")  # to compile costs more than to run: each build runs once
  add_compile_options(-fsanitize=${BRAID_SANITIZER} -fno-omit-frame-pointer -g1)
  add_link_options(-fsanitize=${BRAID_SANITIZER})
  if(BRAID_SANITIZER STREQUAL "address")
    add_compile_options(-fsanitize=undefined -fno-sanitize-recover=undefined)
    add_link_options(-fsanitize=undefined)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
      # Functions that are found in libraries by their names have no type that could be compared.
      add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fno-sanitize=function>)
    endif()
  endif()
endif()

# What nearly every source reads is parsed once: JSON and the standard library for all, GoogleMock too for tests. Sources
# include what they use all the same; -D CMAKE_DISABLE_PRECOMPILE_HEADERS=ON shows it.
set(BRAID_HEADERS <nlohmann/json.hpp> <algorithm> <chrono> <filesystem> <functional> <map> <memory> <mutex> <optional> <set> <sstream> <string>
  <thread> <unordered_map> <vector>)
function(braid_precompiled name)
  file(TOUCH ${CMAKE_BINARY_DIR}/${name}.cc)
  add_library(${name} OBJECT ${CMAKE_BINARY_DIR}/${name}.cc)
  target_precompile_headers(${name} PRIVATE ${ARGN})
  target_link_libraries(${name} PRIVATE braid_options nlohmann_json::nlohmann_json)
endfunction()

# braid_library(braid_corpus SOURCES a.cc b.cc DEPS braid_base PRIVATE_DEPS zstd_package)
function(braid_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC ${ARG_DEPS} PRIVATE braid_options ${ARG_PRIVATE_DEPS})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_precompile_headers(${name} REUSE_FROM braid_headers)
endfunction()

# braid_program(braid-prepare SOURCES main.cc DEPS braid_corpus)
function(braid_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} braid_options)
  target_precompile_headers(${name} REUSE_FROM braid_headers)
endfunction()

# Builds every GoogleTest program, and what they need: `ninja unit_tests`, or those of one folder: `ninja unit_tests_base`.
add_custom_target(unit_tests)
# How many test sources are compiled as one: more is faster in total, and slower after a change of one of them.
set(BRAID_TESTS_TOGETHER 8 CACHE STRING "test sources that are compiled as one unit")

# Folders whose tests are one program, FOLDER_tests: headers, templates and links, which take most of the time, are there once.
# FOLDER_sha256_test is then a link to it that runs the tests of sha256_test.cc (tests/main.cc), and a target. So names in
# anonymous namespaces differ between the tests of such a folder. The other folders have a program for each test.
set(BRAID_FOLDERS_AS_ONE base trace schema model spec task files catalog bucket fetch corpus rpc recipe submit merge report
  eval export loop network optim scheduler coordinator worker pool cli alert)

# braid_test(sha256_test SOURCES sha256_test.cc DEPS braid_base LABELS slow): one ctest test.
# With ALONE it is a program of its own in any folder: it defines what others must not see, or has options of its own.
# Tests are compiled fast rather than well, in half the time: functions that they call are optimised, templates are not.
function(braid_test name)
  cmake_parse_arguments(ARG "ALONE" "TIMEOUT" "SOURCES;DEPS;LABELS" ${ARGN})
  get_filename_component(folder ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  set(target ${folder}_${name})
  if(NOT TARGET unit_tests_${folder})
    add_custom_target(unit_tests_${folder})
    add_dependencies(unit_tests unit_tests_${folder})
  endif()
  if(ARG_ALONE OR NOT folder IN_LIST BRAID_FOLDERS_AS_ONE)
    braid_test_program(${target} SOURCES ${ARG_SOURCES} DEPS ${ARG_DEPS} GTest::gmock_main)
  else()
    if(NOT ARG_SOURCES STREQUAL "${name}.cc")
      message(FATAL_ERROR "${target}: a test that is not ALONE has one source, ${name}.cc, not ${ARG_SOURCES}")
    endif()
    get_property(begun DIRECTORY PROPERTY BRAID_TEST_SOURCES SET)
    set_property(DIRECTORY APPEND PROPERTY BRAID_TEST_SOURCES ${ARG_SOURCES})
    set_property(DIRECTORY APPEND PROPERTY BRAID_TEST_DEPS ${ARG_DEPS})
    set_property(DIRECTORY APPEND PROPERTY BRAID_TEST_NAMES ${target})
    add_custom_target(${target})
    if(NOT begun)
      cmake_language(EVAL CODE "cmake_language(DEFER CALL braid_folder_tests ${folder})")
    endif()
  endif()
  add_dependencies(unit_tests_${folder} ${target})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  add_test(NAME ${folder}/${name} COMMAND ${CMAKE_BINARY_DIR}/tests/${target})
  set_tests_properties(${folder}/${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT})
endfunction()

# The program of all tests of this folder, once all are known, and a link to it for each of them.
function(braid_folder_tests folder)
  get_property(sources DIRECTORY PROPERTY BRAID_TEST_SOURCES)
  get_property(deps DIRECTORY PROPERTY BRAID_TEST_DEPS)
  get_property(names DIRECTORY PROPERTY BRAID_TEST_NAMES)
  list(REMOVE_DUPLICATES deps)
  braid_test_program(${folder}_tests SOURCES ${sources} DEPS ${deps} braid_test_main GTest::gmock)
  set_target_properties(${folder}_tests PROPERTIES UNITY_BUILD_BATCH_SIZE ${BRAID_TESTS_TOGETHER})
  foreach(name ${names})
    add_dependencies(${name} ${folder}_tests)
    file(CREATE_LINK ${folder}_tests ${CMAKE_BINARY_DIR}/tests/${name} SYMBOLIC)
  endforeach()
endfunction()

function(braid_test_program target)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${target} ${ARG_SOURCES})
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_link_libraries(${target} PRIVATE ${ARG_DEPS} braid_options)
  target_compile_definitions(${target} PRIVATE
    BRAID_SOURCE_DIR="${CMAKE_SOURCE_DIR}" BRAID_BINARY_DIR="${CMAKE_BINARY_DIR}"
    BRAID_PEERS_PYTHON="${BRAID_PEERS_PYTHON}")
  target_compile_options(${target} PRIVATE -O0)
  target_precompile_headers(${target} REUSE_FROM braid_test_headers)
endfunction()
