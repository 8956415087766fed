# Warnings, include root and sanitizers, for our targets only.
add_library(evenkeel_options INTERFACE)
target_include_directories(evenkeel_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(evenkeel_options INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Wold-style-cast -Wundef
    -Werror=return-type -Werror=switch)
# Asio keeps two freed coroutine frames a thread and hands out the larger for the smaller: the frames
# that wait in an open stream then take a seventh more memory than they need.
target_compile_definitions(evenkeel_options INTERFACE BOOST_ASIO_DISABLE_AWAITABLE_FRAME_RECYCLING)
if(EVENKEEL_SANITIZE)
    target_compile_options(evenkeel_options INTERFACE
        -fsanitize=${EVENKEEL_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(evenkeel_options INTERFACE -fsanitize=${EVENKEEL_SANITIZE})
endif()

# One library per folder. LINKS names what the folder may use: the arrow, checked by the linker.
function(evenkeel_library name)
    cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
    add_library(${name} STATIC ${ARG_SOURCES})
    target_link_libraries(${name} PUBLIC evenkeel_options ${ARG_LINKS})
endfunction()
