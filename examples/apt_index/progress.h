// A progress bar on a terminal; silent elsewhere.
#pragma once

#include <cstddef>
#include <string>

namespace apt_index {

class Progress {
 public:
  Progress(std::string what, std::size_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void advance();

 private:
  void draw() const;

  const std::string what_;
  const std::size_t total_;
  const bool shown_;
  std::size_t done_ = 0;
};

}  // namespace apt_index
