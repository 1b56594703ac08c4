"""The text of the kernel: HMAC-SHA-256 of many codes of one length under one key, cut to 16 bytes.

LLVM compiles it (`compiled`); its language is that of https://llvm.org/docs/LangRef.html. Two
functions:

    @compress        SHA-256's compression (FIPS 180-4, section 6.2.2) of `lanes` blocks abreast
    @fingerprints    codes, where their fingerprints go, how many groups of `lanes` codes,
                     the key's block (RFC 2104: a longer key is hashed first, then zeros)

All values are vectors of 32-bit words, one word of each lane. Nothing branches on a code or on
the key, and no address depends on them: there is no table but the 64 constants, read in order. So
the time it takes tells nothing of either.
"""

from collections.abc import Iterable, Sequence

NAME = "fingerprints"
BLOCK = 64  # bytes
OVERRUN = 3  # bytes read, and masked, beyond the last code of the last group
# FIPS 180-4, sections 4.2.2 and 5.3.3.
CONSTANTS = bytes.fromhex(
    "428a2f9871374491b5c0fbcfe9b5dba53956c25b59f111f1923f82a4ab1c5ed5"
    "d807aa9812835b01243185be550c7dc372be5d7480deb1fe9bdc06a7c19bf174"
    "e49b69c1efbe47860fc19dc6240ca1cc2de92c6f4a7484aa5cb0a9dc76f988da"
    "983e5152a831c66db00327c8bf597fc7c6e00bf3d5a7914706ca635114292967"
    "27b70a852e1b21384d2c6dfc53380d13650a7354766a0abb81c2c92e92722c85"
    "a2bfe8a1a81a664bc24b8b70c76c51a3d192e819d6990624f40e3585106aa070"
    "19a4c1161e376c082748774c34b0bcb5391c0cb34ed8aa4a5b9cca4f682e6ff3"
    "748f82ee78a5636f84c878148cc7020890befffaa4506cebbef9a3f7c67178f2"
)
INITIAL = bytes.fromhex("6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19")


def text(length: int, lanes: int) -> str:
    """The module for codes of `length` bytes, `lanes` of them abreast."""
    vector, addresses = f"<{lanes} x i32>", f"<{lanes} x ptr>"
    gather = f"@llvm.masked.gather.v{lanes}i32.v{lanes}p0"
    constants = ", ".join(f"i32 {word}" for word in _words(CONSTANTS))
    return "\n".join(
        (
            f"@constants = private constant [64 x i32] [{constants}]",
            f"declare {vector} @llvm.fshr.v{lanes}i32({vector}, {vector}, {vector})",
            f"declare {vector} @llvm.bswap.v{lanes}i32({vector})",
            f"declare {vector} {gather}({addresses}, i32, <{lanes} x i1>, {vector})",
            *_compress(lanes),
            *_fingerprints(length, lanes),
        )
    )


class _Lines:
    """Instructions as they are written. A method returns the name of the value that it makes.

    `prefix` tells the values of one piece of a function from those of the next.
    """

    def __init__(self, lanes: int, prefix: str) -> None:
        self.lanes, self.vector, self._prefix = lanes, f"<{lanes} x i32>", prefix
        self.lines: list[str] = []

    def value(self, instruction: str) -> str:
        name = f"%{self._prefix}{len(self.lines)}"
        self.lines.append(f"{name} = {instruction}")
        return name

    def do(self, kind: str, first: str, *others: str) -> str:
        """`first` and each of `others`, from the left to the right, by `kind`, as "xor"."""
        for other in others:
            first = self.value(f"{kind} {self.vector} {first}, {other}")
        return first

    def rotated(self, word: str, *counts: int) -> list[str]:
        """`word` rotated to the right by each of `counts`."""
        call = f"call {self.vector} @llvm.fshr.v{self.lanes}i32"
        word = f"{self.vector} {word}"
        return [self.value(f"{call}({word}, {word}, {self.vector} {same(n)})") for n in counts]

    def spread(self, word: str) -> str:
        """A vector of the scalar `word`."""
        vector = self.vector
        one = self.value(f"insertelement {vector} poison, i32 {word}, i32 0")
        return self.value(
            f"shufflevector {vector} {one}, {vector} poison, {vector} zeroinitializer"
        )

    def swapped(self, word: str) -> str:
        """`word` with its bytes the other way round: SHA-256 is big-endian."""
        return self.value(f"call {self.vector} @llvm.bswap.v{self.lanes}i32({self.vector} {word})")

    def compressed(self, state: Sequence[str], words: Sequence[str]) -> list[str]:
        """The eight words of the state after `state` and a block of sixteen `words`."""
        result = f"[8 x {self.vector}]"
        given = ", ".join(f"{self.vector} {word}" for word in (*state, *words))
        after = self.value(f"call fastcc {result} @compress({given})")
        return [self.value(f"extractvalue {result} {after}, {word}") for word in range(8)]


