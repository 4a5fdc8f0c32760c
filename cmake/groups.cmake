# Targets by what they are for, so that a script builds what it needs and no more. A folder's CMakeLists.txt adds its own.
#   keyhold_product     the program, the plugin and the examples: what the demo runs
#   keyhold_benchmarks  what scripts/bench runs beside them
add_custom_target(keyhold_product)
add_custom_target(keyhold_benchmarks)
