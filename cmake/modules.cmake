# SPDX-License-Identifier: Apache-2.0
# gatehouse_module(NAME DEPENDS module... LINK target...)
#
# One folder of src/ as a static library `gatehouse_NAME` from its *.cpp, and, with GATEHOUSE_TESTS, one test program
# `NAME_test` from its *_test.cpp. New files need no entry here.
function(gatehouse_module name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LINK" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.cpp)
  file(GLOB tests CONFIGURE_DEPENDS *_test.cpp)
  list(FILTER sources EXCLUDE REGEX "_i?test\\.cpp$")

  set(target gatehouse_${name})
  add_library(${target} STATIC ${sources})
  target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  list(TRANSFORM ARG_DEPENDS PREPEND gatehouse_)
  target_link_libraries(${target} PUBLIC ${ARG_DEPENDS} PRIVATE ${ARG_LINK})
  gatehouse_precompile(${target})

  if(GATEHOUSE_TESTS AND tests)
    add_executable(${name}_test ${tests})
    target_include_directories(${name}_test PRIVATE ${PROJECT_SOURCE_DIR}/tests)
    target_link_libraries(${name}_test PRIVATE ${target} ${ARG_LINK} GTest::gtest_main GTest::gmock)
    gatehouse_precompile(${name}_test)
    add_test(NAME ${name} COMMAND ${name}_test)
    set_tests_properties(${name} PROPERTIES TIMEOUT 120)
  endif()
endfunction()

# The heavy third-party headers are parsed once for the whole program.
function(gatehouse_precompile target)
  if(target STREQUAL "gatehouse_base")
    target_precompile_headers(gatehouse_base PRIVATE ${PROJECT_SOURCE_DIR}/src/base/pch.hpp)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
      target_compile_options(gatehouse_base PUBLIC "SHELL:-Xclang -fno-pch-timestamp")
    endif()
  else()
    target_precompile_headers(${target} REUSE_FROM gatehouse_base)
  endif()
endfunction()
