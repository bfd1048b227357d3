// Who else writes to the store, and what the store cannot do.
#include "common/log.h"
#include "common/path.h"
#include "sim/simulation.h"

namespace spillway::sim {
namespace {

constexpr int64_t kRefusedMsMax = 15'000;

}  // namespace

bool IsForeign(const std::string& data) {
  return !data.empty() && data.front() >= 'A' && data.front() <= 'Z';
}

void Simulation::DrawStranger(uint64_t seed, const Strangers& strangers) {
  understore_->set_clock(&clock_);
  SeededRandom random(seed * 7919 + 17);
  static constexpr uint64_t kOneIn[] = {0, 60, 200, 800};
  strange_.foreign_one_in = kOneIn[random.Below(4)];
  strange_.late_effects = random.Below(2) == 0 && strangers.late_effects;
  strange_.refusals = random.Below(3) == 0 && strangers.refusals;
  strange_.withdraws = random.Below(2) == 0;
  strange_.hostile = strangers.hostile && hostile_.Below(2) == 0;
  strange_.odd_names = strange_.hostile && hostile_.Below(2) == 0;
  if (!strangers.others) strange_.foreign_one_in = 0;
  if (!strangers.lacking) return;
  if (random.Below(2) == 0) DrawProfile(random);
  if (random.Below(2) == 0) understore_->set_copy_bytes_max(100);
  if (random.Below(2) == 0)
    understore_->set_entries_per_page(1 + static_cast<int>(random.Below(3)));
  understore_->set_etags_by_content(random.Below(2) == 0);
  understore_->set_composite_checksums(random.Below(2) == 0);
}

void Simulation::DrawProfile(Random& random) {
  StoreProfile profile = StoreProfile::Everything();
  for (int i = 0; i < kStoreFeatures; ++i) {
    if (random.Below(3) == 0) profile.Set(static_cast<StoreFeature>(i), Support::kNo);
  }
  profile.Set(StoreFeature::kCopyPart, Support::kYes);
  understore_->set_profile(profile);
  ++tally_->lacking_stores;
  if (random.Below(4) != 0) return;
  ++tally_->open_windows;
  understore_->OnWindow([this](const std::string& key) {
    if (strange_.foreign_one_in > 0 && random_.Below(3) == 0) PutAsOther(key);
  });
}

std::string Simulation::ForeignKey() {
  if (strange_.hostile && hostile_.Below(10) == 0) return UnnameableKey();
  const uint64_t what = random_.Below(10);
  if (what < 3) {
    // Where something stands.
    auto at = published_.begin();
    for (uint64_t i = random_.Below(published_.size() + 1); i > 0 && at != published_.end(); --i)
      ++at;
    if (at != published_.end()) return at->first;
  }
  if (what < 6 && !files_.empty()) {
    // Where something is to stand.
    const auto at = std::next(files_.begin(), static_cast<int64_t>(random_.Below(files_.size())));
    return at->first.substr(1);
  }
  if (what == 9) {
    static constexpr const char* kNew[] = {"n/p", "n/m",  "n/m/q", "d/s/p", "e/_temporary/r",
                                           "n/",  "o/p/q"};
    return kNew[random_.Below(7)];
  }
  return RandomPath().substr(1);
}

void Simulation::PutAsOther(const std::string& key) {
  size_t size = 8 + random_.Below(4 * kBlockBytes);
  // Often as long as what stands there or is to stand there.
  const auto there = published_.find(key);
  const auto coming = files_.find("/" + key);
  if (random_.Below(3) == 0 && there != published_.end()) size = there->second.size();
  if (random_.Below(3) == 0 && coming != files_.end()) size = coming->second.data.size();
  std::string data(std::max<size_t>(size, 8), '\0');
  for (char& c : data) c = static_cast<char>('A' + random_.Below(26));
  ++tally_->foreign_puts;
  understore_->PutAsOther(key, std::move(data));
}

void Simulation::Foreign() {
  const std::string key = ForeignKey();
  if (published_.count(key) == 0 || random_.Below(3) != 0) return PutAsOther(key);
  ++tally_->foreign_deletes;
  understore_->DeleteAsOther(key);
}

void Simulation::StrangeEvent() {
  if (strange_.hostile && hostile_.Below(20) == 0) Hostile();
  if (strange_.foreign_one_in > 0 && random_.Below(strange_.foreign_one_in) == 0) Foreign();
  if (strange_.late_effects && random_.Below(16) == 0 && understore_->late_effects() > 0)
    understore_->RunLate(random_.Below(understore_->late_effects()));
  if (!strange_.refusals) return;
  if (refused_ && clock_.MonotonicMs() >= refused_->until_ms) AcceptAllKeys();
  if (!refused_ && random_.Below(400) == 0) RefuseKey();
}

void Simulation::DelayEffects() {
  ++tally_->late_effects;
  const Status status = random_.Below(2) == 0 ? Unavailable("late")
                                              : MakeStatus(StatusCode::kDeadlineExceeded, "late");
  understore_->DelayNext(1 + static_cast<int>(random_.Below(2)), status,
                         1 + static_cast<int64_t>(random_.Below(kLateEffectMsMax)));
}

void Simulation::RefuseKey() {
  static constexpr const char* kKinds[] = {"put", "copy", "delete"};
  const std::string path = RandomPath();
  // Markers, and what is above them, rightly wait for each other.
  if (path.find("_SUCCESS") != std::string::npos) return;
  ++tally_->refused_keys;
  refused_ = RefusedKey{kKinds[random_.Below(3)], path.substr(1),
                        clock_.MonotonicMs() + static_cast<int64_t>(random_.Below(kRefusedMsMax))};
  const bool denied = refused_->kind == "delete" && random_.Below(2) == 0;
  understore_->Refuse(refused_->kind, refused_->key,
                      denied ? MakeStatus(StatusCode::kPermissionDenied, "this key is locked")
                             : InvalidArgument("this key is refused"));
}

void Simulation::AcceptAllKeys() {
  if (refused_) understore_->Refuse(refused_->kind, refused_->key, absl::OkStatus());
  refused_.reset();
}

Simulation::Will Simulation::WillOf(const std::string& path, bool overwrite) {
  Will will{path.substr(1), "", {}, false};
  // In safe mode too, when a status is not to be had.
  const auto info = master_->GetPersistInfo(root_, {path});
  if (!info.empty()) {
    will.etag = info[0].etag;
  } else if (master_->GetStatus(root_, path).result.ok()) {
    for (const std::string& key : understore_->ForeignKeys()) {
      if (!IsWithin("/" + key, path)) continue;
      for (const auto& below : master_->GetPersistInfo(root_, {"/" + key}))
        will.below.push_back(below.etag);
    }
  } else {
    will.anything = overwrite && master_->DirectoryToLoad(path, false).has_value();
  }
  return will;
}

void Simulation::Carried(const Will& will) {
  spdlog::debug("a client gives up {} of etag {}{}", will.key, will.etag,
                will.anything ? ", or whatever it is" : "");
  for (const std::string& etag : will.below) spdlog::debug("below {} is {}", will.key, etag);
  if (!will.etag.empty()) given_up_.insert(will.etag);
  given_up_.insert(will.below.begin(), will.below.end());
  if (will.anything) given_up_keys_.insert(will.key);
}

void Simulation::Forget(const std::string& path) {
  files_.erase(path);
  removed_.erase(path);
  touched_[path] = ++changes_;
}

void Simulation::Acknowledge(const std::string& path, const std::string& data, int64_t completed) {
  ++tally_->acknowledged;
  const auto touched = touched_.find(path);
  if (touched != touched_.end() && touched->second > completed) return;
  if (tampered_.count({path, data}) > 0) return;
  files_[path] = Expected{data, ++sequence_};
  spdlog::debug("{} is acknowledged, of {} bytes", path, data.size());
}

}  // namespace spillway::sim
