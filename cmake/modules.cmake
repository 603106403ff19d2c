# SPDX-License-Identifier: Apache-2.0
# gatehouse_module(NAME DEPENDS module... LINK target...)
#
# One folder of src/ as a static library `gatehouse_NAME` from its *.cpp, and, with GATEHOUSE_TESTS, one test program
# `NAME_test` from its *_test.cpp and one `NAME_itest` from its *_itest.cpp: tests on the servers of tools/services.
# New files need no entry here.
function(gatehouse_module name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LINK" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.cpp)
  list(FILTER sources EXCLUDE REGEX "_i?test\\.cpp$")

  set(target gatehouse_${name})
  add_library(${target} STATIC ${sources})
  target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  list(TRANSFORM ARG_DEPENDS PREPEND gatehouse_)
  target_link_libraries(${target} PUBLIC ${ARG_DEPENDS} PRIVATE ${ARG_LINK})
  gatehouse_instrument(${target})
  gatehouse_precompile(${target})

  if(GATEHOUSE_TESTS)
    file(GLOB unit_tests CONFIGURE_DEPENDS *_test.cpp)
    gatehouse_add_test(${name}_test "${unit_tests}" ${target} ${ARG_LINK})
    file(GLOB integration_tests CONFIGURE_DEPENDS *_itest.cpp)
    gatehouse_add_test(${name}_itest "${integration_tests}" ${target} ${ARG_LINK})
  endif()
endfunction()

# gatehouse_add_test(PROGRAM SOURCES target...): nothing when there are no sources.
function(gatehouse_add_test program sources)
  if(NOT sources)
    return()
  endif()
  add_executable(${program} ${sources})
  target_include_directories(${program} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  if(program MATCHES "_itest$")
    target_compile_definitions(${program} PRIVATE GATEHOUSE_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  endif()
  target_link_libraries(${program} PRIVATE ${ARGN} GTest::gtest_main GTest::gmock)
  gatehouse_precompile_test(${program})
  add_test(NAME ${program} COMMAND ${program})
  set_tests_properties(${program} PROPERTIES TIMEOUT 120)
endfunction()

# What a fuzz target runs tells it where it has been. Tests do without: it would make their code half as large again.
function(gatehouse_instrument target)
  if(GATEHOUSE_FUZZ)
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
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

# The same for test programs, with GoogleTest.
function(gatehouse_precompile_test program)
  if(program STREQUAL "base_test")
    target_precompile_headers(base_test PRIVATE ${PROJECT_SOURCE_DIR}/tests/support/pch.hpp)
  else()
    target_precompile_headers(${program} REUSE_FROM base_test)
  endif()
endfunction()
