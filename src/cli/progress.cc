#include "cli/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <iostream>

#include "absl/synchronization/mutex.h"
#include "common/format.h"

namespace spillway::cli {
namespace {

constexpr int kBarColumns = 20;
constexpr int64_t kWindowMs = 10'000;
constexpr int64_t kSampleEveryMs = 1000;
constexpr int64_t kRedrawEveryMs = 500;

// Columns of the terminal at stderr; 0 if it is none, or does not say.
size_t TerminalColumns() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

// At most columns bytes of text, which ends with a whole character.
std::string CutTo(std::string text, size_t columns) {
  if (columns == 0 || text.size() <= columns) return text;
  while (columns > 0 && (static_cast<unsigned char>(text[columns]) & 0xC0) == 0x80) --columns;
  text.resize(columns);
  return text;
}

}  // namespace

std::string DescribeProgress(const std::string& noun, const ProgressPoint& point) {
  const bool bytes = noun.empty();
  const auto amount = [&](int64_t n) { return bytes ? FormatBytes(n) : std::to_string(n); };
  std::string text = amount(point.done) + " of " + amount(point.total);
  if (!bytes) text += " " + noun;
  if (point.bytes > 0) text += ", " + FormatBytes(point.bytes);
  const double byte_rate = bytes ? point.done_per_second : point.bytes_per_second;
  if (byte_rate >= 1) {
    text += ", " + FormatBytes(static_cast<int64_t>(byte_rate)) + "/s";
  } else if (point.done_per_second > 0) {
    text += fmt::format(", {:.1f}/s", point.done_per_second);
  }
  if (point.done < point.total && point.done_per_second > 0) {
    const double seconds =
        static_cast<double>(point.total - point.done) / point.done_per_second + 0.5;
    if (seconds < 1e9) text += ", " + FormatShortDuration(1000 * int64_t(seconds)) + " left";
  }
  return text;
}

struct Progress::State {
  struct Sample {
    int64_t at_ms = 0;
    int64_t done = 0;
    int64_t bytes = 0;
  };

  absl::Mutex mutex;
  SystemClock system_clock;
  ProgressOptions options;
  Clock* clock = nullptr;
  bool drawn = false;
  std::string what;
  int64_t total = 0;
  int64_t done = 0;
  int64_t bytes = 0;
  std::deque<Sample> samples;  // the oldest is what rates are counted from
  int percent = -1;
  int64_t shown_at_ms = 0;
  size_t width = 0;  // of the line that is on the terminal

  ProgressPoint Now(int64_t now_ms) {
    if (now_ms - samples.back().at_ms >= kSampleEveryMs) samples.push_back({now_ms, done, bytes});
    while (samples.size() > 1 && now_ms - samples[1].at_ms >= kWindowMs) samples.pop_front();
    const Sample& from = samples.front();
    ProgressPoint point{std::min(done, total), total, bytes, 0, 0};
    if (now_ms - from.at_ms < kSampleEveryMs) return point;
    const double seconds = static_cast<double>(now_ms - from.at_ms) / 1000;
    point.done_per_second = std::max(0.0, static_cast<double>(done - from.done) / seconds);
    point.bytes_per_second = std::max(0.0, static_cast<double>(bytes - from.bytes) / seconds);
    return point;
  }

  void Show() {
    const int64_t now_ms = clock->MonotonicMs();
    const ProgressPoint point = Now(now_ms);
    const int part =
        total > 0
            ? static_cast<int>(100.0 * static_cast<double>(point.done) / static_cast<double>(total))
            : 100;
    if (!drawn) {
      if (now_ms - shown_at_ms < options.line_every_ms) return;
      shown_at_ms = now_ms;
      std::cerr << what << ": " << part << "%, " << DescribeProgress(options.noun, point)
                << std::endl;
      return;
    }
    if (part == percent && now_ms - shown_at_ms < kRedrawEveryMs) return;
    percent = part;
    shown_at_ms = now_ms;
    const int filled = percent * kBarColumns / 100;
    const size_t columns = TerminalColumns();
    const std::string line =
        CutTo(fmt::format("{}  [{}{}]  {}%  {}", what, std::string(filled, '#'),
                          std::string(kBarColumns - filled, '-'), percent,
                          DescribeProgress(options.noun, point)),
              columns == 0 ? 0 : columns - 1);
    const size_t before = std::exchange(width, line.size());
    std::cerr << "\r" << line << std::string(before > width ? before - width : 0, ' ')
              << std::flush;
  }
};

Progress::Progress(const Context& context, std::string what, int64_t total, ProgressOptions options)
    : state_(std::make_unique<State>()) {
  state_->options = std::move(options);
  state_->clock = state_->options.clock == nullptr ? &state_->system_clock : state_->options.clock;
  state_->shown_at_ms = state_->clock->MonotonicMs();
  state_->samples.push_back({state_->shown_at_ms, 0, 0});
  state_->drawn = context.terminal;
  state_->what = std::move(what);
  state_->total = total;
  absl::MutexLock lock(&state_->mutex);
  state_->Show();
}

Progress::~Progress() {
  if (state_->drawn) std::cerr << "\n";
}

void Progress::Add(int64_t n, int64_t bytes) {
  absl::MutexLock lock(&state_->mutex);
  state_->done += n;
  state_->bytes += bytes;
  state_->Show();
}

}  // namespace spillway::cli
