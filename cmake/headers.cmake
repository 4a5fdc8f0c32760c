# keyhold_headers: compiles each header of src alone, so that none leans on what its includer happened
# to include before. Not part of a normal build; scripts/check and a test make it.
if(NOT KEYHOLD_TESTS OR KEYHOLD_SANITIZE)
  return()
endif()

file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/src/*.h)
set(units)
foreach(header IN LISTS headers)
  string(MAKE_C_IDENTIFIER ${header} unit)
  set(unit ${PROJECT_BINARY_DIR}/headers/${unit}.cc)
  file(CONFIGURE OUTPUT ${unit} CONTENT "#include \"${header}\"\n#include \"${header}\"\n")
  list(APPEND units ${unit})
endforeach()

add_library(keyhold_headers OBJECT EXCLUDE_FROM_ALL ${units})
target_include_directories(keyhold_headers PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
target_compile_definitions(keyhold_headers PRIVATE KEYHOLD_VERSION="${PROJECT_VERSION}" KEYHOLD_VENV_DIR="")
target_compile_options(keyhold_headers PRIVATE -O0 -g0 -U_FORTIFY_SOURCE)
target_link_libraries(keyhold_headers PRIVATE
  tl::expected fmt::fmt spdlog::spdlog nlohmann_json::nlohmann_json ipsec_mb rocksdb_shared OpenSSL::Crypto
  GTest::gmock)

add_test(NAME tidy.self_sufficient_headers
  COMMAND ${CMAKE_COMMAND} --build ${PROJECT_BINARY_DIR} --target keyhold_headers)
set_tests_properties(tidy.self_sufficient_headers PROPERTIES LABELS unit TIMEOUT 900)
