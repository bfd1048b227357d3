"""What a store does with the requests that Spillway sends or would like to send, found by sending them raw.

Each probe gives a verdict and what was seen. "honoured": as S3 documents it; "ignored": answered as if the header were not there;
"refused": an error for a request that S3 accepts; "wrong": something else. Spillway's own report is compared with it.
"""
import base64
import http.client
import json
import struct
import sys
import threading

PART = 5 * 1024 * 1024  # bytes; S3's smallest part but for the last
PROBES = []


def probe(name):
    """Registers a function of (client) that returns (verdict, what was seen)."""
    def register(function):
        PROBES.append((name, function))
        return function
    return register


def crc32c(data):
    """Castagnoli, base64 of the big-endian value, as S3 sends it."""
    table = getattr(crc32c, "table", None)
    if table is None:
        table = []
        for value in range(256):
            for _ in range(8):
                value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
            table.append(value)
        crc32c.table = table
    crc = 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return base64.b64encode(struct.pack(">I", crc ^ 0xFFFFFFFF)).decode()


def expect(client, key, answer, content, refusals, old=b"old"):
    """The verdict of a conditional request that S3 refuses: what it answered, and whether key holds old still."""
    now = client.get(key)
    kept = now.status == 404 if old is None else now.body == old
    seen = f"{answer}; key {'kept' if kept else 'changed'}"
    if answer.status in refusals and kept:
        return "honoured", seen
    if answer.status < 300 and now.body == content:
        return "ignored", seen
    return ("refused" if kept else "wrong"), seen


def allowed(client, key, answer, content):
    """The verdict of a conditional request that S3 carries out."""
    now = client.get(key)
    done = answer.status < 300 and now.body == content
    return ("honoured" if done else "refused" if answer.status >= 300 else "wrong"), f"{answer}; key {'written' if done else 'not written'}"


def fresh(client, key, body=b"old"):
    client.delete(key)
    return client.put(key, body).etag if body is not None else ""


WRONG = '"00000000000000000000000000000000"'


@probe("PUT If-None-Match:*, key taken")
def put_none_match_taken(c):
    fresh(c, "p/1")
    return expect(c, "p/1", c.put("p/1", b"new", If_None_Match="*"), b"new", (412,))


@probe("PUT If-None-Match:*, key free")
def put_none_match_free(c):
    fresh(c, "p/2", None)
    return allowed(c, "p/2", c.put("p/2", b"new", If_None_Match="*"), b"new")


@probe("PUT If-Match right")
def put_match_right(c):
    etag = fresh(c, "p/3")
    return allowed(c, "p/3", c.put("p/3", b"new", If_Match=etag), b"new")


@probe("PUT If-Match wrong")
def put_match_wrong(c):
    fresh(c, "p/4")
    return expect(c, "p/4", c.put("p/4", b"new", If_Match=WRONG), b"new", (412,))


@probe("PUT If-Match, key missing")
def put_match_missing(c):
    fresh(c, "p/5", None)
    return expect(c, "p/5", c.put("p/5", b"new", If_Match=WRONG), b"new", (404, 412), None)


def completed(c, key, **headers):
    upload = c.create_upload(key)
    etag = c.part(key, upload, 1, b"new").etag
    answer = c.complete(key, upload, [etag], **headers)
    if answer.status >= 300:
        c.call("DELETE", key, {"uploadId": upload})
    elif b"<Error>" in answer.body:
        answer.status = f"{answer.status} with error"
    return answer


@probe("Complete If-None-Match:*, key taken")
def complete_none_match_taken(c):
    fresh(c, "c/1")
    return expect(c, "c/1", completed(c, "c/1", If_None_Match="*"), b"new", (412,))


@probe("Complete If-None-Match:*, key free")
def complete_none_match_free(c):
    fresh(c, "c/2", None)
    return allowed(c, "c/2", completed(c, "c/2", If_None_Match="*"), b"new")


@probe("Complete If-Match right")
def complete_match_right(c):
    etag = fresh(c, "c/3")
    return allowed(c, "c/3", completed(c, "c/3", If_Match=etag), b"new")


@probe("Complete If-Match wrong")
def complete_match_wrong(c):
    fresh(c, "c/4")
    return expect(c, "c/4", completed(c, "c/4", If_Match=WRONG), b"new", (412,))


@probe("Complete If-Match, key missing")
def complete_match_missing(c):
    fresh(c, "c/5", None)
    return expect(c, "c/5", completed(c, "c/5", If_Match=WRONG), b"new", (404, 412), None)


