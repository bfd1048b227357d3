#include "understore/s3/body_digest.h"

#include <openssl/evp.h>

#include <algorithm>
#include <memory>

#include "common/checksum.h"

namespace spillway {

StatusOr<BodyDigest> DigestOf(BodySource& body) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> md5(EVP_MD_CTX_new(),
                                                                    EVP_MD_CTX_free);
  if (md5 == nullptr || EVP_DigestInit_ex(md5.get(), EVP_md5(), nullptr) != 1)
    return Internal("MD5 is not to be had.");
  std::string buffer(static_cast<size_t>(std::min<int64_t>(1 << 20, body.size_bytes())), '\0');
  BodyDigest digest;
  for (int64_t at = 0; at < body.size_bytes();) {
    const int64_t n =
        std::min<int64_t>(static_cast<int64_t>(buffer.size()), body.size_bytes() - at);
    SPILLWAY_RETURN_IF_ERROR(body.Read(at, buffer.data(), n));
    digest.crc32c = Crc32cExtend(digest.crc32c, buffer.data(), static_cast<size_t>(n));
    EVP_DigestUpdate(md5.get(), buffer.data(), static_cast<size_t>(n));
    at += n;
  }
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_DigestFinal_ex(md5.get(), bytes, &size);
  digest.md5_base64 = Base64Encode(std::string_view(reinterpret_cast<char*>(bytes), size));
  return digest;
}

}  // namespace spillway
