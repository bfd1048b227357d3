// What Spillway believes of a key in an understore: which objects there are its own. A value; pure.
#pragma once

#include <string>
#include <vector>

#include "state.pb.h"
#include "understore/under_store.h"

namespace spillway {

// A set of objects of which at most one stands at a key. What is none of them is somebody else's
// and is never replaced or deleted, unless a user asked to overwrite whatever is there.
class OwnObjects {
 public:
  // Everything at the key may be replaced or deleted, whoever put it there.
  static OwnObjects Anything();
  // What the record of a pending delete says; that of an inode which shadows an object.
  static OwnObjects Of(const state::PendingDelete& pending);
  static OwnObjects ShadowedBy(const state::Inode& inode);
  // The object of a persisted inode.
  static OwnObjects ObjectOf(const state::Inode& inode);
  // An inode's content, sent or copied to a key without an answer that tells the etag.
  static OwnObjects ContentOf(const state::Inode& inode);

  void Add(const OwnObjects& others);
  bool anything() const { return anything_; }
  bool empty() const { return !anything_ && objects_.empty(); }
  const std::vector<state::OwnObject>& objects() const { return objects_; }
  // The one etag that can stand there, if that is all that is believed; otherwise "".
  std::string OnlyEtag() const;

  // Writes the record's fields back; Of and ShadowedBy read them.
  void Write(state::PendingDelete* pending) const;
  void Write(state::Inode* inode) const;

 private:
  void AddOne(state::OwnObject object);

  bool anything_ = false;
  std::vector<state::OwnObject> objects_;
};

// The checksum and length of a complete inode's content, as one object. If a checksum is not known
// crc_known is false and the content is that of the inode's object, if it has one (copied_from).
state::OwnObject ContentOf(const state::Inode& inode);

// What stands at a key, compared with what is believed of it.
enum class Standing {
  kNothing,
  kWanted,   // the very content that is to be there
  kOwn,      // an object that is ours, or that may be replaced
  kForeign,  // somebody else's
};

struct LookedAt {
  Standing standing = Standing::kNothing;
  ObjectInfo object;  // unless kNothing; with its checksum if that was found by reading it
};

// Asks the store, by one HEAD; where neither etag nor checksum decides, the object is read and its
// bytes are compared, with a checksum or with those of the object that it may be a copy of. What
// cannot be compared any more is somebody else's. wanted may be null. foreign_etag: of an object
// that an earlier look has shown to be somebody else's; it is not read again. Blocks. A status if
// the store did not tell.
StatusOr<LookedAt> LookAt(UnderStore& store, const std::string& key, const state::OwnObject* wanted,
                          const OwnObjects& own, const std::string& foreign_etag = "");

}  // namespace spillway
