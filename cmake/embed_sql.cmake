# Writes OUT: a .cpp with every migrations/NNNN_name.sql of DIR as a string.
# Called by agent/ledger/CMakeLists.txt as a build step: cmake -DDIR=... -DOUT=... -P embed_sql.cmake
file(GLOB files "${DIR}/[0-9][0-9][0-9][0-9]_*.sql")
list(SORT files)
set(body "")
set(expected 1)
foreach(file ${files})
    get_filename_component(name ${file} NAME_WE)
    string(SUBSTRING ${name} 0 4 digits)
    string(REGEX REPLACE "^0+" "" number ${digits})
    if(NOT number EQUAL expected)
        message(FATAL_ERROR "migrations must be numbered without holes: ${name}")
    endif()
    math(EXPR expected "${expected} + 1")
    file(READ ${file} text)
    if(text MATCHES "\\)ek_sql\"")
        message(FATAL_ERROR "${name} contains the end mark of a raw string")
    endif()
    string(APPEND body "    {${number}, \"${name}\", R\"ek_sql(${text})ek_sql\"},\n")
endforeach()
file(WRITE "${OUT}" "// Generated from migrations/ by cmake/embed_sql.cmake.
#include \"agent/ledger/schema.hpp\"

namespace evenkeel::ledger {

namespace {
const Migration embedded[] = {
${body}};
}  // namespace

std::span<const Migration> embedded_migrations() noexcept {
    return embedded;
}

}  // namespace evenkeel::ledger
")
