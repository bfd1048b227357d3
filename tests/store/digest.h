// Digests and encodings. The strict store has its own, so that an error in those of Spillway shows.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace spillway::strict {

class Md5 {
 public:
  Md5();
  ~Md5();
  Md5(const Md5&) = delete;
  Md5& operator=(const Md5&) = delete;
  void Add(std::string_view data);
  // 16 raw bytes. May be called once.
  std::string Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string Md5Of(std::string_view data);                             // raw
std::string Sha1Of(std::string_view data);                            // raw
std::string Sha256Of(std::string_view data);                          // raw
std::string HmacSha256(std::string_view key, std::string_view data);  // raw
uint32_t Crc32Of(std::string_view data);
std::string Hex(std::string_view bytes);
// The bytes of crc, the highest first.
std::string BigEndian(uint32_t crc);
std::string ToBase64(std::string_view bytes);
// Nothing unless text is base64 with its padding and no other character.
std::optional<std::string> FromBase64(std::string_view text);
// Nothing if a percent sign is not followed by two hex digits. A '+' stays one.
std::optional<std::string> PercentDecode(std::string_view text);
// Encodes all but A-Z a-z 0-9 - _ . ~ and what keep holds.
std::string PercentEncode(std::string_view text, std::string_view keep);
bool IsUtf8(std::string_view text);

}  // namespace spillway::strict
