#include "lab/player/trace_file.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <array>
#include <memory>
#include <type_traits>

namespace evenkeel::lab::player {
namespace {

struct GzClose {
    void operator()(gzFile file) const noexcept { gzclose(file); }
};
using GzFile = std::unique_ptr<std::remove_pointer_t<gzFile>, GzClose>;

}  // namespace

Result<std::string> read_text(const std::string& path) {
    const GzFile file{gzopen(path.c_str(), "rb")};  // reads plain files too
    if (!file) {
        return fail(Errc::io_failed, fmt::format("cannot open the trace {}", path));
    }
    gzbuffer(file.get(), 128 * 1024);
    std::string text;
    std::array<char, 64 * 1024> piece{};
    for (;;) {
        const int got = gzread(file.get(), piece.data(), static_cast<unsigned>(piece.size()));
        int state = Z_OK;
        gzerror(file.get(), &state);
        if (got < 0 || state == Z_BUF_ERROR) {  // Z_BUF_ERROR: the file ends too early
            return fail(Errc::corrupt, fmt::format("the trace {} is damaged or cut off", path));
        }
        if (got == 0) {
            return text;
        }
        text.append(piece.data(), static_cast<std::size_t>(got));
        if (text.size() > trace_bytes_max) {
            return fail(
                Errc::refused,
                fmt::format("the trace {} is larger than {} bytes", path, trace_bytes_max));
        }
    }
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
