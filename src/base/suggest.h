// "Did you mean …?"
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace keyhold {

// The candidate that is the fewest edits away from `word`; empty where none is close enough to be
// what was meant (a third of its length, at least one, at most three edits).
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

// "; did you mean NEAREST?", or nothing.
std::string suggestion(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace keyhold
