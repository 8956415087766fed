#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace evenkeel::inference::http {

/// Finds its way through a chunked body (RFC 9112 section 7.1) as the bytes arrive, in any split.
/// Used to decode request bodies and to learn where a relayed answer ends without touching its
/// bytes. Strict: CRLF only, hexadecimal sizes only, no white space around them. Extensions of
/// plain words (no quotes, which readers end at different places) are skipped up to
/// `extension_bytes_max` a chunk, trailers up to `overhead_bytes_max` in all together with
/// extensions (F65).
class ChunkScanner {
public:
    enum class State : std::uint8_t {
        more,  ///< the body goes on
        done,  ///< the empty chunk and the trailers are over; what follows is not of this body
        bad,   ///< not a chunked body; see `why`
    };
    struct Step {
        std::size_t consumed{0};     ///< bytes of the input that are dealt with
        std::string_view payload{};  ///< the part of them that is content; may be empty
    };

    static constexpr std::size_t extension_bytes_max = 256;
    static constexpr std::size_t overhead_bytes_max = 32 * 1024;

    /// Deals with framing up to the end of the next run of payload in `bytes`. Call it again with
    /// the rest while state() is `more` and something is left.
    [[nodiscard]] Step next(std::string_view bytes) noexcept;
    /// For relays: runs `next` over all of `bytes`; returns how many belong to this body.
    [[nodiscard]] std::size_t skip(std::string_view bytes) noexcept;

    [[nodiscard]] State state() const noexcept;
    /// After `bad`: what is wrong, static text.
    [[nodiscard]] std::string_view why() const noexcept { return why_; }
    /// Content bytes seen so far.
    [[nodiscard]] std::uint64_t payload_bytes() const noexcept { return payload_bytes_; }
    void reset() noexcept { *this = ChunkScanner{}; }

private:
    enum class Part : std::uint8_t {
        size,
        extension,
        size_lf,
        payload,
        payload_cr,
        payload_lf,
        trailer_start,
        trailer_name,
        trailer_value,
        trailer_lf,
        end_lf,
        done,
        bad,
    };
    void fail(std::string_view why) noexcept;
    void framing_byte(char c) noexcept;
    void size_byte(char c) noexcept;
    void trailer_byte(char c) noexcept;

    std::uint64_t left_{0};  ///< of the chunk being read
    std::uint64_t payload_bytes_{0};
    std::size_t overhead_{0};   ///< bytes of extensions and trailers so far
    std::size_t extension_{0};  ///< bytes of this chunk's extension
    std::string_view why_{};
    Part part_{Part::size};
    std::uint8_t digits_{0};
};

}  // namespace evenkeel::inference::http
