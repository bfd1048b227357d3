// Bytes that several owners share without copying them.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace spillway {

// Its bytes stay where they are, unchanged, as long as it or a copy or part of it lives.
class SharedBytes {
 public:
  SharedBytes() = default;
  SharedBytes(std::string data) {  // NOLINT(google-explicit-constructor): whoever has a string
    const auto owner = std::make_shared<const std::string>(std::move(data));
    view_ = *owner;
    owner_ = owner;
  }
  SharedBytes(const char* text) : SharedBytes(std::string(text)) {}  // NOLINT: as above
  // owner keeps view's bytes; null if they outlive every use.
  SharedBytes(std::shared_ptr<const void> owner, std::string_view view)
      : owner_(std::move(owner)), view_(view) {}

  std::string_view view() const { return view_; }
  size_t size() const { return view_.size(); }
  bool empty() const { return view_.empty(); }

  // [from, from + length), cut at the end. from is at most size().
  SharedBytes Part(size_t from, size_t length = std::string_view::npos) const {
    return SharedBytes(owner_, view_.substr(from, length));
  }

 private:
  std::shared_ptr<const void> owner_;
  std::string_view view_;
};

}  // namespace spillway
