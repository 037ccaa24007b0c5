# Arrow C++, with headers and all compressions, from the wheel of pyarrow, for the plug-in that reads Parquet and Arrow
# files. The libraries stand in the wheel under their versions alone, so they are named by their files.
set(BRAID_ARROW_VENV ${CMAKE_SOURCE_DIR}/build/venv-arrow CACHE PATH "Python environment with pyarrow (scripts/setup makes it)")
file(GLOB PYARROW ${BRAID_ARROW_VENV}/lib/python3*/site-packages/pyarrow)
file(GLOB ARROW_LIBRARIES ${PYARROW}/libarrow.so.* ${PYARROW}/libparquet.so.*)
list(LENGTH ARROW_LIBRARIES count)
if(count EQUAL 2 AND EXISTS ${PYARROW}/include/parquet/arrow/reader.h)
  set(BRAID_WITH_ARROW ON)
  add_library(arrow_wheel INTERFACE)
  target_include_directories(arrow_wheel SYSTEM INTERFACE ${PYARROW}/include)
  target_link_libraries(arrow_wheel INTERFACE ${ARROW_LIBRARIES})
  target_link_options(arrow_wheel INTERFACE -Wl,-rpath,${PYARROW} -Wl,--allow-shlib-undefined)
elseif(EXISTS ${BRAID_ARROW_VENV}/.complete)
  message(FATAL_ERROR "the pyarrow in ${BRAID_ARROW_VENV} has no libarrow, libparquet and their headers where "
    "cmake/Arrow.cmake looks for them; remove the folder and run scripts/setup")
else()
  set(BRAID_WITH_ARROW OFF)
  message(STATUS "no pyarrow in ${BRAID_ARROW_VENV}: the plug-in for Parquet and Arrow files is not built")
endif()
