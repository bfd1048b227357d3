// CRC32C (Castagnoli), the one checksum from client to S3. Values are the plain finished CRC.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace spillway {

// CRC of data that follows bytes whose CRC is crc; 0 starts a new one.
uint32_t Crc32cExtend(uint32_t crc, const void* data, size_t size);
inline uint32_t Crc32c(std::string_view data) { return Crc32cExtend(0, data.data(), data.size()); }

// CRC of A followed by B, from the CRCs of each and B's size in bytes. O(log size).
uint32_t Crc32cCombine(uint32_t crc_a, uint32_t crc_b, uint64_t size_b);

// As S3 writes it in x-amz-checksum-crc32c: base64 of the big-endian value.
std::string Crc32cBase64(uint32_t crc);

std::string Base64Encode(std::string_view data);

}  // namespace spillway
