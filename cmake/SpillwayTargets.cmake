# One static library per room: spillway_library(common DEPS ...) takes the sources of the folder and
# of the sub-folders named, and makes a test binary of the *_test.cc beside them.
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_compile_options(-Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False positives of GCC 12 inside the standard library.
  add_compile_options(-Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow)
else()
  add_compile_options(-Wthread-safety)
endif()
if(SPILLWAY_WERROR)
  add_compile_options(-Werror)
endif()
if(SPILLWAY_SANITIZE STREQUAL "fuzzer")
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
                      -fno-sanitize=vptr,function -O1 -g1)
  add_link_options(-fsanitize=address,undefined)
elseif(SPILLWAY_SANITIZE)
  add_compile_options(-fsanitize=${SPILLWAY_SANITIZE} -fno-omit-frame-pointer -g1)
  add_link_options(-fsanitize=${SPILLWAY_SANITIZE})
endif()

# In the tsan preset each executable takes this one.
if(SPILLWAY_SANITIZE STREQUAL "thread")
  set(SPILLWAY_TSAN_SOURCES ${CMAKE_SOURCE_DIR}/tests/tsan/absl_mutex.cc)
endif()

# Every file is built by itself in the other presets, so that none lacks an include. Here, where the
# same files are built once more, a few at a time take a third of the time.
function(spillway_together)
  if(SPILLWAY_SANITIZE STREQUAL "address" OR SPILLWAY_SANITIZE STREQUAL "thread")
    set_target_properties(${ARGN} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
  endif()
endfunction()

function(spillway_library NAME)
  cmake_parse_arguments(ARG "" "" "DIRS;DEPS;TEST_DEPS;PCH" ${ARGN})
  set(globs ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  foreach(dir ${ARG_DIRS})
    list(APPEND globs ${CMAKE_CURRENT_SOURCE_DIR}/${dir}/*.cc)
  endforeach()
  file(GLOB sources CONFIGURE_DEPENDS ${globs})
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  add_library(spillway_${NAME} STATIC ${sources})
  target_include_directories(spillway_${NAME} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(spillway_${NAME} PUBLIC ${ARG_DEPS})
  if(ARG_PCH)
    target_precompile_headers(spillway_${NAME} PRIVATE ${ARG_PCH})
  endif()
  spillway_together(spillway_${NAME})
  if(tests)
    add_executable(${NAME}_test ${tests} ${SPILLWAY_TSAN_SOURCES})
    spillway_together(${NAME}_test)
    target_link_libraries(${NAME}_test PRIVATE spillway_${NAME} ${ARG_TEST_DEPS}
                          GTest::gmock GTest::gtest_main)
    gtest_discover_tests(${NAME}_test TEST_PREFIX ${NAME}. DISCOVERY_TIMEOUT 60
                         PROPERTIES LABELS unit TIMEOUT 120)
  endif()
endfunction()