@probe("Complete repeated with the same upload id")
def complete_repeated(c):
    fresh(c, "c/6", None)
    upload = c.create_upload("c/6")
    etag = c.part("c/6", upload, 1, b"new").etag
    first, second = c.complete("c/6", upload, [etag]), c.complete("c/6", upload, [etag])
    verdict = "honoured" if second.status in (200, 404) and c.get("c/6").body == b"new" else "wrong"
    return verdict, f"first {first}, second {second}"


@probe("Copy If-None-Match:*, target taken")
def copy_none_match_taken(c):
    fresh(c, "y/a", b"new"), fresh(c, "y/1")
    return expect(c, "y/1", c.copy("y/a", "y/1", If_None_Match="*"), b"new", (412,))


@probe("Copy If-None-Match:*, target free")
def copy_none_match_free(c):
    fresh(c, "y/a", b"new"), fresh(c, "y/2", None)
    return allowed(c, "y/2", c.copy("y/a", "y/2", If_None_Match="*"), b"new")


@probe("Copy If-Match right (target's ETag)")
def copy_match_right(c):
    fresh(c, "y/a", b"new")
    etag = fresh(c, "y/3")
    return allowed(c, "y/3", c.copy("y/a", "y/3", If_Match=etag), b"new")


@probe("Copy If-Match wrong")
def copy_match_wrong(c):
    fresh(c, "y/a", b"new"), fresh(c, "y/4")
    return expect(c, "y/4", c.copy("y/a", "y/4", If_Match=WRONG), b"new", (412,))


@probe("Copy x-amz-copy-source-if-match right")
def copy_source_match_right(c):
    etag = fresh(c, "y/a", b"new")
    fresh(c, "y/5")
    return allowed(c, "y/5", c.copy("y/a", "y/5", x_amz_copy_source_if_match=etag), b"new")


@probe("Copy x-amz-copy-source-if-match wrong")
def copy_source_match_wrong(c):
    fresh(c, "y/a", b"new"), fresh(c, "y/6")
    return expect(c, "y/6", c.copy("y/a", "y/6", x_amz_copy_source_if_match=WRONG), b"new", (412,))


@probe("Copy's answer has the target's ETag")
def copy_etag(c):
    fresh(c, "y/a", b"new"), fresh(c, "y/7", None)
    answer = c.copy("y/a", "y/7")
    head = c.head("y/7").etag
    told = answer.tag("ETag")
    return ("honoured" if told and told.strip('"') == head.strip('"') else "wrong"), f"{answer}; answer {told}, HEAD {head}"


def gone(c, key, answer):
    left = c.get(key).status != 404
    return f"{answer}; key {'kept' if left else 'gone'}", left


@probe("DELETE If-Match right")
def delete_match_right(c):
    etag = fresh(c, "d/1")
    seen, left = gone(c, "d/1", c.delete("d/1", If_Match=etag))
    return ("refused" if left else "honoured"), seen


@probe("DELETE If-Match wrong")
def delete_match_wrong(c):
    fresh(c, "d/2")
    answer = c.delete("d/2", If_Match=WRONG)
    seen, left = gone(c, "d/2", answer)
    return ("honoured" if left and answer.status == 412 else "refused" if left else "ignored"), seen


@probe("DELETE If-Match, key missing")
def delete_match_missing(c):
    fresh(c, "d/3", None)
    answer = c.delete("d/3", If_Match=WRONG)
    return ("honoured" if answer.status in (204, 404, 412) else "refused"), str(answer)


@probe("DELETE, key missing")
def delete_missing(c):
    fresh(c, "d/4", None)
    answer = c.delete("d/4")
    return ("honoured" if answer.status == 204 else "wrong"), str(answer)


@probe("DeleteObjects, Quiet=false lists each key")
def delete_many(c):
    keys = ["m/a", "m/b b", "m/ü&<x>"]
    for key in keys:
        fresh(c, key)
    answer = c.delete_many([(k, None) for k in keys + ["m/none"]])
    left = [k for k in keys if c.get(k).status != 404]
    told = answer.tags("Key")
    good = answer.status == 200 and not left and sorted(told) == sorted(keys + ["m/none"])
    return ("honoured" if good else "wrong"), f"{answer}; told {len(told)} of 4, left {len(left)}"


@probe("DeleteObjects, Quiet=true is silent")
def delete_many_quiet(c):
    fresh(c, "m/q")
    answer = c.delete_many([("m/q", None)], quiet=True)
    gone_now = c.get("m/q").status == 404
    return ("honoured" if answer.status == 200 and gone_now and not answer.tags("Key") else "ignored" if gone_now else "wrong"), \
        f"{answer}; told {len(answer.tags('Key'))}, {'gone' if gone_now else 'kept'}"


