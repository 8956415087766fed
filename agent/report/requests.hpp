#pragma once

#include "agent/ledger/reader.hpp"
#include "agent/report/days.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

/// Single requests, as `report requests` lists and exports them.
namespace evenkeel::report {

/// One of them, with the names of its columns; a name is empty where there is none.
struct RequestLine {
    ledger::RequestView row{};
    std::string key{};
    std::string model{};
    std::string route{};
    std::string source{};
};

struct RequestsAsked {
    UtcTime since{};
    UtcTime until{};
    std::string key{};      ///< name of a client key; empty: of any
    std::string tag{};      ///< "team=search"; empty: any
    std::int64_t limit{0};  ///< 0: all
};

/// Tells `visit` of each that was meant, the newest first, in short transactions: a slow receiver
/// does not keep the ledger from shrinking. Errors: not_found (no such key), and those of Reader.
[[nodiscard]] Result<void> each_request(
    ledger::Reader& reader,
    const RequestsAsked& asked,
    const std::function<void(const RequestLine&)>& visit);

/// "team=search,job=7" taken apart.
[[nodiscard]] std::vector<std::string_view> split_tags(std::string_view tags);

inline constexpr std::string_view requests_csv_head =
    "id,at,key,model,route,source,kind,outcome,reason,wait_ms,ttft_ms,total_ms,tokens_in,"
    "tokens_cached,tokens_cache_write,tokens_out,paid,charged,currency,flags,tags\r\n";
[[nodiscard]] std::string request_csv(const RequestLine& line);
/// An element of `requests` in evenkeel.requests/1.
[[nodiscard]] std::string request_json(const RequestLine& line);

}  // namespace evenkeel::report
