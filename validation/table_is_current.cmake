# Fails when the generated part of validation/README.md is not what the program writes now.
# Arguments: PROGRAM, README, COPY (a file to write).

configure_file(${README} ${COPY} COPYONLY)
execute_process(COMMAND ${PROGRAM} validate chain --write ${COPY}
                OUTPUT_QUIET RESULT_VARIABLE exit_code)
if(NOT exit_code EQUAL 0)
  message(FATAL_ERROR "astrolabe validate chain: exit code ${exit_code}")
endif()
execute_process(COMMAND ${CMAKE_COMMAND} -E compare_files ${README} ${COPY}
                RESULT_VARIABLE differs)
if(differs)
  execute_process(COMMAND diff ${README} ${COPY})
  message(FATAL_ERROR "${README} is out of date: astrolabe validate chain --write ${README}")
endif()