@probe("DeleteObjects without Content-MD5")
def delete_many_no_digest(c):
    fresh(c, "m/n")
    answer = c.delete_many([("m/n", None)], digest=None)
    return ("refused" if answer.status >= 300 else "accepted"), str(answer)


@probe("DeleteObjects of 1,000 keys")
def delete_thousand(c):
    fresh(c, "m/1")
    answer = c.delete_many([("m/1", None)] + [(f"m/none/{i:04}", None) for i in range(999)])
    return ("honoured" if len(answer.tags("Key")) == 1000 else "wrong"), f"{answer}; told {len(answer.tags('Key'))}"


@probe("DeleteObjects with ETag right")
def delete_many_etag_right(c):
    etag = fresh(c, "m/e")
    answer = c.delete_many([("m/e", etag)])
    seen, left = gone(c, "m/e", answer)
    return ("refused" if left else "honoured"), f"{seen}; {answer.tags('Code')}"


@probe("DeleteObjects with ETag wrong")
def delete_many_etag_wrong(c):
    fresh(c, "m/w")
    answer = c.delete_many([("m/w", WRONG)])
    seen, left = gone(c, "m/w", answer)
    return ("honoured" if left and answer.status == 200 else "refused" if left else "ignored"), f"{seen}; {answer.tags('Code')}"


@probe("GET If-Match wrong")
def get_match_wrong(c):
    fresh(c, "g/1")
    answer = c.get("g/1", If_Match=WRONG)
    return ("honoured" if answer.status == 412 else "ignored" if answer.body == b"old" else "wrong"), str(answer)


@probe("GET If-Match right, with Range")
def get_match_right(c):
    etag = fresh(c, "g/2", b"0123456789")
    answer = c.get("g/2", If_Match=etag, Range="bytes=2-4")
    good = answer.body == b"234" and answer.headers.get("content-range") == "bytes 2-4/10" and answer.etag == etag
    return ("honoured" if good and answer.status == 206 else "right, with status 200" if good else "wrong"), \
        f"{answer}; {len(answer.body)} bytes, {answer.headers.get('content-range')}"


@probe("GET If-Match wrong, with Range")
def get_match_wrong_range(c):
    fresh(c, "g/3", b"0123456789")
    answer = c.get("g/3", If_Match=WRONG, Range="bytes=2-4")
    return ("honoured" if answer.status == 412 else "ignored" if answer.body == b"234" else "wrong"), str(answer)


@probe("GET Range beyond the end")
def get_range_beyond(c):
    fresh(c, "g/4", b"0123456789")
    part, none = c.get("g/4", Range="bytes=8-100"), c.get("g/4", Range="bytes=100-200")
    return ("honoured" if part.body == b"89" and none.status == 416 else "wrong"), f"8-100: {part} {len(part.body)} bytes; 100-200: {none}"


@probe("GET Range of an empty object")
def get_empty(c):
    fresh(c, "g/5", b"")
    answer, ranged = c.get("g/5"), c.get("g/5", Range="bytes=0-0")
    return ("honoured" if answer.status == 200 and ranged.status == 416 else "wrong"), f"whole: {answer}; 0-0: {ranged}"


@probe("HEAD of a missing key")
def head_missing(c):
    fresh(c, "g/6", None)
    answer = c.head("g/6")
    return ("honoured" if answer.status == 404 else "wrong"), str(answer)


def listed(c, prefix, size, **more):
    """Every key below prefix page by page: (keys, etags, answers)."""
    keys, etags, answers, token = [], [], [], None
    for _ in range(50):
        query = {"list-type": 2, "prefix": prefix, "max-keys": size, **more, **({"continuation-token": token} if token else {})}
        answer = c.call("GET", "", dict(sorted(query.items())))
        answers.append(answer)
        keys += answer.tags("Key")
        etags += answer.tags("ETag")
        token = answer.tag("NextContinuationToken")
        if answer.tag("IsTruncated") != "true":
            break
    return keys, etags, answers


@probe("list-type=2 with continuation")
def list_pages(c):
    names = [f"l/{i:03}" for i in range(25)]
    for name in names:
        fresh(c, name)
    keys, _, answers = listed(c, "l/", 10)
    return ("honoured" if keys == names and len(answers) == 3 else "wrong"), f"{answers[0]}; {len(keys)} keys in {len(answers)} pages"


