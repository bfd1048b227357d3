"""Five hundred odd names, as bytes, the same at each call."""
import random


def odd_names():
    names = [bytes([b]) for b in range(256) if b != 0x2f]  # 0x80 on and 0xff: not UTF-8
    names += [b"n" + bytes([b]) + b"x" for b in range(1, 32)]  # control characters within
    names += [b"n\x7fx", b"a\0b", b"\0"]
    names += [b"s" * n for n in (2, 255, 256, 1024, 1025)] + ["é".encode() * 127, "é".encode() * 128]
    names += ["caf\u00e9".encode(), "cafe\u0301".encode(), "\u212b".encode(), "\u00c5".encode(), "A\u030a".encode()]
    names += [b"...", b".hidden", b"..a", b"a..", b"\\back", b"a\\b", b"c:\\", b"%2F", b"a%2Fb", b"%00", b"%", b"%zz", b"a+b", b"a b", b"a?b", b"a#b",
              b"a;b", b"a:b", b"s3:", b"*", b"[a]", b"{a}", b"a&b", b"<a>", b"\"q\"", b"'q'", b"$HOME", b"`a`", b"a|b", b"~", b"-rf", b"--help", b"@"]
    names += [b" lead", b"trail ", b" ", b"  ", b"\tlead", b"trail\t", b"trail\n", b"\r\n", "\u00a0".encode(), "\u3000x".encode()]
    names += [c.encode() for c in ("\U0001f600", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\u200f", "a\u200fb", "\u202egnp.exe", "\u2066x\u2069",
                                   "\ufeff", "\ufeffbom", "\ufffe", "\uffff", "x\uffff", "\U0001fffe", "\U0010ffff", "\ufdd0", "\ufffd", "\u2028",
                                   "\u2029", "\u0085", "\u200b", "\ue000", "\u0130", "\u0131", "\ufb01", "\u1e9e", "ß", "中文", "العربية", "עברית",
                                   "हिन्दी", "한글", "ไทย", "Ω", "🏳️‍🌈")]
    names += [b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xed\xa0\xbd\xed\xb8\x80", b"x\xed\xa0\x80"]  # surrogates
    names += [b"\xc0\xaf", b"\xc0\x80", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xc1\xbf", b"\xe0\x9f\xbf", b"\xf0\x8f\xbf\xbf"]  # overlong
    names += [b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80", b"\xfe", b"\xff\xfe"]
    names += [b"cut\xc3", b"cut\xe2\x82", b"cut\xf0\x9f\x98", b"\x80tail", b"mid\x80dle", b"lat\xe9in", b"sj\x83\x5cis", b"\xa4\xa2euc"]
    draw = random.Random(1)
    pools = [bytes(range(1, 128)).replace(b"/", b""), bytes(range(128, 256)), bytes(range(1, 256)).replace(b"/", b"")]
    while len(set(names)) < 450:
        names.append(bytes(draw.choice(pools[draw.randrange(3)]) for _ in range(draw.randint(2, 40))))
    while len(set(names)) < 501:
        text = "".join(chr(draw.choice([draw.randrange(0x20, 0x7f), draw.randrange(0xa0, 0xd800), draw.randrange(0xe000, 0x10fff0)]))
                       for _ in range(draw.randint(1, 20)))
        names.append(text.replace("/", "_").encode())
    return sorted(set(names) - {b".", b".."})[:500]


def is_text(name):
    try:
        name.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return b"\0" not in name


def can_be_made(name):
    return is_text(name) and b"\\" not in name
