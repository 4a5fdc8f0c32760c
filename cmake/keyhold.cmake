# What the unit tests need built; the sanitizer builds make nothing else.
add_custom_target(keyhold_unit_tests)

# keyhold_library(NAME SOURCES … [DEPS …] [PRIVATE_DEPS …])
#   A static library keyhold_NAME of the folder src/NAME. Headers are included as "NAME/header.h".
function(keyhold_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(keyhold_${name} STATIC ${arg_SOURCES})
  target_include_directories(keyhold_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(keyhold_${name} PUBLIC ${arg_DEPS} PRIVATE ${arg_PRIVATE_DEPS})
endfunction()

# keyhold_test(NAME SOURCES … [DEPS …] [LABEL unit …] [TIMEOUT seconds])
#   A GoogleTest program NAME; every TEST is one ctest test. Not built when KEYHOLD_TESTS is off.
function(keyhold_test name)
  if(NOT KEYHOLD_TESTS)
    return()
  endif()
  cmake_parse_arguments(arg "" "TIMEOUT" "SOURCES;DEPS;LABEL" ${ARGN})
  if(NOT arg_LABEL)
    set(arg_LABEL unit)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_DEPS} GTest::gmock_main)
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT ${arg_TIMEOUT})
  # Not among the properties above, where a list does not stay one.
  set(labels ${CMAKE_CURRENT_BINARY_DIR}/${name}_labels.cmake)
  file(CONFIGURE OUTPUT ${labels} @ONLY
    CONTENT "set_tests_properties(\${@name@_TESTS} PROPERTIES LABELS \"@arg_LABEL@\")\n")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${labels})
  if(arg_LABEL STREQUAL unit)
    add_dependencies(keyhold_unit_tests ${name})
  endif()
endfunction()