def same(word: int) -> str:
    """A vector of the constant `word`."""
    return f"splat (i32 {word})"


def _words(data: bytes) -> list[int]:
    return [int.from_bytes(data[at : at + 4], "big") for at in range(0, len(data), 4)]


def _compress(lanes: int) -> list[str]:
    """@compress: sixteen rounds are written out and run four times, which compiles in no time."""
    lines, ending = _Lines(lanes, "r"), _Lines(lanes, "e")
    vector, result = lines.vector, f"[8 x {lines.vector}]"
    names = [f"%s{n}" for n in range(8)] + [f"%w{n}" for n in range(16)]
    state, words = names[:8], names[8:]
    after = state
    for number, word in enumerate(words):
        after = _round(lines, after, word, number)
    then = [*after, *_scheduled(lines, words)]
    whole = "poison"
    for number, word in enumerate(after):
        added = ending.do("add", word, f"{state[number]}.0")
        whole = ending.value(f"insertvalue {result} {whole}, {vector} {added}, {number}")
    return [
        f"define internal fastcc {result} @compress("
        + ", ".join(f"{vector} {name}.0" for name in names)
        + ") noinline {",
        "start:",
        "br label %rounds",
        "rounds:",
        "%done = phi i64 [ 0, %start ], [ %following, %rounds ]",
        *(
            f"{name} = phi {vector} [ {name}.0, %start ], [ {following}, %rounds ]"
            for name, following in zip(names, then, strict=True)
        ),
        *lines.lines,
        "%following = add i64 %done, 16",
        "%more = icmp ne i64 %following, 64",
        "br i1 %more, label %rounds, label %end",
        "end:",
        *ending.lines,
        f"ret {result} {whole}",
        "}",
    ]


def _round(lines: _Lines, state: Sequence[str], word: str, number: int) -> list[str]:
    """The state after the round `%done + number`."""
    a, b, c, d, e, f, g, h = state
    at = lines.value(f"add i64 %done, {number}")
    at = lines.value(f"getelementptr i32, ptr @constants, i64 {at}")
    constant = lines.spread(lines.value(f"load i32, ptr {at}"))
    sum1 = lines.do("xor", *lines.rotated(e, 6, 11, 25))
    # Ch and Maj in fewer operations than the standard writes them: the same for every bit.
    choice = lines.do("xor", lines.do("and", lines.do("xor", f, g), e), g)
    first = lines.do("add", h, sum1, choice, word, constant)
    sum0 = lines.do("xor", *lines.rotated(a, 2, 13, 22))
    differ = lines.do("and", lines.do("xor", a, b), lines.do("xor", a, c))
    second = lines.do("add", sum0, lines.do("xor", a, differ))
    return [lines.do("add", first, second), a, b, c, lines.do("add", d, first), e, f, g]


def _scheduled(lines: _Lines, words: Sequence[str]) -> list[str]:
    """The sixteen words of the message schedule that follow `words`."""
    found = list(words)
    for at in range(16):
        early, late = found[(at + 1) % 16], found[(at + 14) % 16]
        sigma0 = lines.do("xor", *lines.rotated(early, 7, 18), lines.do("lshr", early, same(3)))
        sigma1 = lines.do("xor", *lines.rotated(late, 17, 19), lines.do("lshr", late, same(10)))
        found[at] = lines.do("add", found[at], sigma0, found[(at + 9) % 16], sigma1)
    return found