@probe("list-type=2 in the order of UTF-8 bytes, all keys")
def list_order(c):
    names = ["o/a", "o/a-b", "o/a.b", "o/a/b", "o/a0", "o/B", "o/ü", "o/z"]
    refused = [n for n in names if c.put(n, b"x").status >= 300]
    names = [n for n in names if n not in refused]
    keys, _, _ = listed(c, "o/", 3)
    good = keys == sorted(names, key=lambda n: n.encode())
    return ("honoured" if good and not refused else "wrong"), f"refused {refused}; " + ("right order" if good else f"listed {keys}")


@probe("a key and keys below it (a, a/b)")
def key_below_key(c):
    first, second = c.put("b/k", b"1"), c.put("b/k/x", b"2")
    both = c.get("b/k").body == b"1" and c.get("b/k/x").body == b"2"
    c.delete("b/k/x"), c.delete("b/k")
    return ("honoured" if both else "refused"), f"{first}, then {second}"


@probe("list-type=2 with delimiter")
def list_delimiter(c):
    for name in ("e/a/1", "e/a/2", "e/b", "e/c/1"):
        fresh(c, name)
    keys, _, answers = listed(c, "e/", 100, delimiter="/")
    prefixes = [p for p in answers[0].tags("Prefix") if p != "e/"]
    return ("honoured" if keys == ["e/b"] and prefixes == ["e/a/", "e/c/"] else "wrong"), f"{answers[0]}; keys {keys}, prefixes {prefixes}"


@probe("list-type=2 with delimiter, page by page")
def list_delimiter_pages(c):
    for name in ("h/a/1", "h/a/2", "h/a/3", "h/b", "h/c/1", "h/d", "h/e/1", "h/e/2"):
        fresh(c, name)
    keys, _, answers = listed(c, "h/", 2, delimiter="/")
    prefixes = [p for a in answers for p in a.tags("Prefix") if p != "h/"]
    good = keys == ["h/b", "h/d"] and prefixes == ["h/a/", "h/c/", "h/e/"]
    return ("honoured" if good else "wrong"), f"{answers[0]}; {len(answers)} pages, keys {keys}, prefixes {prefixes}"


@probe("list-type=2 with encoding-type=url")
def list_encoding(c):
    fresh(c, "u/a b+ü&")
    keys, _, answers = listed(c, "u/", 10, **{"encoding-type": "url"})
    named = answers[0].tag("EncodingType")
    return ("honoured" if keys and keys[0] != "u/a b+ü&" and named == "url" else "ignored"), f"{answers[0]}; {keys}, EncodingType {named}"


@probe("list-type=2 with start-after")
def list_start_after(c):
    for name in ("s/a", "s/b", "s/c"):
        fresh(c, name)
    answer = c.call("GET", "", {"list-type": 2, "prefix": "s/", "start-after": "s/a"})
    return ("honoured" if answer.tags("Key") == ["s/b", "s/c"] else "ignored"), f"{answer}; {answer.tags('Key')}"


@probe("an empty folder is not listed after its last key is deleted")
def list_emptied(c):
    fresh(c, "f/d/x")
    c.delete("f/d/x")
    keys, _, answers = listed(c, "f/", 10, delimiter="/")
    prefixes = [p for p in answers[0].tags("Prefix") if p != "f/"]
    return ("honoured" if not keys and not prefixes else "wrong"), f"keys {keys}, prefixes {prefixes}"


@probe("ETags of PUT, HEAD, GET and LIST are equal")
def etags_agree(c):
    put = fresh(c, "t/1", b"some bytes")
    head, get = c.head("t/1").etag, c.get("t/1").etag
    _, etags, _ = listed(c, "t/", 10)
    equal = put and len({e.strip('"') for e in (put, head, get, *etags)}) == 1
    quoted = all(e.startswith('"') for e in (put, head, get, *etags))
    return ("honoured" if equal and quoted else "without quotes" if equal else "wrong"), f"PUT {put}, HEAD {head}, GET {get}, LIST {etags}"


@probe("ETags of Complete, HEAD and LIST are equal")
def multipart_etags_agree(c):
    fresh(c, "t2/1", None)
    upload = c.create_upload("t2/1")
    etags = [c.part("t2/1", upload, 1, b"a" * PART).etag, c.part("t2/1", upload, 2, b"b").etag]
    answer = c.complete("t2/1", upload, etags)
    head = c.head("t2/1").etag
    _, seen, _ = listed(c, "t2/", 10)
    told = answer.tag("ETag")
    return ("honoured" if told and len({told, head, *seen}) == 1 else "wrong"), f"{answer}; Complete {told}, HEAD {head}, LIST {seen}; parts {etags}"


