# Build for arm64 on another Debian: cmake -DCMAKE_TOOLCHAIN_FILE=deploy/arm64.cmake
#
# Needs gcc-aarch64-linux-gnu, the libraries of the package list `build` for arm64 (dpkg
# --add-architecture arm64) and qemu-user, which runs what the build makes for itself, and the tests.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(ENV{PKG_CONFIG_LIBDIR} /usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig)
find_program(KF_QEMU NAMES qemu-aarch64-static qemu-aarch64 REQUIRED)
set(CMAKE_CROSSCOMPILING_EMULATOR ${KF_QEMU})
