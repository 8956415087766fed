// zlib and OpenSSL for the page's files.
#include "agent/web/page_files.hpp"

#include <openssl/sha.h>
#include <zlib.h>

#include <array>
#include <stdexcept>

namespace evenkeel::web {

namespace {

constexpr int gzip_window = 15 + 16;  ///< with a header of gzip
constexpr int memory_level = 9;
/// No file of the page is larger; what claims to be is damaged.
constexpr std::size_t plain_bytes_max = 16 * 1024 * 1024;

/// zlib reads only; its interface is older than const.
Bytef* readable(std::string_view bytes) {
    return reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
}

}  // namespace

std::string gzip(std::string_view bytes) {
    z_stream stream{};
    if (::deflateInit2(
            &stream,
            Z_BEST_COMPRESSION,
            Z_DEFLATED,
            gzip_window,
            memory_level,
            Z_DEFAULT_STRATEGY) != Z_OK) {
        throw std::runtime_error{"zlib has no memory"};
    }
    std::string out(::deflateBound(&stream, bytes.size()), '\0');
    stream.next_in = readable(bytes);
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    const int ended = ::deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    ::deflateEnd(&stream);
    if (ended != Z_STREAM_END) {
        throw std::runtime_error{"zlib did not finish"};
    }
    return out;
}

Result<std::string> gunzip(std::string_view bytes) {
    z_stream stream{};
    if (::inflateInit2(&stream, gzip_window) != Z_OK) {
        throw std::runtime_error{"zlib has no memory"};
    }
    stream.next_in = readable(bytes);
    stream.avail_in = static_cast<uInt>(bytes.size());
    std::string out;
    std::array<char, 16 * 1024> piece{};
    int code = Z_OK;
    while (code == Z_OK && out.size() <= plain_bytes_max) {
        stream.next_out = reinterpret_cast<Bytef*>(piece.data());
        stream.avail_out = static_cast<uInt>(piece.size());
        code = ::inflate(&stream, Z_NO_FLUSH);
        out.append(piece.data(), piece.size() - stream.avail_out);
    }
    ::inflateEnd(&stream);
    if (code != Z_STREAM_END) {
        return fail(Errc::corrupt, "a compressed file of the page is damaged");
    }
    return out;
}

std::string sha256_hex(std::string_view bytes) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> sum{};
    ::SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), sum.data());
    constexpr std::string_view digits = "0123456789abcdef";
    std::string hex;
    for (const unsigned char byte : sum) {
        hex += digits[byte >> 4];
        hex += digits[byte & 0x0FU];
    }
    return hex;
}

}  // namespace evenkeel::web