@probe("the same bytes put again change the ETag")
def etag_of_same_bytes(c):
    first = fresh(c, "t3/1", b"same")
    second = c.put("t3/1", b"same").etag
    return ("no: content's" if first == second else "yes"), f"{first}, {second}"


@probe("PUT x-amz-checksum-crc32c wrong")
def checksum_put_wrong(c):
    fresh(c, "k/1")
    answer = c.put("k/1", b"new", x_amz_checksum_crc32c=crc32c(b"other"))
    return expect(c, "k/1", answer, b"new", (400,))


@probe("PUT x-amz-checksum-crc32c right; HEAD and GET tell it")
def checksum_head(c):
    fresh(c, "k/2", None)
    right = crc32c(b"new")
    answer = c.put("k/2", b"new", x_amz_checksum_crc32c=right)
    head = c.head("k/2", x_amz_checksum_mode="ENABLED").headers.get("x-amz-checksum-crc32c")
    get = c.get("k/2", x_amz_checksum_mode="ENABLED").headers.get("x-amz-checksum-crc32c")
    return ("honoured" if head == get == right else "ignored" if answer.status < 300 else "refused"), \
        f"{answer}; PUT tells {answer.headers.get('x-amz-checksum-crc32c')}, HEAD {head}, GET {get}"


@probe("PUT Content-MD5 wrong")
def md5_wrong(c):
    fresh(c, "k/3")
    return expect(c, "k/3", c.put("k/3", b"new", Content_MD5=base64.b64encode(b"0" * 16).decode()), b"new", (400,))


@probe("PUT x-amz-content-sha256 wrong")
def sha256_wrong(c):
    fresh(c, "k/4")
    return expect(c, "k/4", c.put("k/4", b"new", X_Named_SHA256="0" * 64), b"new", (400, 403))


@probe("UploadPart x-amz-checksum-crc32c wrong")
def checksum_part_wrong(c):
    upload = c.create_upload("k/5", x_amz_checksum_algorithm="CRC32C")
    answer = c.part("k/5", upload, 1, b"new", x_amz_checksum_crc32c=crc32c(b"other"))
    c.call("DELETE", "k/5", {"uploadId": upload})
    return ("honoured" if answer.status == 400 else "ignored" if answer.status < 300 else "refused"), str(answer)


@probe("UploadPart's answer has an ETag")
def part_etag(c):
    upload = c.create_upload("k/6")
    answer = c.part("k/6", upload, 1, b"new")
    c.call("DELETE", "k/6", {"uploadId": upload})
    return ("honoured" if answer.etag else "wrong"), f"{answer}; {answer.etag}"


@probe("UploadPart 2 before part 1; Complete in order")
def parts_out_of_order(c):
    fresh(c, "k/7", None)
    upload = c.create_upload("k/7")
    second = c.part("k/7", upload, 2, b"b")
    first = c.part("k/7", upload, 1, b"a" * PART)
    answer = c.complete("k/7", upload, [first.etag, second.etag])
    return ("honoured" if c.get("k/7").body == b"a" * PART + b"b" else "refused"), f"parts {second}, {first}; complete {answer}"


@probe("a part uploaded twice with other bytes; the last counts")
def part_twice(c):
    fresh(c, "k/8", None)
    upload = c.create_upload("k/8")
    first, second = c.part("k/8", upload, 1, b"one"), c.part("k/8", upload, 1, b"two")
    answer = c.complete("k/8", upload, [second.etag or first.etag])
    body = c.get("k/8").body
    if answer.status >= 300:
        c.call("DELETE", "k/8", {"uploadId": upload})
    return ("honoured" if body == b"two" else "refused" if second.status >= 300 else "wrong"), f"{first}, {second}; complete {answer}"


@probe("UploadPartCopy with range")
def part_copy(c):
    fresh(c, "v/a", b"x" * PART + b"0123456789"), fresh(c, "v/1", None)
    upload = c.create_upload("v/1")
    source = {"x-amz-copy-source": f"/{c.bucket}/v/a"}
    first = c.call("PUT", "v/1", {"partNumber": 1, "uploadId": upload}, headers={**source, "x-amz-copy-source-range": f"bytes=0-{PART - 1}"})
    second = c.call("PUT", "v/1", {"partNumber": 2, "uploadId": upload}, headers={**source, "x-amz-copy-source-range": f"bytes={PART}-{PART + 4}"})
    answer = c.complete("v/1", upload, [first.tag("ETag") or "", second.tag("ETag") or ""])
    good = c.get("v/1").body == b"x" * PART + b"01234"
    if answer.status >= 300:
        c.call("DELETE", "v/1", {"uploadId": upload})
    return ("honoured" if good else "refused"), f"{first}, {second}; complete {answer}; {'CopyPartResult' if b'CopyPartResult' in first.body else first.body[-20:]}"


