# The zoos lie packed in the repository, one archive a group: unpack those that are newer than what lies beside them.
#
#   cmake -P tests/unpack.cmake
file(GLOB manifests ${CMAKE_CURRENT_LIST_DIR}/fixtures/*/MANIFEST.tsv)
list(TRANSFORM manifests REPLACE MANIFEST.tsv "*.zip")
file(GLOB archives ${manifests})
foreach(archive ${archives})
  cmake_path(GET archive PARENT_PATH folder)
  cmake_path(GET archive STEM LAST_ONLY group)
  if(NOT EXISTS ${folder}/.${group}.unpacked OR ${archive} IS_NEWER_THAN ${folder}/.${group}.unpacked)
    file(ARCHIVE_EXTRACT INPUT ${archive} DESTINATION ${folder})
    file(TOUCH ${folder}/.${group}.unpacked)
  endif()
endforeach()
