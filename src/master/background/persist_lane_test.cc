#include "master/background/persist_lane.h"

#include <gtest/gtest.h>

namespace spillway {
namespace {

// A store that takes so many requests a second and answers SlowDown to the rest.
class Store {
 public:
  explicit Store(int per_second) : per_second_(per_second) {}
  bool Take(int64_t now_ms) {
    tokens_ = std::min<double>(per_second_ * 0.2 + 1,
                               tokens_ + static_cast<double>(now_ms - at_ms_) * per_second_ / 1000);
    at_ms_ = now_ms;
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

 private:
  const double per_second_;
  double tokens_ = 1;
  int64_t at_ms_ = 0;
};

TEST(PersistLaneTest, limitedStore_isUsedToTheFull) {
  PersistLane lane(512);
  Store store(20);
  int done = 0;
  int refused = 0;
  int64_t now_ms = 0;
  for (; done < 600 && now_ms < 60'000; now_ms += 100) {
    for (int i = 0; i < 600 && done < 600 && lane.MayStart(now_ms); ++i) {
      lane.OnStarted(1);
      --lane.running;
      if (store.Take(now_ms)) {
        ++done;
        lane.OnSuccess(10, now_ms);
      } else {
        ++refused;
        lane.rate.OnSlowDown(now_ms);
      }
    }
  }
  EXPECT_LT(now_ms, 33'000) << "110 % of the 30 s that the limit itself takes";
  EXPECT_LT(refused, 700);
}

TEST(PersistLaneTest, limitLifted_rateGrowsBack) {
  RequestRate rate;
  int64_t now_ms = 0;
  for (int i = 0; i < 10; ++i) rate.OnSuccess(now_ms);
  rate.OnSlowDown(now_ms);
  ASSERT_TRUE(rate.limit().has_value());
  const double low = *rate.limit();
  for (; now_ms < 60'000; now_ms += 100) {
    for (int i = 0; i < 1000 && rate.Allows(now_ms); ++i) {
      rate.Charge(1);
      rate.OnSuccess(now_ms);
    }
  }
  EXPECT_GT(rate.limit().value_or(1e9), 10 * low);
}

TEST(PersistLaneTest, outage_probesOneAtATime_andEndsWithTheFirstSuccess) {
  PersistLane lane(512);
  int64_t now_ms = 0;
  for (int i = 0; i < 3; ++i) lane.OnStoreFailure(Unavailable("away"), now_ms);
  EXPECT_TRUE(lane.in_outage());
  EXPECT_FALSE(lane.MayStart(now_ms));
  now_ms += 3000;
  EXPECT_TRUE(lane.MayStart(now_ms));
  lane.OnStarted(1);
  EXPECT_FALSE(lane.MayStart(now_ms)) << "one probe is enough";
  --lane.running;
  EXPECT_TRUE(lane.OnSuccess(10, now_ms));
  EXPECT_FALSE(lane.in_outage());
  EXPECT_TRUE(lane.MayStart(now_ms));
}

TEST(PersistLaneTest, slowStore_getsFewerAtATime) {
  FlightLimit flight(512);
  int64_t now_ms = 0;
  for (int i = 0; i < 100; ++i) flight.OnDone(30, now_ms += 100);
  EXPECT_EQ(flight.limit(), 512);
  for (int i = 0; i < 300; ++i) flight.OnDone(20'000, now_ms += 100);
  EXPECT_LT(flight.limit(), 100);
  EXPECT_GE(flight.limit(), 8);
  for (int i = 0; i < 600; ++i) flight.OnDone(30, now_ms += 100);
  EXPECT_EQ(flight.limit(), 512);
}

}  // namespace
}  // namespace spillway