@probe("UploadPartCopy x-amz-copy-source-if-match wrong")
def part_copy_match(c):
    fresh(c, "v/b", b"0123456789")
    upload = c.create_upload("v/2")
    answer = c.call("PUT", "v/2", {"partNumber": 1, "uploadId": upload},
                    headers={"x-amz-copy-source": f"/{c.bucket}/v/b", "x-amz-copy-source-if-match": WRONG})
    c.call("DELETE", "v/2", {"uploadId": upload})
    return ("honoured" if answer.status == 412 else "ignored" if answer.status < 300 else "refused"), str(answer)


@probe("ListMultipartUploads")
def list_uploads(c):
    upload = c.create_upload("w/1")
    answer = c.call("GET", "", {"prefix": "w/", "uploads": ""})
    told = answer.tags("UploadId")
    c.call("DELETE", "w/1", {"uploadId": upload})
    after = c.call("GET", "", {"prefix": "w/", "uploads": ""}).tags("UploadId")
    return ("honoured" if upload in told and upload not in after else "refused" if answer.status >= 300 else "wrong"), \
        f"{answer}; told {len(told)}, after abort {len(after)}"


@probe("ListParts")
def list_parts(c):
    upload = c.create_upload("w/2")
    c.part("w/2", upload, 1, b"x")
    answer = c.call("GET", "w/2", {"uploadId": upload})
    c.call("DELETE", "w/2", {"uploadId": upload})
    return ("honoured" if answer.tags("PartNumber") == ["1"] else "wrong"), f"{answer}; {answer.tags('PartNumber')}"


@probe("x-amz-meta-* is kept, also by multipart")
def user_metadata(c):
    fresh(c, "x/1", None)
    c.put("x/1", b"x", x_amz_meta_some="thing")
    upload = c.create_upload("x/2", x_amz_meta_some="thing")
    c.complete("x/2", upload, [c.part("x/2", upload, 1, b"x").etag])
    seen = [c.head(k).headers.get("x-amz-meta-some") for k in ("x/1", "x/2")]
    return ("honoured" if seen == ["thing", "thing"] else "wrong"), str(seen)


@probe("keys of 1,024 bytes; of 255 bytes a segment; with //")
def long_keys(c):
    long = "/".join(["n" * 200] * 5) + "/" + "n" * 19
    segment = "seg/" + "n" * 255
    answers = [c.put(k, b"x") for k in (long, segment, "seg//a")]
    right = [c.get(k).body == b"x" for k in (long, segment, "seg//a")]
    return ("honoured" if all(right) else "refused"), ", ".join(f"{a}{'' if r else ' not read back'}" for a, r in zip(answers, right))


def at_once(count, function):
    """The answers of function(number) by count threads that start together."""
    gate, answers = threading.Barrier(count), [None] * count

    def work(number):
        gate.wait()
        answers[number] = function(number)
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def winners(c, key, answers, contents):
    won = [n for n, a in enumerate(answers) if a and a.status == 200]
    others = sorted({str(a) for n, a in enumerate(answers) if n not in won})
    good = len(won) == 1 and c.get(key).body == contents[won[0]]
    return ("honoured" if good else "wrong"), "more than one won" if len(won) > 1 else f"{len(won)} won; others {others}"


RACE = [bytes([65 + n]) * 1000 for n in range(8)]  # what each of eight rivals writes


def raced(c, key, start, rival):
    """The worst of five rounds; start() makes the key ready, rival(number) is one's conditional request."""
    rounds = []
    for _ in range(5):
        start()
        rounds.append(winners(c, key, at_once(len(RACE), rival), RACE))
    return next((r for r in rounds if r[0] != "honoured"), rounds[0])


@probe("8 PUTs If-None-Match:* at once, one wins")
def put_race(c):
    return raced(c, "r/1", lambda: fresh(c, "r/1", None), lambda n: c.put("r/1", RACE[n], If_None_Match="*"))


@probe("8 PUTs If-Match at once, one wins")
def put_match_race(c):
    etag = fresh(c, "r/2")
    return raced(c, "r/2", lambda: fresh(c, "r/2"), lambda n: c.put("r/2", RACE[n], If_Match=etag))


