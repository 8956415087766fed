#pragma once

#include "agent/report/text.hpp"

/// How numbers look to people, and tables of them: as in reports.
namespace evenkeel::cli {

using report::count_text;
using report::duration_text;
using report::moment_text;
using report::money_text;
using report::path_word;
using report::Table;
using report::time_text;
using report::width;

}  // namespace evenkeel::cli
