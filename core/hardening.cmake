# What makes a fault in a program harder to use, of all that is built here. What came out of it is read from the
# programs by tests/hostile/test_hardening.py.
include(CheckCCompilerFlag)

add_compile_options(-fPIE -fstack-protector-strong)
add_link_options(-pie -Wl,-z,relro,-z,now,-z,noexecstack)

# Jumps land only where they may, on processors that look, and a stack does not step over its guard page.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|amd64|AMD64")
  add_compile_options(-fcf-protection=full -fstack-clash-protection)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  add_compile_options(-mbranch-protection=standard)
endif()

# Sanitizers check the same themselves, and nothing is checked without optimisation.
if(NOT KF_SANITIZE)
  check_c_compiler_flag("-Werror -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3" KF_HAS_FORTIFY_3)
  set(level $<IF:$<BOOL:${KF_HAS_FORTIFY_3}>,3,2>)
  add_compile_options("$<$<NOT:$<CONFIG:Debug>>:SHELL:-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=${level}>")
endif()
