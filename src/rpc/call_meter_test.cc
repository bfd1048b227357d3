#include "rpc/call_meter.h"

#include <gtest/gtest.h>

namespace spillway {
namespace {

TEST(CallMeterTest, calls_areMeasuredByMethod) {
  Metrics metrics;
  CallMeter meter(&metrics);
  meter.Register("/a.B/c");
  meter.Register("/a.B/never");
  meter.Over("/a.B/c", 0.0003, true);
  meter.Over("/a.B/c", 2, false);
  const std::string text = metrics.Serialize();
  EXPECT_NE(text.find("spillway_rpc_seconds_count{method=\"a.B/c\"} 2"), std::string::npos) << text;
  EXPECT_NE(text.find("spillway_rpc_seconds_bucket{method=\"a.B/c\",le=\"0.0005\"} 1"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("spillway_rpc_failed_total{method=\"a.B/c\"} 1"), std::string::npos) << text;
  EXPECT_EQ(text.find("never"), std::string::npos) << text;
}

TEST(CallMeterTest, methodsOfStrangers_makeOneSeries) {
  Metrics metrics;
  CallMeter meter(&metrics);
  for (const char* name : {"/x/1", "/x/2", "", "no slash \""}) meter.Over(name, 0, false);
  const std::string text = metrics.Serialize();
  EXPECT_NE(text.find("spillway_rpc_failed_total{method=\"unknown\"} 4"), std::string::npos)
      << text;
}

TEST(CallMeterTest, withoutMetrics_nothingIsMeasured) {
  CallMeter meter(nullptr);
  meter.Register("/a/b");
  meter.Over("/a/b", 1, true);
}

}  // namespace
}  // namespace spillway
