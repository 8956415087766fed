#pragma once

#include "policies/config/keys.hpp"

#include <optional>
#include <string>

namespace evenkeel::config {

/// The table of keys as a JSON Schema (draft-07, https://json-schema.org/draft-07/schema), for
/// editors: forms, names, words and units of every key, with its help. Of one file, or without
/// `file` of all five (policy.test.yaml too), where a document must be one of them. It knows single
/// values only: ranges of amounts with a unit and everything between keys is left to load().
[[nodiscard]] std::string json_schema(std::optional<File> file = {});

}  // namespace evenkeel::config
