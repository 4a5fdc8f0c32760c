set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/archive)

option(KEYHOLD_TESTS "Build the tests" ON)
option(KEYHOLD_BENCH "Build the benchmarks" ON)
option(KEYHOLD_FUZZ "Build the fuzz targets with libFuzzer (clang)" OFF)
set(KEYHOLD_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize= takes them: address,undefined or thread")

add_compile_options(-Wall -Wextra -Wconversion -Wshadow -Werror -fstack-protector-strong)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  # False alarms of gcc 12 at -O3, all in what it inlines from the standard library: lengths and bounds of
  # std::vector and std::string comparisons and copies, strings in moved-from aggregates. Sanitizers and
  # clang-tidy look for the real ones.
  add_compile_options(-Wno-stringop-overread -Wno-maybe-uninitialized -Wno-restrict -Wno-array-bounds)
endif()
add_link_options(-Wl,-z,relro,-z,now)
if(KEYHOLD_SANITIZE)
  add_compile_options(-fsanitize=${KEYHOLD_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${KEYHOLD_SANITIZE})
elseif(CMAKE_BUILD_TYPE MATCHES "Release|RelWithDebInfo")
  add_compile_options(-D_FORTIFY_SOURCE=2)
endif()
if(KEYHOLD_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

find_program(KEYHOLD_CCACHE ccache DOC "Used as the compiler's launcher where there is one")
if(KEYHOLD_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${KEYHOLD_CCACHE})
endif()

# The system's interpreter for tests that need the standard library only; the environment that
# scripts/test makes for those that need more.
find_program(KEYHOLD_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH)
find_program(KEYHOLD_PYTHON python3)
set(KEYHOLD_VENV_PYTHON ${PROJECT_SOURCE_DIR}/build/venv/bin/python
  CACHE FILEPATH "Python with the packages that scripts/test installs")