def _fingerprints(length: int, lanes: int) -> list[str]:
    """@fingerprints: both states of the key, then both hashes of one group after the other."""
    start, lines = _Lines(lanes, "k"), _Lines(lanes, "g")
    inner, outer = (_keyed(start, pad) for pad in (0x36363636, 0x5C5C5C5C))
    size = -(-(length + 9) // BLOCK) * BLOCK  # FIPS 180-4, section 5.1.1
    padded = (bytes(length) + b"\x80").ljust(size - 8, b"\0") + _bits(length)
    words = [_loaded(lines, length, at, word) for at, word in enumerate(_words(padded))]
    for at in range(0, len(words), 16):
        inner = lines.compressed(inner, words[at : at + 16])
    padding = _words((b"\x80" + bytes(23)) + _bits(32))
    found = lines.compressed(outer, [*inner, *map(same, padding)])
    _store(lines, [lines.swapped(word) for word in found[:4]])
    return [
        f"define void @{NAME}(ptr %first, ptr %target, i64 %groups, ptr %key) {{",
        "start:",
        *start.lines,
        "br label %group",
        "group:",
        "%codes = phi ptr [ %first, %start ], [ %more_codes, %group ]",
        "%found = phi ptr [ %target, %start ], [ %more_found, %group ]",
        "%left = phi i64 [ %groups, %start ], [ %fewer, %group ]",
        *lines.lines,
        f"%more_codes = getelementptr i8, ptr %codes, i64 {lanes * length}",
        f"%more_found = getelementptr i8, ptr %found, i64 {lanes * 16}",
        "%fewer = sub i64 %left, 1",
        "%more = icmp ne i64 %fewer, 0",
        "br i1 %more, label %group, label %end",
        "end:",
        "ret void",
        "}",
    ]


def _bits(length: int) -> bytes:
    """What ends the last block of a message that follows a block of the key."""
    return (8 * (BLOCK + length)).to_bytes(8, "big")


def _keyed(lines: _Lines, pad: int) -> list[str]:
    """The state after the key's block, each word of it changed by `pad` (RFC 2104, section 2)."""
    words = []
    for at in range(16):
        address = lines.value(f"getelementptr i32, ptr %key, i64 {at}")
        word = lines.spread(lines.value(f"load i32, ptr {address}, align 1"))
        words.append(lines.do("xor", lines.swapped(word), same(pad)))
    return lines.compressed([same(word) for word in _words(INITIAL)], words)


def _loaded(lines: _Lines, length: int, at: int, padding: int) -> str:
    """The word `at` of each lane's padded code; `padding`: what in it is none of the code."""
    own = min(max(length - 4 * at, 0), 4)  # bytes of the code
    if not own:
        return same(padding)
    many = lines.lanes
    places = _list("i64", (lane * length + 4 * at for lane in range(many)))
    addresses = lines.value(f"getelementptr i8, ptr %codes, <{many} x i64> {places}")
    word = lines.value(
        f"call {lines.vector} @llvm.masked.gather.v{many}i32.v{many}p0(<{many} x ptr> {addresses},"
        f" i32 1, <{many} x i1> splat (i1 true), {lines.vector} poison)"
    )
    word = lines.swapped(word)
    if own == 4:
        return word
    kept = (1 << 32) - (1 << (32 - 8 * own))
    return lines.do("or", lines.do("and", word, same(kept)), same(padding))


def _store(lines: _Lines, words: Sequence[str]) -> None:
    """Write the four words of each lane one after the other."""
    many = lines.lanes
    pair, four = f"<{2 * many} x i32>", f"<{4 * many} x i32>"
    every = _list("i32", range(2 * many))
    halves = [
        lines.value(f"shufflevector {lines.vector} {left}, {lines.vector} {right}, {pair} {every}")
        for left, right in (words[:2], words[2:])
    ]
    by_lane = _list("i32", (word * many + lane for lane in range(many) for word in range(4)))
    whole = lines.value(f"shufflevector {pair} {halves[0]}, {pair} {halves[1]}, {four} {by_lane}")
    lines.lines.append(f"store {four} {whole}, ptr %found, align 1")


def _list(kind: str, numbers: Iterable[int]) -> str:
    return f"<{', '.join(f'{kind} {number}' for number in numbers)}>"
