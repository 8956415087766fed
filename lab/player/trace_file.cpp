#include "lab/player/trace_file.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <array>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

namespace evenkeel::lab::player {
namespace {

struct GzClose {
    void operator()(gzFile file) const noexcept { gzclose(file); }
};
using GzFile = std::unique_ptr<std::remove_pointer_t<gzFile>, GzClose>;

constexpr std::size_t piece_bytes = 64 * 1024;

Result<GzFile> open_file(const std::string& path) {
    GzFile file{gzopen(path.c_str(), "rb")};  // reads plain files too
    if (!file) {
        return fail(Errc::io_failed, fmt::format("cannot open the trace {}", path));
    }
    gzbuffer(file.get(), 2 * piece_bytes);
    return file;
}

/// The next piece of text; empty at the end.
Result<std::string_view> read_piece(
    const GzFile& file, std::array<char, piece_bytes>& piece, const std::string& path) {
    const int got = gzread(file.get(), piece.data(), static_cast<unsigned>(piece.size()));
    int state = Z_OK;
    gzerror(file.get(), &state);
    if (got < 0 || state == Z_BUF_ERROR) {  // Z_BUF_ERROR: the file ends too early
        return fail(Errc::corrupt, fmt::format("the trace {} is damaged or cut off", path));
    }
    return std::string_view{piece.data(), static_cast<std::size_t>(got)};
}

class FileRows final : public replay::RowSource {
public:
    FileRows(GzFile file, std::string path) : file_{std::move(file)}, path_{std::move(path)} {}
    Result<std::span<const replay::TraceRow>> next() override {
        rows_.clear();
        while (rows_.empty() && !over_) {
            const Result<std::string_view> text = read_piece(file_, piece_, path_);
            if (!text) {
                return std::unexpected{text.error()};
            }
            over_ = text->empty();
            const Result<void> taken = over_ ? reader_.end(rows_) : reader_.feed(*text, rows_);
            if (!taken) {
                return fail(
                    taken.error().code, fmt::format("{}: {}", path_, taken.error().message));
            }
        }
        return std::span<const replay::TraceRow>{rows_};
    }

private:
    GzFile file_;
    std::string path_;
    replay::TraceReader reader_{};
    std::array<char, piece_bytes> piece_{};
    std::vector<replay::TraceRow> rows_{};
    bool over_{false};
};

}  // namespace

Result<std::string> read_text(const std::string& path) {
    const Result<GzFile> file = open_file(path);
    if (!file) {
        return std::unexpected{file.error()};
    }
    std::string text;
    std::array<char, piece_bytes> piece{};
    for (;;) {
        const Result<std::string_view> part = read_piece(*file, piece, path);
        if (!part) {
            return std::unexpected{part.error()};
        }
        if (part->empty()) {
            return text;
        }
        text.append(*part);
        if (text.size() > trace_bytes_max) {
            return fail(
                Errc::refused,
                fmt::format("the trace {} is larger than {} bytes", path, trace_bytes_max));
        }
    }
}

replay::OpenRows open_trace(std::string path) {
    return [path = std::move(path)]() -> Result<std::unique_ptr<replay::RowSource>> {
        Result<GzFile> file = open_file(path);
        if (!file) {
            return std::unexpected{std::move(file.error())};
        }
        return std::make_unique<FileRows>(std::move(*file), path);
    };
}

Result<std::vector<replay::TraceRow>> read_window(
    const std::string& path, std::chrono::milliseconds from, std::chrono::milliseconds to) {
    const Result<std::string> text = read_text(path);
    if (!text) {
        return std::unexpected{text.error()};
    }
    const Result<replay::Trace> trace = replay::parse_trace(*text);
    if (!trace) {
        return std::unexpected{trace.error()};
    }
    std::vector<replay::TraceRow> rows = replay::window(trace->rows, from, to);
    if (rows.empty()) {
        return fail(
            Errc::invalid_argument, fmt::format("no request of {} lies in that window", path));
    }
    for (replay::TraceRow& row : rows) {
        row.at -= from;
    }
    return rows;
}

}  // namespace evenkeel::lab::player
