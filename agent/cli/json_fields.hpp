#pragma once

#include "agent/report/json_fields.hpp"

namespace evenkeel::cli {

using report::money_field;
using report::number_field;
using report::seconds_field;
using report::synthetic_mark;
using report::text_field;

}  // namespace evenkeel::cli
