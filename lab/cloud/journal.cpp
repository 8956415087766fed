#include "lab/cloud/journal.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace evenkeel::lab::cloud {

namespace {

std::unexpected<Error> failed(std::string_view what, const std::string& path) {
    return fail(Errc::io_failed, fmt::format("{} {}: {}", what, path, std::strerror(errno)));
}

class FileJournal final : public Journal {
public:
    FileJournal(int descriptor, std::string path)
        : descriptor_{descriptor}, path_{std::move(path)} {}
    FileJournal(const FileJournal&) = delete;
    FileJournal& operator=(const FileJournal&) = delete;
    ~FileJournal() override { ::close(descriptor_); }

    std::vector<Record> take_records() override { return std::exchange(records_, {}); }
    Result<void> append(std::span<const Record> records) override;

    /// Reads the whole file and cuts off a torn last line.
    [[nodiscard]] Result<void> load();

private:
    [[nodiscard]] Result<std::string> read_all() const;

    int descriptor_;
    std::string path_;
    std::vector<Record> records_{};
};

Result<std::string> FileJournal::read_all() const {
    struct stat status{};
    if (::fstat(descriptor_, &status) != 0) {
        return failed("cannot look at", path_);
    }
    if (static_cast<std::size_t>(status.st_size) > bytes_max) {
        return fail(
            Errc::corrupt,
            fmt::format(
                "{} is larger than {} bytes: start with a new state folder", path_, bytes_max));
    }
    std::string text(static_cast<std::size_t>(status.st_size), '\0');
    std::size_t used = 0;
    while (used < text.size()) {
        const ssize_t got =
            ::pread(descriptor_, text.data() + used, text.size() - used, static_cast<off_t>(used));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return failed("cannot read", path_);
        }
        if (got == 0) {
            break;
        }
        used += static_cast<std::size_t>(got);
    }
    text.resize(used);
    return text;
}

Result<void> FileJournal::load() {
    const auto text = read_all();
    if (!text) {
        return std::unexpected{text.error()};
    }
    std::size_t begin = 0;
    for (std::size_t number = 1; begin < text->size(); ++number) {
        const std::size_t end = text->find('\n', begin);
        if (end == text->npos) {
            break;
        }
        auto record = parse_record(std::string_view{*text}.substr(begin, end - begin));
        if (!record) {
            return fail(
                Errc::corrupt, fmt::format("{}:{}: {}", path_, number, record.error().message));
        }
        records_.push_back(*std::move(record));
        begin = end + 1;
    }
    if (begin < text->size() &&
        (::ftruncate(descriptor_, static_cast<off_t>(begin)) != 0 || ::fsync(descriptor_) != 0)) {
        return failed("cannot cut the torn last line off", path_);
    }
    return {};
}

Result<void> FileJournal::append(std::span<const Record> records) {
    std::string lines;
    for (const Record& record : records) {
        lines += to_json(record);
        lines += '\n';
    }
    std::string_view rest{lines};
    while (!rest.empty()) {
        const ssize_t put = ::write(descriptor_, rest.data(), rest.size());
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return failed("cannot write", path_);
        }
        rest.remove_prefix(static_cast<std::size_t>(put));
    }
    if (!lines.empty() && ::fdatasync(descriptor_) != 0) {
        return failed("cannot sync", path_);
    }
    return {};
}

/// Makes the new file's name durable.
Result<void> sync_folder(const std::string& folder) {
    const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) {
        return failed("cannot open", folder);
    }
    const int outcome = ::fsync(descriptor);
    ::close(descriptor);
    return outcome == 0 ? Result<void>{} : failed("cannot sync", folder);
}

}  // namespace

Result<std::unique_ptr<Journal>> open_journal(const std::string& folder) {
    std::string path = folder + "/journal.jsonl";
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (descriptor < 0) {
        return failed("cannot open", path);
    }
    auto journal = std::make_unique<FileJournal>(descriptor, path);
    if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
        return fail(
            Errc::conflict,
            fmt::format("{} is in use by another cloud: stop it, or choose another --state", path));
    }
    if (auto synced = sync_folder(folder); !synced) {
        return std::unexpected{synced.error()};
    }
    if (auto loaded = journal->load(); !loaded) {
        return std::unexpected{loaded.error()};
    }
    return journal;
}

}  // namespace evenkeel::lab::cloud
