# Messages in protocol buffers: kf_protobuf(TARGET FILE.proto...) makes a static library of what
# protoc-c generates for the files, included as <name.pb-c.h>. The generated code is not ours to
# warn about.
find_program(KF_PROTOC_C protoc-c REQUIRED)
pkg_check_modules(PROTOBUF_C REQUIRED IMPORTED_TARGET libprotobuf-c)

function(kf_protobuf target)
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/${target})
  file(MAKE_DIRECTORY ${folder})
  foreach(proto ${ARGN})
    get_filename_component(name ${proto} NAME_WE)
    get_filename_component(path ${proto} ABSOLUTE)
    get_filename_component(home ${path} DIRECTORY)
    add_custom_command(OUTPUT ${folder}/${name}.pb-c.c ${folder}/${name}.pb-c.h
      COMMAND ${KF_PROTOC_C} --proto_path=${home} --c_out=${folder} ${path}
      DEPENDS ${path} VERBATIM)
    list(APPEND sources ${folder}/${name}.pb-c.c)
  endforeach()
  add_library(${target} STATIC ${sources})
  target_include_directories(${target} SYSTEM PUBLIC ${folder})
  target_link_libraries(${target} PUBLIC PkgConfig::PROTOBUF_C)
endfunction()
