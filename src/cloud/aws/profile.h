// The shared config and credentials files. (AWS SDKs and Tools Reference Guide, "Shared config and
// credentials files", "File format".)
//
// Sans-I/O; thread-safe.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/wiped_string.h"

namespace keyhold::cloud::aws {

// Setting names in lower case. A value that stands on lines of its own below its name ("nested
// settings") is left out.
using Profile = std::map<std::string, WipedString, std::less<>>;
using Profiles = std::map<std::string, Profile, std::less<>>;

enum class ProfileFile {
  config,       // [profile NAME], [default]; other kinds of section are passed over
  credentials,  // [NAME]
};

// Code::invalid_argument with the line's number where a line is none of a section, a setting, a
// comment, or a continuation; the message holds none of the text. A setting that is there twice has
// its last value.
Result<Profiles> parse_profiles(std::string_view text, ProfileFile kind);

// What the credentials file says of a profile goes before what the config file says.
Profiles merge_profiles(Profiles config, const Profiles& credentials);

// Empty where it is not set.
std::string_view setting(const Profile& profile, std::string_view name);

}  // namespace keyhold::cloud::aws
