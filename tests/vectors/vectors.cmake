# Where the third-party test vectors lie, and the target that fetches them.
include_guard(GLOBAL)

set(KEYHOLD_VECTORS_DIR ${PROJECT_SOURCE_DIR}/build/vectors CACHE PATH "The test vectors that scripts/vectors fetched")

add_custom_target(vectors
  COMMAND ${PROJECT_SOURCE_DIR}/scripts/vectors
  WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
  USES_TERMINAL)
