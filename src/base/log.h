// The log facade: one line an event, to standard error unless a sink is set. Thread-safe.
// Nothing secret is ever passed here: secret types have no formatter.
#pragma once

#include <functional>
#include <string_view>

namespace keyhold::log {

enum class Level : unsigned char { debug, info, warning, error };

void debug(std::string_view message);
void info(std::string_view message);
void warning(std::string_view message);
void error(std::string_view message);

// Messages below `level` are dropped. Default: info; the environment's
// KEYHOLD_LOG=debug|info|warning|error sets another at start.
void set_level(Level level);

// Where messages go instead of standard error; an empty function restores the default. For tests
// and engines.
void set_sink(std::function<void(Level, std::string_view)> sink);

}  // namespace keyhold::log
