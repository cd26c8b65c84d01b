# Fails when the generated part of a page is not what the program writes now.
# Arguments: PROGRAM, COMMAND (its arguments, separated by spaces), PAGE, COPY (a file to write).

configure_file(${PAGE} ${COPY} COPYONLY)
separate_arguments(arguments UNIX_COMMAND "${COMMAND}")
execute_process(COMMAND ${PROGRAM} ${arguments} --write ${COPY}
                OUTPUT_QUIET RESULT_VARIABLE exit_code)
if(NOT exit_code EQUAL 0)
  message(FATAL_ERROR "astrolabe ${COMMAND}: exit code ${exit_code}")
endif()
execute_process(COMMAND ${CMAKE_COMMAND} -E compare_files ${PAGE} ${COPY}
                RESULT_VARIABLE differs)
if(differs)
  execute_process(COMMAND diff ${PAGE} ${COPY})
  message(FATAL_ERROR "${PAGE} is out of date: astrolabe ${COMMAND} --write ${PAGE}")
endif()
