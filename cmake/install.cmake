# cmake --install: the program, the plugin, the installed headers, manual pages, completions, documents.

if(keyhold_installed)
  install(TARGETS ${keyhold_installed}
    RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
if(EXISTS ${PROJECT_SOURCE_DIR}/include/keyhold)
  install(DIRECTORY include/keyhold DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
endif()
install(FILES LICENSE README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md")
install(FILES examples/keyhold.toml DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)

# The program writes its own manual pages and completions, so that they say what it does.
if(TARGET keyhold AND NOT KEYHOLD_SANITIZE)
  set(share ${PROJECT_BINARY_DIR}/share)
  add_custom_command(OUTPUT ${share}/stamp
    COMMAND ${CMAKE_COMMAND} -E make_directory ${share}/man ${share}/completions
    COMMAND keyhold man ${share}/man
    COMMAND keyhold completion bash > ${share}/completions/keyhold
    COMMAND keyhold completion zsh > ${share}/completions/_keyhold
    COMMAND keyhold completion fish > ${share}/completions/keyhold.fish
    COMMAND ${CMAKE_COMMAND} -E touch ${share}/stamp
    DEPENDS keyhold COMMENT "Writing manual pages and completions" VERBATIM)
  add_custom_target(keyhold_share ALL DEPENDS ${share}/stamp)
  add_dependencies(keyhold_product keyhold_share)

  foreach(section 1 5)
    install(DIRECTORY ${share}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section}
      FILES_MATCHING PATTERN "*.${section}")
  endforeach()
  install(FILES ${share}/completions/keyhold DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
  install(FILES ${share}/completions/_keyhold DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
  install(FILES ${share}/completions/keyhold.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endif()
