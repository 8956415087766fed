#pragma once

#include "agent/cli/commands.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

/// The command line itself, as a person types it.
namespace evenkeel::cli {

struct Said {
    int status{-1};
    std::string out{};
    std::string err{};
};

/// Runs `evenkeel <words>` in this process.
inline Said say(std::vector<std::string> words) {
    words.insert(words.begin(), "evenkeel");
    std::vector<char*> raw;
    for (std::string& word : words) {
        raw.push_back(word.data());
    }
    raw.push_back(nullptr);
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    Said said;
    said.status = run(static_cast<int>(words.size()), raw.data());
    said.out = testing::internal::GetCapturedStdout();
    said.err = testing::internal::GetCapturedStderr();
    return said;
}

}  // namespace evenkeel::cli
