#include "master/state/own_objects.h"

#include <algorithm>

#include "common/checksum.h"
#include "understore/same_object.h"

namespace spillway {
namespace {

// A file that is overwritten again and again while the store does not answer: the oldest go first.
constexpr size_t kObjectsMax = 64;

bool Same(const state::OwnObject& a, const state::OwnObject& b) {
  return a.etag() == b.etag() && a.length_bytes() == b.length_bytes() &&
         a.crc_known() == b.crc_known() && a.crc32c() == b.crc32c() &&
         a.copied_from() == b.copied_from();
}

// True if object, whose checksum is known then, holds what own was copied from. False also if that
// is not there any more.
StatusOr<bool> IsCopy(UnderStore& store, ObjectInfo& object, const state::OwnObject& own) {
  if (object.size_bytes != own.length_bytes() || object.key == own.copied_from()) return false;
  const auto source = store.Head(own.copied_from());
  if (source.status().code() == StatusCode::kNotFound) return false;
  SPILLWAY_RETURN_IF_ERROR(source.status());
  if (source->etag != own.etag() || source->size_bytes != object.size_bytes) return false;
  const auto crc = ChecksumOf(store, *source);
  if (!crc.ok()) return IsGone(crc.status()) ? StatusOr<bool>(false) : crc.status();
  auto same = HoldsBytes(store, object, own.length_bytes(), *crc);
  if (same.ok() && *same) object.crc32c = *crc;
  return same;
}

StatusOr<bool> Matches(UnderStore& store, ObjectInfo& object, const state::OwnObject& own) {
  if (!own.etag().empty() && object.etag == own.etag()) return true;
  if (!own.copied_from().empty()) return IsCopy(store, object, own);
  if (!own.etag().empty()) return false;
  if (!own.crc_known() || object.size_bytes != own.length_bytes()) return false;
  return HoldsBytes(store, object, own.length_bytes(), own.crc32c());
}

}  // namespace

state::OwnObject ContentOf(const state::Inode& inode) {
  state::OwnObject content;
  content.set_length_bytes(inode.length_bytes());
  bool known = true;
  uint32_t crc = 0;
  for (int i = 0; i < inode.blocks_size(); ++i) {
    const int64_t begin = i * inode.block_size_bytes();
    const int64_t length = std::min(inode.block_size_bytes(), inode.length_bytes() - begin);
    known = known && inode.blocks(i).crc_known();
    crc = Crc32cCombine(crc, inode.blocks(i).crc32c(), static_cast<uint64_t>(length));
  }
  if (!known && inode.object().crc_known()) {
    known = true;
    crc = inode.object().crc32c();
  }
  content.set_crc_known(known);
  content.set_crc32c(known ? crc : 0);
  if (!known && !inode.object().etag().empty()) {
    content.set_etag(inode.object().etag());
    content.set_copied_from(inode.object().key());
  }
  return content;
}

OwnObjects OwnObjects::Anything() {
  OwnObjects own;
  own.anything_ = true;
  return own;
}

OwnObjects OwnObjects::Of(const state::PendingDelete& pending) {
  OwnObjects own;
  own.anything_ = pending.objects().empty();
  own.objects_.assign(pending.objects().begin(), pending.objects().end());
  return own;
}

OwnObjects OwnObjects::ShadowedBy(const state::Inode& inode) {
  OwnObjects own;
  if (!inode.shadows_object()) return own;
  own.objects_.assign(inode.shadowed().begin(), inode.shadowed().end());
  if (!inode.shadowed_etag().empty()) {
    state::OwnObject object;
    object.set_etag(inode.shadowed_etag());
    own.AddOne(std::move(object));
  }
  own.anything_ = own.objects_.empty();
  return own;
}

OwnObjects OwnObjects::ObjectOf(const state::Inode& inode) {
  OwnObjects own;
  if (!inode.has_object()) return own;
  if (inode.object().etag().empty()) return ContentOf(inode);
  state::OwnObject object;
  object.set_etag(inode.object().etag());
  own.AddOne(std::move(object));
  return own;
}

OwnObjects OwnObjects::ContentOf(const state::Inode& inode) {
  OwnObjects own;
  state::OwnObject content = spillway::ContentOf(inode);
  if (content.crc_known() || !content.copied_from().empty()) own.AddOne(std::move(content));
  return own;
}

void OwnObjects::AddOne(state::OwnObject object) {
  const bool known = std::any_of(objects_.begin(), objects_.end(),
                                 [&](const auto& other) { return Same(object, other); });
  if (known) return;
  if (objects_.size() >= kObjectsMax) objects_.erase(objects_.begin());
  objects_.push_back(std::move(object));
}

void OwnObjects::Add(const OwnObjects& others) {
  anything_ = anything_ || others.anything_;
  for (const auto& object : others.objects_) AddOne(object);
}

std::string OwnObjects::OnlyEtag() const {
  const bool only = !anything_ && objects_.size() == 1 && objects_[0].copied_from().empty();
  return only ? objects_[0].etag() : "";
}

void OwnObjects::Write(state::PendingDelete* pending) const {
  pending->clear_objects();
  if (anything_) return;
  for (const auto& object : objects_) *pending->add_objects() = object;
}

void OwnObjects::Write(state::Inode* inode) const {
  inode->clear_shadowed_etag();
  inode->clear_shadowed();
  inode->set_shadows_object(!empty());
  if (anything_) return;
  if (const std::string etag = OnlyEtag(); !etag.empty()) {
    inode->set_shadowed_etag(etag);
    return;
  }
  for (const auto& object : objects_) *inode->add_shadowed() = object;
}

StatusOr<LookedAt> LookAt(UnderStore& store, const std::string& key, const state::OwnObject* wanted,
                          const OwnObjects& own, const std::string& foreign_etag) {
  LookedAt looked;
  auto head = store.Head(key);
  if (head.status().code() == StatusCode::kNotFound) return looked;
  SPILLWAY_RETURN_IF_ERROR(head.status());
  looked.object = *std::move(head);
  looked.standing = Standing::kForeign;
  if (!foreign_etag.empty() && looked.object.etag == foreign_etag && !own.anything()) return looked;
  if (wanted != nullptr) {
    SPILLWAY_ASSIGN_OR_RETURN(const bool same, Matches(store, looked.object, *wanted));
    if (same) {
      looked.standing = Standing::kWanted;
      return looked;
    }
  }
  if (own.anything()) looked.standing = Standing::kOwn;
  for (const auto& object : own.objects()) {
    if (looked.standing == Standing::kOwn) break;
    SPILLWAY_ASSIGN_OR_RETURN(const bool same, Matches(store, looked.object, object));
    if (same) looked.standing = Standing::kOwn;
  }
  return looked;
}

}  // namespace spillway
