# SPDX-License-Identifier: Apache-2.0
# The .deb, made by cpack -G DEB in a build for /usr.
set(CPACK_PACKAGE_NAME kferry)
set(CPACK_PACKAGE_VENDOR kferry)
set(CPACK_PACKAGE_CONTACT "kferry <kferry@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "carries Keras model files from one Keras to another")
set(CPACK_PACKAGE_DESCRIPTION "A command line program and an HTTP service that convert model files of Keras 1 to 3,
without Python or TensorFlow, and report what was changed.")
set(CPACK_PACKAGING_INSTALL_PREFIX ${CMAKE_INSTALL_PREFIX})
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