@probe("8 Completes If-None-Match:* at once, one wins")
def complete_race(c):
    ready = []

    def start():
        fresh(c, "r/3", None)
        uploads = [c.create_upload("r/3") for _ in RACE]
        ready[:] = [(upload, c.part("r/3", upload, 1, body).etag) for upload, body in zip(uploads, RACE)]

    def rival(number):
        upload, etag = ready[number]
        answer = c.complete("r/3", upload, [etag], If_None_Match="*")
        if answer.status >= 300:
            c.call("DELETE", "r/3", {"uploadId": upload})
        return answer
    return raced(c, "r/3", start, rival)


@probe("8 Copies If-None-Match:* at once, one wins")
def copy_race(c):
    for number, body in enumerate(RACE):
        c.put(f"r/4-{number}", body)
    return raced(c, "r/4", lambda: fresh(c, "r/4", None), lambda n: c.copy(f"r/4-{n}", "r/4", If_None_Match="*"))


@probe("GET of 32 MiB under way while the object is replaced")
def get_replaced(c):
    old, new = b"o" * (32 << 20), b"n" * (32 << 20)
    c.put("z/1", old)
    with c.open("z/1") as response:
        first = response.read(1 << 20)
        put = c.put("z/1", new)
        try:
            rest, end = response.read(), "whole"
        except (OSError, http.client.HTTPException) as error:
            rest, end = b"", f"cut ({type(error).__name__})"
    read = first + rest
    c.delete("z/1")
    if read == old or (end != "whole" and set(read) == {ord("o")}):
        return "honoured", f"PUT {put}; old bytes, {end}"
    kinds = {"o": read.count(b"o"), "n": read.count(b"n")}
    return ("wrong" if kinds["n"] else "cut short"), f"PUT {put}; {end}, {len(read)} bytes: {kinds}"


@probe("PUT of a key that has keys below it (a/b, then a)")
def key_above_keys(c):
    fresh(c, "b2/k/x")
    answer = c.put("b2/k", b"1")
    return ("honoured" if c.get("b2/k").body == b"1" and c.get("b2/k/x").body == b"old" else "refused"), str(answer)


@probe("marker objects (dir/ of 0 bytes): PUT, HEAD, LIST, DELETE")
def markers(c):
    put, head = c.put("mk/d/", b""), c.head("mk/d/")
    keys, _, _ = listed(c, "mk/", 10)
    deleted = c.delete("mk/d/")
    return ("honoured" if keys == ["mk/d/"] and head.status == 200 and c.head("mk/d/").status == 404 else "wrong"), \
        f"PUT {put}, HEAD {head}, LIST {keys}, DELETE {deleted}, then HEAD {c.head('mk/d/')}"


@probe("DELETE of the key a/ leaves the object a")
def delete_other_name(c):
    fresh(c, "n/a")
    head = c.head("n/a/")
    answer = c.delete("n/a/")
    return ("honoured" if c.get("n/a").body == b"old" else "wrong"), f"HEAD {head}, DELETE {answer}, then HEAD of n/a {c.head('n/a')}"


@probe("PUT of a marker object (a/) leaves what is below it (a/b)")
def marker_above_keys(c):
    fresh(c, "n2/a/b")
    answer = c.put("n2/a/", b"")
    kept = c.get("n2/a/b").body == b"old"
    return ("wrong" if not kept else "honoured" if answer.status == 200 else "refused"), f"{answer}; n2/a/b {'kept' if kept else 'destroyed'}"


@probe("HEAD of a multipart object tells a CRC32C")
def checksum_multipart(c):
    fresh(c, "k/9", None)
    upload = c.create_upload("k/9", x_amz_checksum_algorithm="CRC32C")
    etag = c.part("k/9", upload, 1, b"new", x_amz_checksum_crc32c=crc32c(b"new")).etag
    answer = c.complete("k/9", upload, [etag], checksums=[crc32c(b"new")])
    if answer.status >= 300:
        c.call("DELETE", "k/9", {"uploadId": upload})
    told = c.head("k/9", x_amz_checksum_mode="ENABLED").headers.get("x-amz-checksum-crc32c")
    return ("honoured" if told else "ignored" if answer.status < 300 else "refused"), f"complete {answer}; {told} (the whole's would be {crc32c(b'new')})"


@probe("Complete without the checksums of parts that had them")
def complete_without_checksums(c):
    fresh(c, "k/10", None)
    upload = c.create_upload("k/10", x_amz_checksum_algorithm="CRC32C")
    etag = c.part("k/10", upload, 1, b"new", x_amz_checksum_crc32c=crc32c(b"new")).etag
    answer = c.complete("k/10", upload, [etag])
    if answer.status >= 300:
        c.call("DELETE", "k/10", {"uploadId": upload})
    return ("accepted" if answer.status < 300 else "refused"), str(answer)


