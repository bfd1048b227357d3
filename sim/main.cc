// sim --seed N replays one run, sim --seeds COUNT runs many.
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "sim/simulation.h"

int main(int argc, char** argv) {
  CLI::App app{"Simulated clusters under seeded faults"};
  uint64_t seed = 0;
  uint64_t count = 100;
  uint64_t first = 1;
  int steps = 1500;
  bool verbose = false;
  app.add_option("--seed", seed, "replay this seed alone");
  app.add_option("--seeds", count, "number of seeds");
  app.add_option("--first", first, "first seed");
  app.add_option("--steps", steps, "random events in a run");
  app.add_flag("--verbose", verbose, "log what the cores say");
  CLI11_PARSE(app, argc, argv);
  spdlog::set_level(verbose ? spdlog::level::debug : spdlog::level::off);
  if (seed != 0) {
    first = seed;
    count = 1;
  }
  int64_t acknowledged = 0;
  int64_t crashes = 0;
  int64_t faults = 0;
  int violations = 0;
  for (uint64_t at = first; at < first + count; ++at) {
    const auto verdict = spillway::sim::Simulation(at).Run(steps);
    acknowledged += verdict.acknowledged;
    crashes += verdict.crashes;
    faults += verdict.store_faults;
    if (verdict.ok) continue;
    ++violations;
    std::cout << "seed " << at << ": " << verdict.what << "\n";
  }
  std::cout << count << " seeds, " << acknowledged << " acknowledged files, " << crashes
            << " crashes, " << faults << " store faults, " << violations << " violations\n";
  return violations == 0 ? 0 : 1;
}
