#include <openssl/evp.h>

#include "cli/fs/commands.h"

namespace spillway::cli {

Command ChecksumCommand() {
  return {
      "checksum",
      "<path>",
      "Calculates the md5 checksum of a file in the filesystem.",
      {},
      1,
      1,
      [](Context& context, const Arguments& arguments) {
        return ForEachPath(context, arguments.values[0], [&](const std::string& path) -> Status {
          SPILLWAY_ASSIGN_OR_RETURN(const FileStatus file, context.master->GetStatus(path));
          const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> md5(EVP_MD_CTX_new(),
                                                                       EVP_MD_CTX_free);
          EVP_DigestInit_ex(md5.get(), EVP_md5(), nullptr);
          SPILLWAY_RETURN_IF_ERROR(context.fs->ReadFile(file, 0, -1, [&](std::string_view data) {
            EVP_DigestUpdate(md5.get(), data.data(), data.size());
            return absl::OkStatus();
          }));
          unsigned char digest[EVP_MAX_MD_SIZE];
          unsigned int size = 0;
          EVP_DigestFinal_ex(md5.get(), digest, &size);
          *context.out << "md5sum: ";
          for (unsigned int i = 0; i < size; ++i) *context.out << fmt::format("{:02x}", digest[i]);
          *context.out << "\n\n";
          return absl::OkStatus();
        });
      }};
}

}  // namespace spillway::cli
