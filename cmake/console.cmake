# SPDX-License-Identifier: Apache-2.0
# gatehouse_add_console(TARGET)
#
# Puts the web console into TARGET as one generated source: web/ is built by Vite (with GATEHOUSE_CONSOLE=OFF a page takes
# its place that says so), and what comes out is included as bytes. So is docs/openapi.json.
function(gatehouse_add_console target)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/console_assets.cpp)
  set(embed ${PROJECT_SOURCE_DIR}/cmake/embed_assets.cmake)
  set(openapi ${PROJECT_SOURCE_DIR}/docs/openapi.json)
  if(GATEHOUSE_CONSOLE)
    gatehouse_find_node()
    set(web ${PROJECT_SOURCE_DIR}/web)
    set(pages ${PROJECT_BINARY_DIR}/web/dist)
    set(build ${PROJECT_SOURCE_DIR}/cmake/build_console.cmake)
    file(GLOB_RECURSE inputs CONFIGURE_DEPENDS ${web}/src/*)
    list(FILTER inputs EXCLUDE REGEX "\\.test\\.ts$")
    foreach(name index.html package.json package-lock.json compress.ts licences.ts svelte.config.js tsconfig.json vite.config.ts)
      list(APPEND inputs ${web}/${name})
    endforeach()
    set(build_pages COMMAND ${CMAKE_COMMAND} -DWEB=${web} -DPAGES=${pages} -DNODE=${GATEHOUSE_NODE}
        -DNPM=${GATEHOUSE_NPM} -P ${build})
  else()
    set(pages ${PROJECT_SOURCE_DIR}/src/console/placeholder)
    file(GLOB inputs CONFIGURE_DEPENDS ${pages}/*)
  endif()

  add_custom_command(
    OUTPUT ${source}
    ${build_pages}
    COMMAND ${CMAKE_COMMAND} -DPAGES=${pages} -DOPENAPI=${openapi} -DSOURCE=${source} -P ${embed}
    DEPENDS ${inputs} ${build} ${embed} ${openapi}
    COMMENT "Building the web console"
    VERBATIM)
  target_sources(${target} PRIVATE ${source})
  set_source_files_properties(${source} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
endfunction()

function(gatehouse_find_node)
  find_program(GATEHOUSE_NODE NAMES node nodejs)
  find_program(GATEHOUSE_NPM npm)
  set(remedy "Install Node.js 18 or later with npm (tools/setup does), or leave the console out: -DGATEHOUSE_CONSOLE=OFF")
  if(NOT GATEHOUSE_NODE OR NOT GATEHOUSE_NPM)
    message(FATAL_ERROR "The web console needs node and npm to be built. ${remedy}")
  endif()
  execute_process(COMMAND ${GATEHOUSE_NODE} --version OUTPUT_VARIABLE version OUTPUT_STRIP_TRAILING_WHITESPACE)
  string(REGEX REPLACE "^v" "" version "${version}")
  if(version VERSION_LESS 18)
    message(FATAL_ERROR "The web console cannot be built with Node.js ${version}. ${remedy}")
  endif()
endfunction()
