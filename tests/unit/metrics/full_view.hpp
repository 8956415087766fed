#pragma once

#include "agent/control/view.hpp"
#include "agent/ledger/activity.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

/// An agent that knows something of everything, and its answer read back.
namespace evenkeel::agent::metrics::test {

/// Every metric has a value in it.
[[nodiscard]] View full_view();
[[nodiscard]] ledger::Figures full_figures();
/// The answer to a scrape of both.
[[nodiscard]] std::string full_text();

struct Sample {
    std::string name{};  ///< with _bucket, _sum, _count
    std::map<std::string, std::string> labels{};
    double value{0};
};

/// Reads the text format, as far as it is written here. Fails the test on a line it cannot read.
struct Answer {
    explicit Answer(const std::string& text) { read(text); }
    std::map<std::string, std::string> types{};  ///< by family
    std::map<std::string, std::string> helps{};
    std::vector<Sample> samples{};

    /// The sample with exactly these labels; fails the test when there is none, or another one.
    [[nodiscard]] double value(
        const std::string& name, const std::map<std::string, std::string>& labels = {}) const;
    [[nodiscard]] bool has(
        const std::string& name, const std::map<std::string, std::string>& labels) const;
    [[nodiscard]] double sum(const std::string& name) const;
    /// Names of families that have samples.
    [[nodiscard]] std::set<std::string> families() const;
    /// Of a sample's name: without _bucket, _sum and _count of a histogram.
    [[nodiscard]] std::string family_of(const std::string& sample) const;

private:
    void read(const std::string& text);
};

[[nodiscard]] std::string file_text(const std::string& path_in_source);

}  // namespace evenkeel::agent::metrics::test
