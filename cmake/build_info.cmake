# SPDX-License-Identifier: Apache-2.0
# Run in each build: writes what `gatehouse version` tells of it, only when that has changed.
#
#   cmake -D SOURCE=DIR -D OUTPUT=FILE -D COMPILER=TEXT -D BUILD_TYPE=TEXT -P build_info.cmake
#
# The same commit gives the same text wherever and whenever it is built: the time is that of the commit, or
# SOURCE_DATE_EPOCH. Where there is no repository, GATEHOUSE_COMMIT may name the commit.
set(commit "$ENV{GATEHOUSE_COMMIT}")
set(epoch "$ENV{SOURCE_DATE_EPOCH}")
find_program(GIT git)
if(GIT AND EXISTS "${SOURCE}/.git")
  set(git ${GIT} -c safe.directory=* -C ${SOURCE})
  if(commit STREQUAL "")
    execute_process(COMMAND ${git} rev-parse --short=12 HEAD OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    execute_process(COMMAND ${git} status --porcelain --untracked-files=no OUTPUT_VARIABLE changed ERROR_QUIET)
    if(NOT commit STREQUAL "" AND NOT changed STREQUAL "")
      string(APPEND commit "-changed")
    endif()
  endif()
  if(epoch STREQUAL "")
    execute_process(COMMAND ${git} log -1 --format=%ct OUTPUT_VARIABLE epoch OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  endif()
endif()
set(date "")
if(epoch MATCHES "^[0-9]+$")
  set(ENV{SOURCE_DATE_EPOCH} ${epoch})
  string(TIMESTAMP date "%Y-%m-%dT%H:%M:%SZ" UTC)
endif()
file(CONFIGURE OUTPUT "${OUTPUT}" @ONLY CONTENT [[
// Made by cmake/build_info.cmake.
#define GATEHOUSE_COMMIT "@commit@"
#define GATEHOUSE_DATE "@date@"
#define GATEHOUSE_COMPILER "@COMPILER@"
#define GATEHOUSE_BUILD_TYPE "@BUILD_TYPE@"
]])
