// Times as AWS and HTTP write them. Sans-I/O; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "net/http_client.h"

namespace keyhold::cloud::aws {

// 2026-03-01T09:30:00Z, with or without a fraction, which is cut to milliseconds (RFC 3339, UTC).
std::optional<WallTime> parse_iso_time(std::string_view text);

// Sun, 06 Nov 1994 08:49:37 GMT (RFC 9110 section 5.6.7, IMF-fixdate).
std::optional<WallTime> parse_http_date(std::string_view text);

// 20260301T093000Z, as signatures have it.
std::optional<WallTime> parse_amz_date(std::string_view text);

// "this machine's clock is 620 s ahead of AWS's", by the Date header of an answer, else by the time
// that AWS's message holds ("… (20260301T093000Z - 5 min.)"); without either, that it is off.
std::string skew_of(const net::HttpResponse& response, std::string_view message, WallTime now);

// The value of the first header of that name (in lower case); empty where there is none.
std::string_view header_of(const net::HttpResponse& response, std::string_view name);

}  // namespace keyhold::cloud::aws
