# SPDX-License-Identifier: Apache-2.0
# cmake -DWEB=… -DPAGES=… -DNODE=… -DNPM=… -P build_console.cmake
#
# Builds web/ into PAGES. The packages are installed when package-lock.json is not the one they were installed from; several
# build directories may do this at the same time.
file(LOCK ${WEB}/.npm-ci.lock GUARD PROCESS TIMEOUT 900)
file(SHA256 ${WEB}/package-lock.json wanted)
set(stamp ${WEB}/node_modules/.installed-from)
set(installed "")
if(EXISTS ${stamp})
  file(READ ${stamp} installed)
endif()
if(NOT installed STREQUAL wanted)
  message(STATUS "npm ci")
  execute_process(COMMAND ${NPM} ci --no-audit --no-fund --loglevel=error WORKING_DIRECTORY ${WEB} RESULT_VARIABLE failed
                  OUTPUT_QUIET)
  if(failed)
    message(FATAL_ERROR "npm ci failed in ${WEB} (${failed}). Without it the console can be left out: "
                        "-DGATEHOUSE_CONSOLE=OFF")
  endif()
  file(WRITE ${stamp} ${wanted})
endif()
file(LOCK ${WEB}/.npm-ci.lock RELEASE)

execute_process(
  COMMAND ${NODE} ${WEB}/node_modules/vite/bin/vite.js build --outDir ${PAGES} --emptyOutDir --logLevel warn
  WORKING_DIRECTORY ${WEB}
  RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "vite build failed (${failed})")
endif()
