#include "gpu-probe/arguments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace evenkeel::gpu_probe {

namespace {

Result<int> number_of(std::string_view word, std::string_view flag, int least, int most) {
    int number = 0;
    const auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (code != std::errc{} || end != word.data() + word.size() || number < least ||
        number > most) {
        return fail(
            Errc::invalid_argument,
            fmt::format(
                "{} takes a whole number from {} to {}, not '{}'", flag, least, most, word));
    }
    return number;
}

}  // namespace

Result<Arguments> parse_arguments(std::span<const std::string_view> words) {
    Arguments out;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string_view word = words[i];
        const bool takes = word == "--gpu" || word == "--seconds";
        if (takes && i + 1 == words.size()) {
            return fail(Errc::invalid_argument, fmt::format("{} needs a number", word));
        }
        if (word == "--json") {
            out.json = true;
        } else if (word == "--help" || word == "-h") {
            out.help = true;
        } else if (word == "--version") {
            out.version = true;
        } else if (takes) {
            const bool gpu = word == "--gpu";
            const auto number = number_of(words[++i], word, gpu ? 0 : 2, gpu ? 63 : seconds_most);
            if (!number) {
                return std::unexpected{number.error()};
            }
            if (gpu) {
                out.gpu = *number;
            } else {
                out.seconds = *number;
            }
        } else {
            return fail(
                Errc::invalid_argument,
                fmt::format("'{}' is not known; see: evenkeel-gpu-probe --help", word));
        }
    }
    return out;
}

std::string_view help_text() noexcept {
    return "Measures what the GPUs of this host really do: memory bandwidth, bf16 and fp16 matrix\n"
           "rate, copies from and to the host; tests their memory with patterns and checks matrix\n"
           "products; reads clocks and throttling meanwhile.\n"
           "\n"
           "Usage: evenkeel-gpu-probe [--json] [--gpu N] [--seconds N]\n"
           "\n"
           "  --json        one JSON object (evenkeel.gpu-probe/1); 'evenkeel init' reads it\n"
           "                as gpu-probe.json of the state folder\n"
           "  --gpu N       only this one, as nvidia-smi counts\n"
           "  --seconds N   for all of them together, 2 to 20 (20)\n"
           "\n"
           "Exit status: 0 all are good, 1 one could not be measured or there is none, 2 wrong\n"
           "usage, 3 one is slower than its floor, 4 one gives wrong answers (a lemon).\n"
           "Take them from their engines first: memory in use is neither tested nor fast.\n";
}

TimeShares divide_time(int seconds, int gpus) noexcept {
    const double each = 0.9 * seconds / std::max(gpus, 1);
    // More than this brings nothing new.
    return {
        .copy = std::min(each * 0.20, 1.0),
        .matrix = std::min(each * 0.25, 3.0),
        .transfer = std::min(each * 0.10, 0.5),
        .pattern = std::min(each * 0.20, 4.0)};
}

}  // namespace evenkeel::gpu_probe
