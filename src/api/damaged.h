// What the namespace has and cannot show, for operators.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace spillway {

// A record of the master's state store that was met and could not be read.
struct DamagedRecordInfo {
  std::string name;  // by which it is exported and dropped
  std::string path;  // of what it stands for; empty: not known
  std::string why;
};

// What the understore holds in a folder and the namespace cannot name.
struct LeftOut {
  std::string folder;  // in the understore
  int64_t entries = 0;
  std::string example;  // one of them, printable
  std::string why;
};

struct DamagedReport {
  int64_t records_count = 0;
  std::vector<DamagedRecordInfo> records;  // some of them
  int64_t left_out_count = 0;              // of folders
  std::vector<LeftOut> left_out;           // some of them
};

}  // namespace spillway
