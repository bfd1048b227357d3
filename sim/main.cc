// sim --seed N replays one run, sim --seeds COUNT runs many.
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "absl/synchronization/mutex.h"
#include "common/planted_bug.h"
#include "sim/simulation.h"

namespace {

using spillway::PlantedBug;
using spillway::sim::Tally;

const std::map<std::string, PlantedBug> kBugs{
    {"ack-before-durable", PlantedBug::kAckBeforeDurable},
    {"unpin-on-upload", PlantedBug::kUnpinOnUpload},
    {"no-healing", PlantedBug::kNoHealing},
    {"marker-early", PlantedBug::kMarkerEarly},
    {"checksum-ignored", PlantedBug::kChecksumIgnored},
    {"forget-cancelled", PlantedBug::kForgetCancelled},
    {"forget-batched", PlantedBug::kForgetBatched},
    {"stale-listing", PlantedBug::kStaleListing},
    {"copy-early", PlantedBug::kCopyEarly},
    {"believe-unread", PlantedBug::kBelieveUnread},
    {"read-any-version", PlantedBug::kReadAnyVersion},
    {"bad-item-stops", PlantedBug::kBadItemStops},
    {"timeout-is-no", PlantedBug::kTimeoutIsNo},
    {"condition-forgotten", PlantedBug::kConditionForgotten},
    {"commit-on-reset", PlantedBug::kCommitOnReset},
    {"unlink-on-doubt", PlantedBug::kUnlinkOnDoubt}};

void Print(uint64_t seeds, const Tally& tally, int violations) {
  std::cout << seeds << " seeds: " << violations << " violations\n"
            << "  acknowledged files " << tally.acknowledged << ", renames " << tally.renames
            << ", copies by workers " << tally.copies << ", syncs " << tally.syncs << ", deletes "
            << tally.deletes << ", markers published " << tally.markers << "\n"
            << "  master crashes " << tally.master_crashes << " (" << tally.master_stops
            << " of them orderly)"
            << ", worker crashes " << tally.worker_crashes << " (" << tally.worker_stops
            << " orderly)"
            << ", disks lost " << tally.disks_lost << ", power losses " << tally.power_losses
            << ", flipped bits " << tally.flipped_bits << ", full disks " << tally.full_disks
            << ", failing folders " << tally.failing_folders << "\n"
            << "  files that fail " << tally.file_faults << ", set aside and restored "
            << tally.restored_files << ", dropped " << tally.dropped_files << "\n"
            << "  partitions " << tally.partitions << ", broken sessions " << tally.broken_sessions
            << ", stale messages " << tally.stale_messages << ", repeated operations "
            << tally.repeated_operations << ", streams cut off " << tally.cut_streams << "\n"
            << "  store faults " << tally.store_faults << ", store outages " << tally.store_outages
            << ", copies made again " << tally.heals << "\n"
            << "  native client: writes " << tally.native_writes << ", given up "
            << tally.native_failures << ", reads " << tally.native_reads << ", files taken whole "
            << tally.small_puts << "\n"
            << "  stores that lack something " << tally.lacking_stores << ", with open windows "
            << tally.open_windows << ", late effects " << tally.late_effects << ", keys refused "
            << tally.refused_keys << ", absurd calls and messages " << tally.hostile << "\n"
            << "  others: puts " << tally.foreign_puts << ", deletes " << tally.foreign_deletes
            << ", of files of ours " << tally.tampered
            << ", of theirs lost by late effects or windows " << tally.unguarded_losses << ", read "
            << tally.foreign_reads << ", conflicts in the end " << tally.conflicts << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  CLI::App app{"Simulated clusters under seeded faults"};
  uint64_t seed = 0;
  uint64_t count = 100;
  uint64_t first = 1;
  int steps = 1500;
  bool verbose = false;
  bool polite = false;
  std::set<std::string> without;
  std::string plant;
  app.add_option("--seed", seed, "replay this seed alone");
  app.add_option("--seeds", count, "number of seeds");
  app.add_option("--first", first, "first seed");
  app.add_option("--steps", steps, "random events in a run");
  app.add_option("--without", without,
                 "leave out others, late-effects, refusals, lacking or hostile")
      ->delimiter(',');
  app.add_flag("--polite", polite, "leave all of these out");
  app.add_flag("--verbose", verbose, "log what the cores say");
  app.add_option("--plant", plant, "switch a bug on (sim_bugs only) and succeed when it is found");
  CLI11_PARSE(app, argc, argv);
  spdlog::set_level(verbose ? spdlog::level::debug : spdlog::level::off);
  if (!plant.empty()) {
#ifdef SPILLWAY_PLANTED_BUGS
    if (kBugs.count(plant) == 0) {
      std::cerr << "no bug is called " << plant << "\n";
      return 2;
    }
    spillway::planted_bug = kBugs.at(plant);
#else
    std::cerr << "this build has no planted bugs: use sim_bugs\n";
    return 2;
#endif
  }
  if (seed != 0) {
    first = seed;
    count = 1;
  }
  spillway::sim::Strangers strangers;
  strangers.others = !polite && without.count("others") == 0;
  strangers.late_effects = !polite && without.count("late-effects") == 0;
  strangers.refusals = !polite && without.count("refusals") == 0;
  strangers.lacking = !polite && without.count("lacking") == 0;
  strangers.hostile = !polite && without.count("hostile") == 0;
  Tally tally;
  int violations = 0;
  for (uint64_t at = first; at < first + count; ++at) {
    const auto verdict = spillway::sim::Simulation(at, &tally, strangers).Run(steps);
    if (const uint64_t done = at - first + 1; done % 5000 == 0)
      std::cout << done << " seeds so far" << std::endl;
    if (verdict.ok) continue;
    ++violations;
    std::cout << "seed " << at << ": " << verdict.what << std::endl;
    if (plant.empty()) continue;
    std::cout << "the planted bug " << plant << " is found after " << at - first + 1 << " seeds\n";
    return 0;
  }
  Print(count, tally, violations);
  if (!plant.empty()) std::cout << "the planted bug " << plant << " was not found\n";
  return violations == 0 && plant.empty() ? 0 : 1;
}
