#include "worker/ops/block_origins.h"

#include <vector>

namespace spillway {

Status CheckOrigin(const session::BlockOrigin& origin) {
  if (origin.code() != 0) return Status(static_cast<StatusCode>(origin.code()), origin.message());
  const bool fits = !origin.key().empty() && origin.offset_in_object() >= 0 &&
                    origin.length_bytes() > 0 && origin.object_bytes() >= origin.length_bytes() &&
                    origin.offset_in_object() <= origin.object_bytes() - origin.length_bytes();
  if (fits) return absl::OkStatus();
  return Internal("The master names {} bytes at {} of an object of {} bytes (\"{}\").",
                  origin.length_bytes(), origin.offset_in_object(), origin.object_bytes(),
                  origin.key());
}

bool IsSameObject(const session::BlockOrigin& a, const session::BlockOrigin& b) {
  return a.mount_id() == b.mount_id() && a.key() == b.key() && a.etag() == b.etag() &&
         a.object_bytes() == b.object_bytes();
}

session::GetBlockOrigin BlockOrigins::Ask(BlockId block, int64_t now_ms, Answer answer) {
  absl::MutexLock lock(&mutex_);
  session::GetBlockOrigin question;
  question.set_request_id(next_++);
  question.set_block_id(static_cast<uint64_t>(block.value()));
  waiting_[question.request_id()] = {now_ms, std::move(answer)};
  return question;
}

void BlockOrigins::OnAnswer(const session::BlockOrigin& origin) {
  Answer answer;
  {
    absl::MutexLock lock(&mutex_);
    const auto it = waiting_.find(origin.request_id());
    if (it == waiting_.end()) return;
    answer = std::move(it->second.answer);
    waiting_.erase(it);
  }
  answer(origin);
}

void BlockOrigins::FailAll(const Status& why) {
  std::map<uint64_t, Question> waiting;
  {
    absl::MutexLock lock(&mutex_);
    waiting.swap(waiting_);
  }
  for (const auto& [id, question] : waiting) question.answer(why);
}

void BlockOrigins::Expire(int64_t now_ms) {
  std::vector<Answer> late;
  {
    absl::MutexLock lock(&mutex_);
    while (!waiting_.empty() && now_ms - waiting_.begin()->second.asked_at_ms >= kWaitMs) {
      late.push_back(std::move(waiting_.begin()->second.answer));
      waiting_.erase(waiting_.begin());
    }
  }
  for (const Answer& answer : late)
    answer(Unavailable("The master did not say in time where the block comes from."));
}

}  // namespace spillway
