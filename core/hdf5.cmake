# HDF5, linked statically: the shared library of Debian brings 37 objects, curl and TLS among
# them, into the process that parses hostile files, and costs 10 ms at each start.
# Debian 12 calls it libhdf5.a, Debian 13 libhdf5_serial.a; the latter carries the ros3 driver,
# whose curl and OpenSSL functions hdf5_stubs.c answers with failure.
find_library(KF_HDF5_LIBRARY NAMES libhdf5.a libhdf5_serial.a REQUIRED
  PATH_SUFFIXES hdf5/serial)
find_path(KF_HDF5_INCLUDE hdf5.h PATH_SUFFIXES hdf5/serial REQUIRED)
find_library(KF_SZ_LIBRARY NAMES libsz.a sz REQUIRED)
find_library(KF_AEC_LIBRARY NAMES libaec.a aec REQUIRED)
find_library(KF_Z_LIBRARY NAMES libz.a z REQUIRED)

add_library(kf_hdf5 INTERFACE)
target_include_directories(kf_hdf5 SYSTEM INTERFACE ${KF_HDF5_INCLUDE})
target_link_libraries(kf_hdf5 INTERFACE
  ${KF_HDF5_LIBRARY} ${KF_SZ_LIBRARY} ${KF_AEC_LIBRARY} ${KF_Z_LIBRARY} m ${CMAKE_DL_LIBS})
