#pragma once

#include "lab/cloud/machine.hpp"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace evenkeel::lab::cloud {

/// The cloud's journal: one record a line, appended and on disk before anybody hears of it. While
/// it is open no other cloud can use the folder.
class Journal {
public:
    /// Journals larger than this are not read.
    static constexpr std::size_t bytes_max = std::size_t{512} * 1024 * 1024;

    virtual ~Journal() = default;
    /// What was in the file when it was opened, once.
    [[nodiscard]] virtual std::vector<Record> take_records() = 0;
    /// Appends and syncs. After an error (io_failed) the last line may be torn: stop, and open the
    /// journal again.
    [[nodiscard]] virtual Result<void> append(std::span<const Record> records) = 0;
};

/// Opens or makes `folder`/journal.jsonl (mode 0600). A last line without its end was never
/// acknowledged and is cut off. Errors: conflict (another cloud has it open), corrupt (with the
/// line), io_failed.
[[nodiscard]] Result<std::unique_ptr<Journal>> open_journal(const std::string& folder);

}  // namespace evenkeel::lab::cloud
