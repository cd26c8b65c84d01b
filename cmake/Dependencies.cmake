# Everything comes from Debian packages, except HiGHS, which Debian 12 does not carry: it is found
# by CMake if installed, else in the PyPI package highsbox of the project-local venv (.venv).

find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(GTest REQUIRED)
find_package(ZLIB REQUIRED)
find_library(ASTROLABE_RAPIDCHECK_LIBRARY rapidcheck)  # tests only
if(NOT ASTROLABE_RAPIDCHECK_LIBRARY)
  set(ASTROLABE_RAPIDCHECK_LIBRARY "")
endif()

find_path(ZSTD_INCLUDE_DIR zstd.h REQUIRED)
find_library(ZSTD_LIBRARY zstd REQUIRED)
add_library(zstd_c INTERFACE)
target_include_directories(zstd_c SYSTEM INTERFACE ${ZSTD_INCLUDE_DIR})
target_link_libraries(zstd_c INTERFACE ${ZSTD_LIBRARY})

# highsbox ships a broken CMake package (it points at lib64/), so its parts are located one by one.
file(GLOB ASTROLABE_HIGHSBOX LIST_DIRECTORIES true
     ${CMAKE_SOURCE_DIR}/.venv/lib/python3*/site-packages/highsbox/highs_dist)
find_path(HIGHS_INCLUDE_DIR interfaces/highs_c_api.h
          HINTS ${ASTROLABE_HIGHSBOX} PATH_SUFFIXES include/highs highs)
find_library(HIGHS_LIBRARY highs HINTS ${ASTROLABE_HIGHSBOX} PATH_SUFFIXES lib)
set(ASTROLABE_HIGHS_TARGET "")
if(HIGHS_INCLUDE_DIR AND HIGHS_LIBRARY)
  add_library(highs_c INTERFACE)
  target_include_directories(highs_c SYSTEM INTERFACE ${HIGHS_INCLUDE_DIR} ${HIGHS_INCLUDE_DIR}/..)
  target_link_libraries(highs_c INTERFACE ${HIGHS_LIBRARY})
  target_compile_definitions(highs_c INTERFACE ASTROLABE_HIGHS=1)
  set(ASTROLABE_HIGHS_TARGET highs_c)
endif()

set(ASTROLABE_CBC_TARGET "")
find_path(CLP_INCLUDE_DIR ClpSimplex.hpp PATH_SUFFIXES coin)
find_library(CLP_LIBRARY Clp)
find_library(CBC_LIBRARY Cbc)
find_library(OSICLP_LIBRARY OsiClp)
find_library(OSI_LIBRARY Osi)
find_library(COINUTILS_LIBRARY CoinUtils)
find_library(CBCSOLVER_LIBRARY CbcSolver)
if(CLP_INCLUDE_DIR AND CLP_LIBRARY AND CBC_LIBRARY AND CBCSOLVER_LIBRARY)
  add_library(coin_cbc INTERFACE)
  target_compile_definitions(coin_cbc INTERFACE ASTROLABE_CBC=1)
  target_include_directories(coin_cbc SYSTEM INTERFACE ${CLP_INCLUDE_DIR})
  target_link_libraries(coin_cbc INTERFACE ${CBCSOLVER_LIBRARY} ${CBC_LIBRARY} ${OSICLP_LIBRARY}
                        ${CLP_LIBRARY} ${OSI_LIBRARY} ${COINUTILS_LIBRARY})
  set(ASTROLABE_CBC_TARGET coin_cbc)
endif()
if(NOT ASTROLABE_HIGHS_TARGET AND NOT ASTROLABE_CBC_TARGET)
  message(FATAL_ERROR "No LP/MIP solver: install coinor-libcbc-dev coinor-libclp-dev, or the PyPI "
                      "package highsbox into ${CMAKE_SOURCE_DIR}/.venv")
endif()
