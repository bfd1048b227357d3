"""Where a store cannot do what a scenario asks for, and why. A scenario that fails otherwise, or holds although it must not, is red."""
import dataclasses
import re


@dataclasses.dataclass(frozen=True)
class Difference:
    """error: what the failing scenario says. always: False if it depends on who comes first."""
    reason: str
    error: str
    always: bool = True

    def explains(self, text):
        return re.search(self.error, text) is not None


# By (store, function of scenarios.py).
DIFFERENCES = {
    ("rclone", "understore_suite"): Difference(
        "x-amz-checksum-crc32c is stored and not compared: bytes that were damaged on their way are not refused",
        r"^failed: (longObjects_ofAnySize|manyPutsAtOnce_haveAResultEach|wrongChecksum_publishesNothing| )+$", always=False),
    ("s3proxy", "own_profile"): Difference(
        "UploadPartCopy is answered with CopyObject's document, as a store would that has copied the whole object to the key: Spillway sends the "
        "bytes itself instead", r"^copy-part: Spillway says no, raw requests find yes$"),
    ("s3proxy", "object_for_folder"): Difference(
        "every request for a key below an object is answered with 500: the deletes there wait until the object is gone, which stays",
        r"^waited 20 s for the deletes to be carried out$"),
    ("s3proxy", "outage"): Difference(
        "what was being uploaded when the server was killed stays, as an object of a made-up name beside the right ones",
        r"^there are others beside them: \['[^']+-[0-9a-f]{8}-[-0-9a-f]{27}'(, '[^']+-[0-9a-f]{8}-[-0-9a-f]{27}')*\]$", always=False),
    ("rclone", "marked_folders"): Difference(
        "it has no marker objects: what is put at `a/` becomes the object `a`, and the next one below it is answered with 500",
        r"\(InternalError\) when calling the PutObject operation"),
    ("s3proxy", "marked_folders"): Difference(
        "a marker is found under the object's name too and is not listed under its own: Spillway cannot tell it from an object and leaves it, "
        "so that the old folder appears again, empty", r"^waited 15 s for the object to move and the markers to go$"),
}

# What no scenario shows, and is true of the store all the same.
NOTES = {
    "versitygw": [
        "CopyObject ignores the conditions on its target: an object that others put there between the look and the copy is replaced",
        "DeleteObjects ignores ETags; DELETE with If-Match honours them",
        "a key cannot be another's folder: 409 for `a` where there is `a/b`, and the other way round",
    ],
    "SeaweedFS": [
        "CompleteMultipartUpload looks at its conditions and then acts: of several rivals more than one may win",
        "listings are in the order of folders, not of keys' bytes",
        "a folder that was emptied stays in listings as a prefix, for ten minutes and more: what was deleted or renamed in Spillway appears "
        "again as empty folders when it is compared with the store, and goes for good when these are deleted",
        "after SIGKILL it answers again only after about 17 s",
    ],
    "rclone": [
        "every condition is ignored, also If-Match on GET: whatever compares must compare the answer's ETag, and between looking and "
        "writing another writer's object can be lost",
        "the ETag that CompleteMultipartUpload answers is not the object's",
        "open uploads end with the server; a part cannot be sent again with other bytes; UploadPartCopy answers 200 and copies nothing",
        "a key cannot be another's folder (500), nor have `//` (400)",
        "`a/` is another name of the object `a`; a marker object that another program puts at `a/` destroys what is below it",
    ],
    "s3proxy": [
        "conditions on PUT are looked at before the write and not with it: of several rivals more than one may win; on the target of a copy, "
        "on CompleteMultipartUpload and on DELETE they are ignored; an ETag in DeleteObjects is answered with 500",
        "x-amz-checksum-crc32c is refused with 501",
        "the ETag that CompleteMultipartUpload answers is not the object's",
        "`a/` is another name of the object `a`",
        "a key cannot be another's folder (500), nor have a name of 255 bytes between slashes (500)",
    ],
}