# What the probes add up to, first by the names of src/understore/store_profile.h: feature -> (what it is, probes that must all be
# honoured, the probe that shows whether it holds among rivals too).
FEATURES = {
    "put-if-absent": ("If-None-Match: * on PUT", ["PUT If-None-Match:*, key taken", "PUT If-None-Match:*, key free"],
                      "8 PUTs If-None-Match:* at once, one wins"),
    "put-if-match": ("If-Match on PUT", ["PUT If-Match right", "PUT If-Match wrong", "PUT If-Match, key missing"], "8 PUTs If-Match at once, one wins"),
    "complete-conditions": ("both on CompleteMultipartUpload",
                            ["Complete If-None-Match:*, key taken", "Complete If-None-Match:*, key free", "Complete If-Match right",
                             "Complete If-Match wrong", "Complete If-Match, key missing"], "8 Completes If-None-Match:* at once, one wins"),
    "copy-conditions": ("both on the target of CopyObject",
                        ["Copy If-None-Match:*, target taken", "Copy If-None-Match:*, target free", "Copy If-Match right (target's ETag)",
                         "Copy If-Match wrong"], "8 Copies If-None-Match:* at once, one wins"),
    "delete-if-match": ("If-Match on DELETE", ["DELETE If-Match right", "DELETE If-Match wrong"], None),
    "multi-delete": ("DeleteObjects", ["DeleteObjects, Quiet=false lists each key", "DeleteObjects of 1,000 keys"], None),
    "multi-delete-if-match": ("an ETag for each key of DeleteObjects", ["DeleteObjects with ETag right", "DeleteObjects with ETag wrong"], None),
    "get-if-match": ("If-Match on GET", ["GET If-Match wrong", "GET If-Match wrong, with Range"], None),
    "get-range": ("Range on GET", ["GET If-Match right, with Range", "GET Range beyond the end"], None),
    "list-v2": ("ListObjectsV2", ["list-type=2 with continuation", "list-type=2 with delimiter", "list-type=2 with delimiter, page by page"], None),
    "checksums": ("x-amz-checksum-crc32c is checked and given back",
                  ["PUT x-amz-checksum-crc32c wrong", "PUT x-amz-checksum-crc32c right; HEAD and GET tell it",
                   "UploadPart x-amz-checksum-crc32c wrong"], None),
    "copy-part": ("UploadPartCopy", ["UploadPartCopy with range"], None),
    "copy-source-if-match": ("x-amz-copy-source-if-match on CopyObject",
                             ["Copy x-amz-copy-source-if-match right", "Copy x-amz-copy-source-if-match wrong"], None),
    "list-encoding": ("encoding-type=url on listings", ["list-type=2 with encoding-type=url"], None),
    "list-uploads": ("ListMultipartUploads", ["ListMultipartUploads"], None),
    "etags-agree": ("PUT, HEAD, GET and LIST tell one ETag", ["ETags of PUT, HEAD, GET and LIST are equal"], None),
    "multipart-etags-agree": ("Complete, HEAD and LIST tell one ETag", ["ETags of Complete, HEAD and LIST are equal"], None),
}
OURS = list(FEATURES)[:12]  # those that Spillway finds out for itself


def features_of(found):
    """{feature: "yes", "yes, but not among rivals" or "no"} from what run_profile returned."""
    features = {}
    for name, (_, probes, rivals) in FEATURES.items():
        held = all(found.get(probe, ("?",))[0] in ("honoured", "right, with status 200") for probe in probes)
        safe = rivals is None or found.get(rivals, ("?",))[0] == "honoured"
        features[name] = "no" if not held else "yes" if safe else "yes, but not among rivals"
    return features


def run_profile(client):
    """{probe's name: (verdict, what was seen)}; a probe that breaks tells with what. Makes the client's bucket."""
    client.call("PUT")
    found = {}
    for name, function in PROBES:
        try:
            found[name] = function(client)
        except Exception as error:  # the next probes are worth having whatever this one met
            found[name] = ("broken", f"{type(error).__name__}: {error}")
    return found


def main():
    from servers import ACCESS, SECRET, SERVERS
    from raw import RawClient
    chosen = [s for s in SERVERS if not sys.argv[1:] or s.name in sys.argv[1:]]
    everything = {}
    for kind in chosen:
        server = kind()
        try:
            server.start()
            everything[f"{server.name} {server.version()}"] = run_profile(RawClient(server.port, ACCESS, SECRET))
        finally:
            server.stop()
    print(json.dumps(everything, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
